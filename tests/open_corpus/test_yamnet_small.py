"""The small YAMNet: when it stands in, what it says it is, how it is distilled."""

import csv
import hashlib
import logging

import numpy as np
import pytest
import soundfile
import torch
import yaml

from demo_scenes.scenes import TAU_RECIPES, draw, render
from demo_scenes.signals import Synth
from features.splits import FOLD_TABLES
from open_corpus import distill_yamnet_small
from open_corpus.distillation.agreement import agreement
from open_corpus.distillation.patches import PATCHES_PER_SCENE, cut, draw_patches
from transcoder import classifiers
from transcoder.checkpoints import load_checkpoint, save_checkpoint
from transcoder.classifiers import WEIGHTS, load_classifier, load_network, new_network
from transcoder.errors import MissingFileError, UserError
from transcoder.fingerprint import fingerprint
from transcoder.hearing import hear_recording
from transcoder.mels import LogMel
from transcoder.models import ModelSettings, build_model
from transcoder.names import TAU_FOLDER
from transcoder.settings import YAMNET
from yamnet.network import YamNet

RATE = YAMNET.sample_rate


@pytest.fixture
def fresh_clone(tmp_path, monkeypatch):
    """A project folder without any fetched weights."""
    monkeypatch.delenv("YAMNET_WEIGHTS", raising=False)
    monkeypatch.setattr(classifiers, "FETCHED_ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def small_file(tmp_path, monkeypatch):
    """Random small weights in the place of the embedded ones."""
    torch.manual_seed(0)
    path = tmp_path / "embedded" / "yamnet_small.pth"
    path.parent.mkdir()
    torch.save(YamNet(521, 0.25).state_dict(), path)
    given = WEIGHTS["YamNet"]
    replaced = type(given)(given.path, given.environment_variable, given.fetch_name, path)
    monkeypatch.setitem(WEIGHTS, "YamNet", replaced)
    return path


def test_stands_in_for_missing_weights(fresh_clone, small_file, caplog):
    with caplog.at_level(logging.INFO):
        classifier = load_classifier("YamNet")
    assert classifier.label == "YamNet small (distilled; width 0.25)"
    assert classifier.network.width == 0.25
    [record] = caplog.records
    assert "yamnet.pth is not there" in record.message
    assert "yamnet_small.pth stands in" in record.message
    assert classifier.probabilities(torch.zeros(2, 96, 64)).shape == (2, 521)


def test_fetched_weights_come_first(fresh_clone, small_file, caplog):
    (fresh_clone / "yamnet").mkdir()
    torch.save(YamNet(521).state_dict(), fresh_clone / "yamnet" / "yamnet.pth")
    with caplog.at_level(logging.INFO):
        assert load_classifier("YamNet").label == "YamNet (yamnet.pth)"
    assert not caplog.records


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_named_weights_never_fall_back(fresh_clone, small_file, monkeypatch, by):
    gone = fresh_clone / "gone.pth"
    if by == "environment":
        monkeypatch.setenv("YAMNET_WEIGHTS", str(gone))
    with pytest.raises(MissingFileError, match=r"gone.pth is missing.*--only yamnet"):
        load_classifier("YamNet", gone if by == "argument" else None)


def test_without_the_embedded_file_the_missing_one_is_named(fresh_clone, small_file):
    small_file.unlink()
    with pytest.raises(MissingFileError, match=r"yamnet.pth is missing.*--only yamnet"):
        load_classifier("YamNet")


def test_pann_has_no_stand_in(fresh_clone, small_file, monkeypatch):
    monkeypatch.delenv("PANN_WEIGHTS", raising=False)
    with pytest.raises(MissingFileError, match="ResNet38"):
        load_classifier("PANN")


@pytest.mark.parametrize("width", [0.25, 38 / 128, 1.0])
def test_width_comes_from_the_file(tmp_path, width):
    torch.save(YamNet(521, width).state_dict(), tmp_path / "weights.pth")
    assert load_network("YamNet", tmp_path / "weights.pth").width == width


@pytest.mark.parametrize("width", [0.25, 1.0])
def test_self_transcoders_of_both_widths_can_be_saved_and_loaded(tmp_path, width):
    torch.manual_seed(0)
    torch.save(YamNet(521, width).state_dict(), tmp_path / "weights.pth")
    settings = ModelSettings("self", "YamNet")
    model = build_model(settings, pretrained=True, classifier_weights=tmp_path / "weights.pth")
    save_checkpoint(tmp_path / "model", model, settings=settings)
    loaded, _ = load_checkpoint(tmp_path / "model")
    levels = torch.full((1, 8, 29), 60.0)
    torch.testing.assert_close(loaded(levels), model.eval()(levels))


def test_patches_are_those_of_the_recording_with_its_gain(rng):
    wave = 0.1 * rng.standard_normal(2 * RATE)
    log_mel = LogMel("YamNet", patch=False).float()
    mels = log_mel(torch.from_numpy(wave).float()[None]).numpy()
    patches = draw_patches(1, mels.shape[1], seed=0, view=0)
    found = cut(mels, patches)
    assert found.shape == (PATCHES_PER_SCENE, 96, 64)
    for i in (0, 3):
        gain = 10 ** (patches.gain_db[i] / 20)
        expected = log_mel(torch.from_numpy(gain * wave).float()[None])[0]
        expected = expected[patches.first_frame[i] :][:96]
        torch.testing.assert_close(found[i], expected, atol=1e-4, rtol=0)
    assert np.ptp(patches.first_frame) > 0
    again, other = (draw_patches(1, 201, seed=0, view=view) for view in (0, 1))
    np.testing.assert_array_equal(again.gain_db, patches.gain_db)
    assert not np.array_equal(other.gain_db, patches.gain_db)


def test_agreement_of_known_probabilities():
    teacher = torch.tensor(
        [[0.9, 0.1, 0, 0.2, 0, 0.1], [0.2, 0.6, 0, 0.1, 0, 0.3], [0.1, 0.3, 0, 0.8, 0, 0.2]]
    )
    same = agreement(teacher, teacher)
    assert (same["chunks"], same["top1"], same["top1_in_top5"]) == (3, 1, 1)
    assert same["class_correlation"] == pytest.approx(1)
    assert same["bce"] == same["bce_floor"]
    assert same["classes_heard"] == 4  # two classes never sound
    opposite = agreement(1 - teacher, teacher)
    assert opposite["top1"] == 0
    assert opposite["class_correlation"] == pytest.approx(-1)
    assert opposite["bce"] > same["bce"]


@pytest.fixture
def corpus(tmp_path, rng):
    """Six short scenes, two in each split."""
    root = tmp_path / "corpus"
    folder = root / TAU_FOLDER
    (folder / "audio").mkdir(parents=True)
    (folder / "evaluation_setup").mkdir()
    rows = []
    for i, city in enumerate(("paris", "lyon", "lisbon", "prague", "helsinki", "barcelona")):
        label = ("park", "street_traffic")[i % 2]
        name = f"audio/{label}-{city}-{i}-{i}-a.wav"
        wave = render(Synth(rng, 32_000), draw(rng, TAU_RECIPES[label]), 3.0)
        soundfile.write(folder / name, 0.5 * wave / np.abs(wave).max(), 32_000)
        rows.append((name, label))
    for table, part in zip(FOLD_TABLES, (rows[:4], rows[4:]), strict=True):
        with (folder / table).open("w", newline="") as file:
            csv.writer(file, delimiter="\t").writerows([("filename", "scene_label"), *part])
    (root / "open_corpus_sources.csv").write_text("package\nnone\n")
    return root


@pytest.fixture
def teacher_file(tmp_path):
    """A random network whose output depends on its input, as an untrained one's hardly does."""
    torch.manual_seed(1)
    network = new_network("YamNet").train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network(2 * torch.randn(16, 96, 64) - 3)
        network.classifier.weight *= 10
        network.classifier.bias -= 3
    path = tmp_path / "real.pth"
    torch.save(network.state_dict(), path)
    return path


def distil(corpus, teacher_file, output, *options):
    arguments = ["--corpus", corpus, "--teacher", teacher_file, "--output", output]
    arguments += ["--batch_size", 16, "--views", 2, *options]
    return distill_yamnet_small.main([str(a) for a in arguments])


def test_distils_and_says_how(tmp_path, corpus, teacher_file, capsys):
    recording = next((corpus / TAU_FOLDER / "audio").glob("*lyon*"))
    output = tmp_path / "out" / "small.pth"
    options = ("--epochs", 20, "--views", 1, "--recordings", recording)
    assert distil(corpus, teacher_file, output, *options) == 0
    classifier = load_classifier("YamNet", output)
    assert classifier.label == "YamNet small (distilled; width 0.25)"
    assert output.stat().st_size < 2_000_000
    pedigree = yaml.safe_load(output.with_suffix(".yaml").read_text())
    assert pedigree["settings"]["epochs"] == 20
    assert pedigree["fingerprint"] == fingerprint(classifier.network)
    assert pedigree["teacher"] == "YamNet (real.pth)"
    assert pedigree["corpus"]["scenes"] == {"eval": 2, "train": 2, "valid": 2}
    assert (output.parent / "small_sources.csv").read_text() == "package\nnone\n"
    losses = pedigree["curves"]["train_bce"]
    assert len(losses) == 20
    assert losses[-1] < 0.95 * losses[0]
    scores = pedigree["agreement_with_teacher"]
    assert set(scores) == {"held-out scenes", recording.name}
    assert scores["held-out scenes"]["chunks"] == 6
    assert "held-out scenes: top-1" in capsys.readouterr().out
    assert str(tmp_path) not in pedigree["command"]


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, corpus, teacher_file, monkeypatch):
    from open_corpus.distillation import training

    assert distil(corpus, teacher_file, tmp_path / "whole.pth", "--epochs", 2) == 0
    for checkpoint in corpus.rglob("training.pth"):
        checkpoint.unlink()
    original, calls = training._train_epoch, []

    def interrupted(*args):
        calls.append(args[-1])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(training, "_train_epoch", interrupted)
    assert distil(corpus, teacher_file, tmp_path / "resumed.pth", "--epochs", 2) == 130
    assert not (tmp_path / "resumed.pth").exists()
    assert distil(corpus, teacher_file, tmp_path / "resumed.pth", "--epochs", 2) == 0
    assert calls == [0, 1, 1]
    whole, resumed = (torch.load(tmp_path / f"{n}.pth") for n in ("whole", "resumed"))
    for key, value in whole.items():
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=0)


