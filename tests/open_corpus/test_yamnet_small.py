"""The small YAMNet: when it stands in, what it says it is, how it is distilled."""

import logging
import re

import numpy as np
import pytest
import soundfile
import torch
import yaml
from open_data import shrink

from open_corpus import distill_yamnet_small
from open_corpus.distillation import training
from open_corpus.distillation.agreement import agreement
from open_corpus.distillation.factoring import factored, n_weights, observe
from transcoder import classifiers
from transcoder.checkpoints import load_checkpoint, save_checkpoint
from transcoder.classifiers import WEIGHTS, load_classifier, load_network, new_network
from transcoder.errors import MissingFileError, UserError
from transcoder.fingerprint import fingerprint
from transcoder.hearing import hear_recording
from transcoder.locks import only_run
from transcoder.models import ModelSettings, build_model
from transcoder.weights import dequantised, quantised, save_state
from yamnet.network import FACTORABLE, YamNet, shape_of

RANKS = {"layer9.pointwise_conv.conv": 40, "classifier": 24}


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
    torch.save(quantised(YamNet(521, ranks=RANKS).state_dict()), path)
    given = WEIGHTS["YamNet"]
    replaced = type(given)(given.path, given.environment_variable, given.fetch_name, path)
    monkeypatch.setitem(WEIGHTS, "YamNet", replaced)
    return path


def test_stands_in_for_missing_weights(fresh_clone, small_file, caplog):
    with caplog.at_level(logging.INFO):
        classifier = load_classifier("YamNet")
    assert classifier.label == "YamNet small (distilled)"
    assert classifier.network.ranks == RANKS
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


SHAPES = [{}, {"width": 0.25}, {"width": 38 / 128}, {"ranks": RANKS}]


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_comes_from_the_file(tmp_path, shape):
    network = YamNet(521, **shape)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    assert shape_of(network.state_dict()) == {"width": 1.0, "ranks": {}} | shape
    loaded = load_network("YamNet", tmp_path / "weights.pth")
    assert loaded.is_full == (not shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_self_transcoders_of_all_shapes_can_be_saved_and_loaded(tmp_path, shape):
    torch.manual_seed(0)
    torch.save(YamNet(521, **shape).state_dict(), tmp_path / "weights.pth")
    settings = ModelSettings("self", "YamNet")
    model = build_model(settings, pretrained=True, classifier_weights=tmp_path / "weights.pth")
    save_checkpoint(tmp_path / "model", model, settings=settings)
    loaded, _ = load_checkpoint(tmp_path / "model")
    levels = torch.full((1, 8, 29), 60.0)
    torch.testing.assert_close(loaded(levels), model.eval()(levels))


def test_eight_bits_are_half_a_step_off_at_most():
    torch.manual_seed(0)
    state = YamNet(521, ranks=RANKS).state_dict()
    small = quantised(state)
    again = dequantised(small)
    assert again.keys() == state.keys()
    for key, value in state.items():
        if value.ndim < 2:
            torch.testing.assert_close(again[key].to(value.dtype), value, rtol=1e-3, atol=0)
            continue
        assert small[key].dtype == torch.int8
        step = value.flatten(1).abs().amax(dim=1) / 127
        off = (again[key] - value).flatten(1).abs().amax(dim=1)
        assert (off <= 0.501 * step).all()
    assert dequantised(state).keys() == state.keys()


KEY = "layer9.pointwise_conv.conv.1.weight"


@pytest.mark.parametrize(
    "scale, message",
    [
        (None, f"{KEY} is of whole numbers, without the scale"),
        (torch.ones(5), f"{KEY}.scale is unknown"),
        (torch.tensor(1.0), f"{KEY}.scale is unknown"),
        (torch.ones(512, 1), f"{KEY}.scale is unknown"),
        (torch.ones(512, dtype=torch.int64), f"{KEY}.scale is unknown"),
        (torch.full((512,), torch.nan), f"{KEY} is NaN or infinite"),
    ],
)
def test_eight_bits_with_another_scale_are_refused(tmp_path, scale, message):
    state = quantised(YamNet(521, ranks=RANKS).state_dict())
    del state[f"{KEY}.scale"]
    for suffix in ("", ".safetensors"):
        path = tmp_path / f"weights{suffix}"
        save_state(path, state if scale is None else state | {f"{KEY}.scale": scale})
        with pytest.raises(UserError, match=re.escape(message)):
            load_network("YamNet", path)


def test_eight_bits_are_read_from_either_format(tmp_path):
    state = YamNet(521, ranks=RANKS).state_dict()
    both = [tmp_path / "weights.pth", tmp_path / "weights.safetensors"]
    for path in both:
        save_state(path, quantised(state))
    one, other = (load_network("YamNet", path).state_dict() for path in both)
    for key, value in one.items():
        assert torch.equal(value, other[key])


@pytest.fixture(scope="module")
def mels():
    torch.manual_seed(3)
    return (2 * torch.randn(2, 8, 96, 64) - 3).cumsum(dim=2).clamp(-7, 2)


def test_more_components_are_nearer_to_the_teacher_and_all_are_there(teacher_file, mels):
    teacher = load_network("YamNet", teacher_file).eval()
    before = fingerprint(teacher)
    outputs = observe(teacher, mels, seed=0)
    assert set(outputs) == set(FACTORABLE)
    sizes, errors = [], []
    for share in (0.5, 0.9, 0.99, 1 - 1e-12):
        student = factored(teacher, outputs, share)
        sizes.append(n_weights(student))
        with torch.no_grad():
            wanted, found = (
                net.layer2(net.layer1(mels[0].unsqueeze(1))) for net in (teacher, student)
            )
        errors.append(float((found - wanted).square().mean() / wanted.square().mean()))
    assert sizes == sorted(sizes) and sizes[-1] <= n_weights(teacher)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e-3 and errors[-1] < 1e-9
    assert fingerprint(teacher) == before


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


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    shrink(monkeypatch)
    monkeypatch.setattr(training, "SAVED_BLOCKS", 2)
    monkeypatch.setattr(training, "OBSERVED_BLOCKS", 2)


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory):
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
    path = tmp_path_factory.mktemp("teacher") / "real.pth"
    torch.save(network.state_dict(), path)
    return path


