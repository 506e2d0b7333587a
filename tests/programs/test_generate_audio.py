"""generate_audio.py: its sounds, figure, class lists, and what it says when something is wrong."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from archive_data import save_tokens

import generate_audio
from transcoder.audio import read_audio
from transcoder.checkpoints import save_checkpoint
from transcoder.models import ModelSettings, build_model

SOUNDS = (
    "original",
    "generated_from_groundtruth_mel",
    "generated_from_pinv",
    "generated_from_texture",
    "generated_from_cnn_mels",
    "generated_from_cnn_logits",
    "generated_from_textured",
    "generated_from_noise_vocoder",
)
"""As the published program names them; it lacks texture, textured and noise_vocoder."""


@pytest.fixture
def models(tmp_path):
    """A folder with a small untrained transcoder of each kind and classifier."""
    torch.manual_seed(0)
    folder = tmp_path / "models"
    for classifier in ("PANN", "YamNet"):
        settings = ModelSettings("cnn_pinv", classifier, 3, 2, 2, 1)
        for kind in ("transcoder=cnn_pinv+ts=0", "prop_logit=100+transcoder=cnn_pinv+ts=1"):
            name = f"classifier={classifier}+step=train+{kind}_model"
            save_checkpoint(folder / name, build_model(settings), settings=settings)
        for kind in ("direct", "textured"):
            save_tokens(folder, kind, classifier)
    return folder


@pytest.fixture
def recording(tmp_path, rng):
    path = tmp_path / "noise.flac"
    soundfile.write(path, 0.3 * rng.standard_normal((55_000, 2)).clip(-3, 3), 22_050)
    return path


@pytest.fixture(autouse=True)
def no_weights(monkeypatch, tmp_path):
    for name in ("PANN_WEIGHTS", "YAMNET_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path / "no_such_weights.pth"))


def run(*arguments) -> int:
    return generate_audio.main([str(a) for a in arguments])


@pytest.mark.parametrize("classifier, rate", [("PANN", 32_000), ("YamNet", 16_000)])
def test_writes_everything(tmp_path, models, recording, capsys, classifier, rate):
    output = tmp_path / "out"
    assert (
        run(
            recording,
            "--classifier",
            classifier,
            "--models",
            models,
            "--output",
            output,
            "--iterations",
            2,
        )
        == 0
    )
    folder = output / {"PANN": "noise_PANN", "YamNet": "noise"}[classifier]
    written = sorted(p.name for p in folder.iterdir())
    assert written == sorted([*(f"noise_{s}.wav" for s in SOUNDS), "noise_spectrograms.png"])
    for suffix in SOUNDS:
        wave, sample_rate = read_audio(folder / f"noise_{suffix}.wav")
        assert sample_rate == (32_000 if "noise_vocoder" in suffix else rate)
        assert abs(wave.size - 55_000 / 22_050 * sample_rate) <= 1
        assert abs(wave).max() <= 1
    err = capsys.readouterr().err
    assert err.count("missing:") == 1
    assert "download_pretrained_models.py" in err


def test_prints_the_classes_when_the_weights_are_there(
    tmp_path, published_models, reference, yamnet_weights, capsys
):
    assert (
        run(
            reference / "audio" / "birds.wav",
            "--classifier",
            "YamNet",
            "--models",
            published_models,
            "--classifier_weights",
            yamnet_weights,
            "--output",
            tmp_path,
            "--iterations",
            1,
            "--duration",
            3,
        )
        == 0
    )
    out, err = capsys.readouterr()
    lines = out.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("top 10 classes"))
    assert "yamnet_from_public_tflite.pth" in lines[first]
    assert "true Mels" in lines[first + 1]
    assert "CNN-logits" in lines[first + 1]
    assert len(lines) == first + 12
    assert "Bird" in out
    table = pd.read_csv(tmp_path / "birds" / "birds_classes.csv")
    assert table.groupby("mels").size().to_dict() == {
        "true_mels": 10,
        "pinv": 10,
        "texture": 10,
        "cnn_logits": 10,
        "noise_vocoder": 10,
    }
    assert table.loc[0, "class"] == lines[first + 2].split()[1]
    assert err.startswith("missing: no CNN-mels transcoder for YamNet")


def test_the_embedded_yamnet_hears_where_the_real_one_is_not_there(
    tmp_path, models, recording, monkeypatch, capsys
):
    from transcoder import classifiers

    if not classifiers.SMALL_YAMNET.is_file():
        pytest.skip("yamnet_small.pth is not there")
    monkeypatch.delenv("YAMNET_WEIGHTS")
    monkeypatch.setattr(classifiers, "FETCHED_ROOT", tmp_path)  # nothing was fetched
    arguments = ("--classifier", "YamNet", "--models", models, "--output", tmp_path)
    assert run(recording, *arguments, "--iterations", 1) == 0
    out, err = capsys.readouterr()
    assert "top 10 classes, YamNet small (distilled):" in out
    assert "missing:" not in err
    assert "direct: classifier=YamNet" in out
    assert out[out.index("top 10 classes") :].splitlines()[1].endswith("direct")
    table = pd.read_csv(tmp_path / "noise" / "noise_classes.csv")
    told = table[table["mels"] == "direct"]
    assert len(told) == 10 and told["transcoder"].str.contains("transcoder=direct").all()
    assert (table["mels"] == "textured").sum() == 10


def test_without_any_transcoder_the_rest_is_produced(tmp_path, recording, capsys):
    (tmp_path / "none").mkdir()
    assert (
        run(recording, "--models", tmp_path / "none", "--output", tmp_path, "--iterations", 1) == 0
    )
    assert (tmp_path / "noise" / "noise_generated_from_pinv.wav").is_file()
    assert not (tmp_path / "noise" / "noise_generated_from_cnn_mels.wav").exists()
    assert capsys.readouterr().err.count("missing:") == 5


def test_offset_duration_and_seed(tmp_path, models, recording):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            run(
                recording,
                "--models",
                models,
                "--output",
                tmp_path / folder,
                "--offset",
                0.5,
                "--duration",
                1.25,
                "--seed",
                seed,
                "--iterations",
                1,
            )
            == 0
        )
    file = "noise/noise_generated_from_pinv.wav"
    a, b, c = (read_audio(tmp_path / folder / file)[0] for folder in "abc")
    assert abs(a.size - 20_000) <= 1
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_name_inside_audio(tmp_path, models):
    assert (
        run(
            "street_scene.wav",
            "--models",
            models,
            "--output",
            tmp_path,
            "--duration",
            1,
            "--iterations",
            1,
        )
        == 0
    )
    assert (tmp_path / "street_scene" / "street_scene_original.wav").is_file()


def test_a_second_classifier_overwrites_nothing(tmp_path, models, recording):
    arguments = (recording, "--models", models, "--output", tmp_path, "--iterations", 1)
    assert run(*arguments) == 0
    first = {path: path.read_bytes() for path in (tmp_path / "noise").iterdir()}
    assert run(*arguments, "--classifier", "pann") == 0
    assert (tmp_path / "noise_PANN" / "noise_generated_from_pinv.wav").is_file()
    assert {path: path.read_bytes() for path in (tmp_path / "noise").iterdir()} == first


def bad_file(tmp_path, kind):
    path = tmp_path / f"{kind}.wav"
    samples = {
        "silent": np.zeros(8000),
        "empty": np.zeros(0),
        "nan": np.array([0.1, np.nan]),
        "infinite": np.array([0.1, np.inf]),
        "one": np.array([0.5]),
        "click": 0.5 * np.ones(999),
    }
    if kind in samples:
        soundfile.write(path, samples[kind], 8000, subtype="FLOAT")
    elif kind == "text":
        path.write_text("no sound")
    elif kind == "apple":
        path = path.with_suffix(".m4a")
        path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(200))
    elif kind == "headerless":
        path = path.with_suffix(".raw")
        path.write_bytes(bytes(200))
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    "kind, message",
    [
        ("silent", "is silent"),
        ("empty", "holds no samples"),
        ("nan", "NaN or infinite"),
        ("infinite", "NaN or infinite"),
        ("text", "cannot be read as sound"),
        ("apple", "convert it first: ffmpeg -i "),
        ("headerless", "convert it first: ffmpeg -i "),
        ("one", "0.0001 s of sound are too short"),
        ("click", "0.1249 s of sound are too short"),
        ("folder", "is a folder"),
        ("absent", "no such file"),
    ],
)
def test_unusable_input_is_one_line_and_writes_nothing(tmp_path, models, capsys, kind, message):
    output = tmp_path / "out"
    assert run(bad_file(tmp_path, kind), "--models", models, "--output", output) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert message in err
    assert not output.exists()


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--iterations", 0, "--iterations must be 1 or more"),
        ("--duration", -1, "--duration must be above 0"),
        ("--duration", "nan", "--duration must be a finite number"),
        ("--offset", "inf", "--offset must be a finite number"),
        ("--seed", "9" * 30, "--seed must be a finite number"),
        ("--device", "tpu", "unknown device 'tpu'"),
        ("--offset", 99, "lies outside the file"),
        ("--duration", 0.01, "too short, a frame of third-octave levels takes 0.125 s"),
    ],
)
def test_unusable_options(tmp_path, models, recording, capsys, option, value, message):
    status = run(recording, "--models", models, "--output", tmp_path / "out", option, value)
    assert status in (1, 2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_damaged_checkpoint_stops_before_anything_is_written(tmp_path, models, recording, capsys):
    for path in models.glob("classifier=YamNet*ts=1_model"):
        path.write_bytes(path.read_bytes()[:100])
    assert run(recording, "--models", models, "--output", tmp_path / "out") == 1
    assert "damaged or cut short" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_named_weights_must_be_there(tmp_path, models, recording, capsys):
    weights = tmp_path / "gone.pth"
    assert run(recording, "--models", models, "--classifier_weights", weights) == 1
    assert "gone.pth is missing" in capsys.readouterr().err