def test_the_student_cannot_teach(tmp_path, corpus, small_file, capsys):
    assert distil(corpus, small_file, tmp_path / "x.pth") == 1
    assert "the teacher must be the real YAMNet" in capsys.readouterr().err


def test_other_settings_do_not_go_on_with_a_run(tmp_path, corpus, teacher_file, capsys):
    assert distil(corpus, teacher_file, tmp_path / "x.pth", "--epochs", 1) == 0
    assert distil(corpus, teacher_file, tmp_path / "x.pth", "--epochs", 1, "--width", 0.5) == 1
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, message",
    [
        (("--width", 1), "width 1: give a multiple of 0.0078125"),
        (("--width", 0.3), "width 0.3"),
        (("--epochs", 0), "epochs must be 1 or more"),
        (("--learning_rate", 5), "learning rate 5"),
        (("--corpus", "nowhere"), "build_open_corpus.py"),
    ],
)
def test_impossible_options(tmp_path, corpus, teacher_file, capsys, options, message):
    assert distil(corpus, teacher_file, tmp_path / "x.pth", *options) == 2
    assert message in capsys.readouterr().err


def test_the_embedded_file_hears_what_the_real_one_hears(reference, yamnet_weights):
    if not classifiers.SMALL_YAMNET.is_file():
        pytest.skip("yamnet_small.pth is not there")
    small = load_classifier("YamNet", classifiers.SMALL_YAMNET)
    real = load_classifier("YamNet", yamnet_weights)
    with np.load(reference / "birds.npz") as arrays:
        mels = torch.from_numpy(arrays["mel_yamnet_log"])
    expected = {name for name, _ in real.top(hear_recording(real, mels), k=5)}
    found = {name for name, _ in small.top(hear_recording(small, mels), k=5)}
    assert len(expected & found) >= 3
    assert classifiers.SMALL_YAMNET.stat().st_size <= 2_000_000


def test_what_lies_beside_the_embedded_file_belongs_to_it():
    pedigree = yaml.safe_load(classifiers.SMALL_YAMNET.with_suffix(".yaml").read_text())
    table = classifiers.SMALL_YAMNET.with_name("yamnet_small_sources.csv").read_bytes()
    assert hashlib.sha256(table).hexdigest() == pedigree["corpus"]["sources_sha256"]
    network = load_network("YamNet", classifiers.SMALL_YAMNET)
    assert fingerprint(network) == pedigree["fingerprint"]


def test_damaged_stand_in_is_reported(fresh_clone, small_file):
    small_file.write_bytes(small_file.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"yamnet_small.pth: damaged or cut short"):
        load_classifier("YamNet")