def distil(data, teacher_file, output, *options):
    arguments = ["--data_path", data, "--teacher", teacher_file, "--output", output]
    arguments += ["--batch_size", 2, "--blocks", 6, *options]
    return distill_yamnet_small.main([str(a) for a in arguments])


def test_distils_and_says_how(tmp_path, data, teacher_file, recording, capsys):
    output = tmp_path / "out" / "small.pth"
    options = ("--share", 0.8, "--learning_rate", 3e-3, "--recordings", recording)
    assert distil(data, teacher_file, output, *options) == 0
    classifier = load_classifier("YamNet", output)
    assert classifier.label == "YamNet small (distilled)"
    pedigree = yaml.safe_load(output.with_suffix(".yaml").read_text())
    assert pedigree["settings"]["share"] == 0.8
    assert pedigree["fingerprint"] == fingerprint(classifier.network)
    assert pedigree["ranks"] == classifier.network.ranks
    assert pedigree["weights"] == n_weights(classifier.network)
    assert pedigree["teacher"] == "YamNet (real.pth)"
    first, *_, last = pedigree["curve"]
    assert (first["block"], last["block"]) == (0, 6)
    assert last["valid_bce"] < 0.95 * first["valid_bce"]
    scores = pedigree["agreement_with_teacher"]
    assert set(scores) == {"held-out mixtures", recording.name}
    assert scores["held-out mixtures"]["chunks"] == 12
    assert "held-out mixtures: top-1" in capsys.readouterr().out
    assert str(tmp_path) not in pedigree["command"]
    assert sorted(path.name for path in output.parent.iterdir()) == ["small.pth", "small.yaml"]


@pytest.fixture
def recording(tmp_path, rng):
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * rng.standard_normal(32_000), 16_000)
    return path


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, data, teacher_file, monkeypatch):
    assert distil(data, teacher_file, tmp_path / "whole.pth") == 0
    original, calls = training._train_block, []

    def interrupted(*args):
        calls.append(args[2])
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(training, "_train_block", interrupted)
    assert distil(data, teacher_file, tmp_path / "resumed.pth") == 130
    assert not (tmp_path / "resumed.pth").exists()
    assert distil(data, teacher_file, tmp_path / "resumed.pth") == 0
    assert calls == [0, 1, 2, 3, 2, 3, 4, 5]
    whole, resumed = (torch.load(tmp_path / f"{n}.pth") for n in ("whole", "resumed"))
    for key, value in whole.items():
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=0)


def test_the_student_cannot_teach(tmp_path, data, small_file, capsys):
    assert distil(data, small_file, tmp_path / "x.pth") == 1
    assert "the teacher must be the real YAMNet" in capsys.readouterr().err


def test_other_settings_do_not_go_on_with_a_run(tmp_path, data, teacher_file, monkeypatch, capsys):
    def stopped(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(distill_yamnet_small, "_agreements", stopped)
        assert distil(data, teacher_file, tmp_path / "x.pth", "--blocks", 1) == 130
    assert distil(data, teacher_file, tmp_path / "x.pth", "--blocks", 1, "--share", 0.5) == 1
    assert "other settings" in capsys.readouterr().err
    network = load_network("YamNet", teacher_file)
    network.classifier.bias.data += 1
    torch.save(network.state_dict(), tmp_path / "other.pth")
    assert distil(data, tmp_path / "other.pth", tmp_path / "x.pth", "--blocks", 1) == 1
    assert "another teacher" in capsys.readouterr().err
    with only_run(tmp_path / "x.pth"):
        assert distil(data, teacher_file, tmp_path / "x.pth", "--blocks", 1) == 1
    assert "another run is writing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, message",
    [
        (("--share", 1), "share 1: give one between 0 and 1"),
        (("--blocks", 0), "blocks must be 1 or more"),
        (("--learning_rate", 5), "learning rate 5"),
    ],
)
def test_impossible_options(tmp_path, data, teacher_file, capsys, options, message):
    assert distil(data, teacher_file, tmp_path / "x.pth", *options) == 2
    assert message in capsys.readouterr().err


def test_without_the_data_set_its_command_is_named(tmp_path, teacher_file, capsys):
    assert distil(tmp_path / "nowhere", teacher_file, tmp_path / "x.pth") == 1
    assert "create_open_dataset.py" in capsys.readouterr().err


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
    assert classifiers.SMALL_YAMNET.stat().st_size <= 2 * 2**20


def test_what_lies_beside_the_embedded_file_belongs_to_it():
    pedigree = yaml.safe_load(classifiers.SMALL_YAMNET.with_suffix(".yaml").read_text())
    network = load_network("YamNet", classifiers.SMALL_YAMNET)
    assert fingerprint(network) == pedigree["fingerprint"]


def test_damaged_stand_in_is_reported(fresh_clone, small_file):
    small_file.write_bytes(small_file.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"yamnet_small.pth: damaged or cut short"):
        load_classifier("YamNet")
