"""Transcoders side by side: what is judged on, rows, order, scores and files."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from judging import compare_transcoders, judgement, material, methods
from judging.measures import resamples
from judging.perturbations import PERTURBATIONS
from transcoder.checkpoints import save_checkpoint
from transcoder.classifiers import load_classifier
from transcoder.errors import MissingFileError, UserError
from transcoder.fingerprint import fingerprint
from transcoder.models import ModelSettings, build_model
from transcoder.settings import THIRD_OCTAVE
from transcoder.transcode import Transcoder


@pytest.fixture(autouse=True)
def small_yamnet(monkeypatch):
    monkeypatch.delenv("YAMNET_WEIGHTS", raising=False)


@pytest.fixture
def world(tmp_path, rng):
    """A recording of 2.5 s and a folder with untrained models, two of them of other judges."""
    write(tmp_path / "noise.wav", rng)
    torch.manual_seed(0)
    small, others = ({"teacher": mark} for mark in (fingerprint_of_small_yamnet(), "another"))
    cnn = ModelSettings("cnn_pinv", "YamNet", 3, 2, 2, 1)
    tokens = {"token_width": 8, "token_layers": 1}
    for kind, settings, training in (
        ("nb_channels=2+step=train+transcoder=cnn_pinv+ts=0", cnn, {}),
        ("nb_channels=2+prop_logit=100+step=train+transcoder=cnn_pinv+ts=1", cnn, small),
        ("nb_channels=4+prop_logit=100+step=train+transcoder=cnn_pinv+ts=1", cnn, others),
        (
            "token_width=8+transcoder=direct+ts=1",
            ModelSettings("direct", "YamNet", **tokens),
            small,
        ),
        (
            "prop_logit=98+token_width=8+transcoder=textured+ts=1",
            ModelSettings("textured", "YamNet", **tokens),
            small,
        ),
        ("of_pann", ModelSettings("cnn_pinv", "PANN", 3, 2, 2, 1), {}),
    ):
        path = tmp_path / "mine" / f"classifier=YamNet+epoch=1+{kind}_model"
        save_checkpoint(path, build_model(settings), settings=settings, training=training)
    return tmp_path


def fingerprint_of_small_yamnet():
    return fingerprint(load_classifier("YamNet").network)


def write(path, rng, *, seconds=2.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    gain = 10 ** rng.uniform(-2, -0.7)
    soundfile.write(path, gain * rng.standard_normal(int(16_000 * seconds)), 16_000)


def labelled(folder, rng):
    for name in ("dog/1-1-A", "dog/1-1-B", "rain/1-2-A", "rain/2-3-A"):
        write(folder / f"{name}.wav", rng, seconds=1)
    return folder


def test_table_of_a_recording(world, capsys):
    output = world / "table.csv"
    arguments = ["--recordings", world / "noise.wav", "--models", world / "mine"]
    arguments += ["--draws", "1", "3"]
    assert compare_transcoders.main([str(a) for a in (*arguments, "--output", output)]) == 0
    table = pd.read_csv(output).set_index("method")
    assert table.index.tolist() == [
        "PINV",
        "texture, 1 draw",
        "texture, 3 draws",
        "mine: CNN-logits, 2 channels, epoch 1",
        "mine: CNN-mels, 2 channels, epoch 1",
        "mine: textured CNN, 8 wide, epoch 1, 1 draw",
        "mine: textured CNN, 8 wide, epoch 1, 3 draws",
        "mine: direct, 8 wide, epoch 1",
        "constant: mean of this set",
        "floor",
    ]
    assert (table["recordings"] == 1).all()
    assert (table["seconds"] == 2).all()
    assert table.loc["floor", ["mel_mse", "kl", "top1"]].tolist() == [0, 0, 1]
    assert (table["bce"] >= table.loc["floor", "bce"]).all()
    assert (table["bce"].drop("floor") > table.loc["floor", "bce"]).all()
    without_mels = ["constant: mean of this set", "mine: direct, 8 wide, epoch 1"]
    assert table["mel_mse"].isna().sum() == table.loc[without_mels, "mel_mse"].isna().sum() == 2
    # untrained, it is texture; other draws are other noise
    learned = table.loc[[name for name in table.index if "textured" in name], "bce"]
    assert learned.tolist() == pytest.approx(table["bce"][1:3].tolist(), rel=1e-3)
    assert table["bce"].nunique() > 5
    assert table["bce_low"].isna().all()  # one recording has no spread
    assert "accuracy" not in table and "traffic" not in table
    assert "Judge: YamNet" in capsys.readouterr().out
    assert output.with_suffix(".md").read_text().count("\n| ") == 12
    assert output.with_suffix(".png").stat().st_size > 10_000


def test_labelled_recordings_with_listeners_and_perturbations(tmp_path, rng):
    folder = labelled(tmp_path / "set", rng)
    rows = ["1-1-A,.1,.2,0", "1-1-B,.3,.2,0", "1-2-A,.9,.1,0", "2-3-A,1,.5,0"]
    (folder / "presence.csv").write_text("\n".join(["recording,traffic,voice,birds", *rows]))
    np.save(tmp_path / "training.npy", rng.random((3, 521)))
    output = tmp_path / "out" / "table.csv"
    arguments = ["--recordings", folder, "--models", tmp_path, "--output", output]
    arguments += ["--constant", tmp_path / "training.npy", "--perturb", "--resamples", "50"]
    arguments += ["--draws", "2"]
    assert compare_transcoders.main([str(a) for a in arguments]) == 0
    table = pd.read_csv(output).set_index("method")
    methods_judged = ["PINV", "texture, 2 draws", "constant: mean of training", "floor"]
    assert table.index.tolist() == methods_judged
    assert (table["bce_low"] < table["bce"]).all()
    assert (table["bce"] < table["bce_high"]).all()
    assert table["birds"].isna().all()  # never there
    assert np.isfinite(table.loc[["PINV", "floor"], ["traffic", "voice", "accuracy"]]).all(
        axis=None
    )
    assert abs(table.loc["constant: mean of training", "correlation"]) < 1e-6
    perturbed = pd.read_csv(tmp_path / "out" / "table_perturbed.csv")
    of_pinv = perturbed[perturbed["method"] == "PINV"].set_index("levels")
    assert of_pinv.index.tolist() == ["as they are", *PERTURBATIONS]
    heard = of_pinv["mel_mse"].drop("no bands > 8 kHz")  # which YAMNet does not hear
    assert heard.nunique() == len(heard)
    assert of_pinv.loc["as they are", "mel_mse"] == table.loc["PINV", "mel_mse"]
    assert (tmp_path / "out" / "table_perturbed.png").is_file()
    # a second run gives the same intervals
    first = output.read_bytes()
    assert compare_transcoders.main([str(a) for a in arguments]) == 0
    assert output.read_bytes() == first


def test_a_method_with_several_draws(tmp_path, rng):
    """Anything that maps levels to an `Answer` is judged; draws are averaged behind the judge."""
    judge, front_end = load_classifier("YamNet"), Transcoder("YamNet")
    found = material.load_recordings(labelled(tmp_path, rng), judge)

    def noisy(levels):
        generator = torch.Generator().manual_seed(len(levels))
        mels = front_end.from_third_octave(levels)
        draws = [mels + torch.randn(mels.shape, generator=generator) for _ in range(4)]
        return methods.Answer(
            torch.stack([judge.probabilities(draw) for draw in draws]).mean(dim=0), draws[0]
        )

    weights = resamples(4, 20)
    pinv = judgement.run(methods.ThroughMels(front_end, judge), found)
    judged = judgement.run(noisy, found)
    # independent noise of deviation 1 on top of PINV's own error
    np.testing.assert_allclose(judged.mel_mse, pinv.mel_mse + 1, rtol=0.1)
    values = judgement.estimates(judged, found, weights, classifier="YamNet")
    assert set(values) == {"mel_mse", "bce", "kl", "top1", "correlation", "accuracy"}
    classes_only = judgement.run(lambda levels: methods.Answer(noisy(levels).probabilities), found)
    assert classes_only.mel_mse is None
    again = judgement.estimates(classes_only, found, weights, classifier="YamNet")
    assert again == {name: values[name] for name in again}
    wrong = judgement.Judged(judged.probabilities[:-1])
    with pytest.raises(UserError, match="probabilities, not"):
        judgement.estimates(wrong, found, weights, classifier="YamNet")


def test_folds_by_name():
    names = ("1-211527-A", "noise")
    assert [judgement.FOLDS["recording"](n) for n in names] == list(names)
    assert [judgement.FOLDS["source"](n) for n in names] == ["1-211527", "noise"]
    assert [judgement.FOLDS["fold"](n) for n in names] == ["1", "noise"]


def test_partial_last_second(tmp_path, rng):
    write(tmp_path / "noise.wav", rng, seconds=2.4)
    judge = load_classifier("YamNet")
    whole = material.load_recordings(tmp_path, judge)
    with_rest = material.load_recordings(tmp_path, judge, partial=True)
    assert (whole.counts, with_rest.counts) == ([2], [3])
    assert torch.equal(whole.levels[0], with_rest.levels[0][:2])
    np.testing.assert_allclose(whole.truth, with_rest.truth[:2], rtol=1e-4, atol=1e-6)


def test_recordings_that_cannot_be_judged(tmp_path, rng):
    with pytest.raises(MissingFileError, match="no such file or folder"):
        material.find_recordings(tmp_path / "nowhere")
    with pytest.raises(MissingFileError, match="no sound files there"):
        material.find_recordings(tmp_path)
    labelled(tmp_path, rng)
    (tmp_path / "presence.csv").write_text("recording,traffic,voice,birds\n1-1-A,0,0,0\n")
    with pytest.raises(UserError, match=r"no row for 1-1-B\.wav \(and 2 more\)"):
        material.find_recordings(tmp_path)
    (tmp_path / "presence.csv").write_text("recording,traffic,voice,birds\n1-1-A,0,0,much\n")
    with pytest.raises(UserError, match=r"presence\.csv, row 2: .*'much'"):
        material.find_recordings(tmp_path)
    (tmp_path / "second.csv").write_text("")
    with pytest.raises(UserError, match="2 tables"):
        material.find_recordings(tmp_path)
    write(tmp_path / "loose.wav", rng)
    with pytest.raises(UserError, match="1 recordings lie beside sub-folders with 4"):
        material.find_recordings(tmp_path)
    write(tmp_path / "short" / "short.wav", rng, seconds=0.5)
    with pytest.raises(UserError, match="shorter than a second"):
        material.load_recordings(tmp_path / "short", load_classifier("YamNet"))


def test_perturbations(rng):
    levels = torch.from_numpy(rng.uniform(-60, 20, (2, 8, 29)).astype(np.float32))
    assert torch.equal(PERTURBATIONS["-6 dB"](levels), levels - 6)
    for name, kept in (
        ("no bands < 100 Hz", range(7, 29)),
        ("no bands > 8 kHz", range(27)),
        ("20 bands, 125 Hz to 10 kHz", range(8, 28)),
    ):
        given = PERTURBATIONS[name](levels)
        gone = [band for band in range(THIRD_OCTAVE.n_bands) if band not in kept]
        assert torch.equal(given[..., kept], levels[..., kept])
        assert (given[..., gone] == -40).all()
    slow = PERTURBATIONS["1-s levels"](levels)
    powers = 10 ** (levels.numpy() / 10)
    np.testing.assert_allclose(slow[1, 5], 10 * np.log10(powers[1].mean(axis=0)), atol=1e-4)
    assert torch.equal(slow, slow[:, :1].expand(-1, 8, -1))


@pytest.mark.parametrize(
    "name, content", [("a.npy", np.zeros((3, 527))), ("b.npy", None), ("c.h5", None)]
)
def test_constant_answer_that_is_none(tmp_path, name, content):
    if content is None:
        (tmp_path / name).write_bytes(b"nothing of the kind")
    else:
        np.save(tmp_path / name, content)
    with pytest.raises(UserError, match="--constant"):
        methods.read_constant(tmp_path / name, load_classifier("YamNet"))


def test_nothing_to_compare_on(capsys):
    assert compare_transcoders.main([]) == 2
    assert "give --features or --recordings" in capsys.readouterr().err


def test_only_some_methods(world, capsys):
    arguments = ["--recordings", world / "noise.wav", "--models", world / "mine", "--only"]
    assert compare_transcoders.main([str(a) for a in (*arguments, "mels", "PINV")]) == 0
    printed = capsys.readouterr().out
    assert "| PINV |" in printed and "| mine: CNN-mels, 2 channels, epoch 1 |" in printed
    assert "CNN-logits" not in printed
    assert compare_transcoders.main([str(a) for a in (*arguments, "wavelets")]) == 2
    assert "no method has such a name" in capsys.readouterr().err


def test_rows_of_an_earlier_run(world, capsys):
    def run(*options):
        arguments = ["--recordings", world / "noise.wav", "--models", world / "mine", *options]
        return compare_transcoders.main([str(a) for a in arguments])

    first, second = world / "first.csv", world / "second.csv"
    assert run("--only", "PINV", "mels", "--output", first) == 0
    assert run("--only", "PINV", "direct", "--beside", first, "--output", second) == 0
    old, new = (pd.read_csv(path).set_index("method") for path in (first, second))
    assert new.index.tolist() == [
        "mine: CNN-mels, 2 channels, epoch 1",
        "PINV",
        "mine: direct, 8 wide, epoch 1",
        "constant: mean of this set",
        "floor",
    ]
    pd.testing.assert_frame_equal(new.loc[old.index], old)
    capsys.readouterr()
    assert run("--partial", "--only", "PINV", "--beside", first) == 1
    assert "had 1 recordings and 2 s in the earlier table" in capsys.readouterr().err
    first.write_text(first.read_text().replace("YamNet small", "PANN"))
    assert run("--only", "PINV", "--beside", first) == 1
    assert "its judge was PANN" in capsys.readouterr().err
    first.write_text("a,b\n1,2\n")
    assert run("--only", "PINV", "--beside", first) == 1
    assert "is no table of this program" in capsys.readouterr().err


def test_output_that_is_no_table(world, capsys):
    arguments = ["--recordings", world / "noise.wav", "--output", world / "table.md"]
    assert compare_transcoders.main([str(a) for a in arguments]) == 2
    assert "ends in .csv" in capsys.readouterr().err


def test_folder_of_models_that_is_not_there(world, capsys):
    arguments = ["--recordings", world / "noise.wav", "--models", world / "theirs"]
    assert compare_transcoders.main([str(a) for a in arguments]) == 1
    assert "theirs: no such folder" in capsys.readouterr().err


def test_figures_of_others_for_the_two_recordings(reference, published_models, yamnet_weights):
    """What was measured elsewhere, with the real YAMNet: Mel MSE, BCE, top-1, correlation."""
    judge = load_classifier("YamNet", yamnet_weights)
    found = material.load_recordings(reference / "audio", judge)
    ways = methods.find_methods([published_models], judge, torch.device("cpu"))
    expected = {
        "PINV": (2.12, 0.0765, 0, 0.00),
        "models: CNN-logits, 64 channels, epoch 200": (0.93, 0.0189, 0.50, 0.34),
    }
    for name, (mel_mse, bce, top1, correlation) in expected.items():
        judged = judgement.run(ways[name], found)
        values = judgement.estimates(judged, found, resamples(2, 1), classifier="YamNet")
        assert values["mel_mse"].value == pytest.approx(mel_mse, abs=0.01)
        assert values["bce"].value == pytest.approx(bce, abs=0.0002)
        assert values["top1"].value == pytest.approx(top1, abs=0.01)
        assert values["correlation"].value == pytest.approx(correlation, abs=0.02)
