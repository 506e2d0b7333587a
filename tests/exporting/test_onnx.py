"""Exported files: the answers of PyTorch, whatever the runtime, and what they say of themselves."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from archive_data import levels, save_tokens

import export_model
from archives.inference import LevelClassifier
from archives.networks import load_networks
from archives.timeline import Units
from exporting.onnx_files import run, session_of
from transcoder.audioset import class_names
from transcoder.classifiers import SMALL_YAMNET
from transcoder.files import REFERENCE_MODELS
from transcoder.transcode import Transcoder

ANY = ["--classifier_weights", str(SMALL_YAMNET)]


@pytest.fixture(scope="module")
def seconds() -> np.ndarray:
    return levels(8 * 40).reshape(-1, 8, 29)


def program_answers(method, seconds, *, draws=1) -> np.ndarray:
    """What classify_third_octave.py hears in seconds that begin at 0."""
    found, network, _ = load_networks(
        "YamNet", method, models=REFERENCE_MODELS, weights=SMALL_YAMNET, draws=draws
    )
    draws = len(found.draws(draws))
    classify = LevelClassifier(found.model, network, device=torch.device("cpu"), draws=draws)
    n = len(seconds)
    units = Units(np.arange(n, dtype=float), seconds[:, None], np.full(n, 8), np.zeros(n, int))
    return classify(units)


def inputs_of(session, seconds) -> list[np.ndarray]:
    both = {"levels": seconds, "places": np.arange(len(seconds))}
    return [both[value.name] for value in session.get_inputs()]


@pytest.fixture(scope="module")
def direct(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("direct") / "direct.onnx"
    assert export_model.main([str(path)]) == 0
    return path


_SLOW = [
    pytest.param(m, marks=pytest.mark.slow) for m in ("pinv", "texture", "cnn_mels", "cnn_logits")
]


@pytest.mark.parametrize("method", ["direct", "textured", *_SLOW])
def test_onnxruntime_answers_as_the_program_does(method, seconds, direct, tmp_path):
    path = direct
    if method != "direct":
        path, options = tmp_path / "a.onnx", ["--mels", "--draws=2", "--noise_s=40", *ANY]
        assert export_model.main([str(path), f"--method={method}", *options]) == 0
    session = session_of(path)
    assert session.get_inputs()[0].shape == ["n", 8, 29]
    found = run(session, inputs_of(session, seconds), batch_size=17)
    np.testing.assert_allclose(found[0], program_answers(method, seconds, draws=2), atol=1e-4)
    one = run(session, inputs_of(session, seconds[:1]))
    np.testing.assert_allclose(one[0], found[0][:1], atol=1e-5)
    if method != "direct":
        transcoder = Transcoder.load(
            "YamNet", method, models=REFERENCE_MODELS, judge=load_networks(
                "YamNet", method, models=REFERENCE_MODELS, weights=SMALL_YAMNET)[1]
        )  # fmt: skip
        mels = transcoder.from_third_octave(seconds).numpy()
        np.testing.assert_allclose(found[1], mels, atol=1e-4 * np.abs(mels).max())


def test_a_file_says_what_it_is(tmp_path, capsys):
    path = tmp_path / "a.onnx"
    assert export_model.main([str(path), "--method=texture", "--noise_s=2", *ANY]) == 0
    assert "differ by" in capsys.readouterr().out
    session = session_of(path)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["class_names"]) == class_names("YamNet")
    assert about["opset"] == "18" and about["noise_s"] == "2"
    assert "26 dB" in about["levels"] and "one second: 8 frames" in about["unit"]
    assert list(json.loads(about["inputs"])) == ["levels", "places"]
    assert str(REFERENCE_MODELS.parent).encode() not in path.read_bytes()
    card = (tmp_path / "a_card.md").read_text()
    assert card.startswith("---\nlicense: mit\n") and "`a.onnx`" in card


@pytest.mark.slow
def test_noise_comes_again_after_what_the_file_takes_along(seconds, tmp_path):
    path = tmp_path / "a.onnx"
    export_model.main([str(path), "--method=texture", "--noise_s=3", "--draws=1", *ANY])
    session = session_of(path)
    same = np.repeat(seconds[:1], 7, axis=0)
    found = run(session, [same, np.arange(7) + 10**9])[0]
    np.testing.assert_allclose(found[:3], found[3:6], atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 1e-4


def test_int8_is_smaller_and_mostly_of_one_mind(seconds, direct, tmp_path, capsys):
    small = tmp_path / "b.onnx"
    assert export_model.main([str(small), "--int8"]) == 0
    assert "its top class is that of the float network in" in capsys.readouterr().out
    assert small.stat().st_size < 0.35 * direct.stat().st_size
    found, wanted = (run(session_of(p), [seconds])[0] for p in (small, direct))
    assert np.mean(found.argmax(1) == wanted.argmax(1)) > 0.8
    assert np.abs(found - wanted).mean() < 0.003
    about = session_of(small).get_modelmeta().custom_metadata_map
    assert about["precision"].startswith("int8")


@pytest.mark.slow
def test_int8_behind_a_classifier_keeps_the_signal_path(seconds, tmp_path):
    path, archive = tmp_path / "a.onnx", tmp_path / "street.npy"
    np.save(archive, levels(8 * 60, seed=3))
    options = [*ANY, "--int8", "--calibration_levels", str(archive)]
    assert export_model.main([str(path), "--method=pinv", *options]) == 0
    found = run(session_of(path), [seconds])[0]
    wanted = program_answers("pinv", seconds)
    assert np.mean(found.argmax(1) == wanted.argmax(1)) > 0.8
    assert "street.npy" in session_of(path).get_modelmeta().custom_metadata_map["precision"]


def test_torch_export_needs_pytorch_alone(seconds, tmp_path):
    path = tmp_path / "a.pt2"
    assert export_model.main([str(path)]) == 0
    extra = {"metadata.json": ""}
    program = torch.export.load(path, extra_files=extra).module()
    for n in (1, 40):
        found = program(torch.from_numpy(seconds[:n]))[0].numpy()
        np.testing.assert_allclose(found, program_answers("direct", seconds[:n]), atol=1e-5)
    assert len(json.loads(extra["metadata.json"])["audioset_ids"]) > 0
    assert str(REFERENCE_MODELS.parent).encode() not in path.read_bytes()


@pytest.mark.slow
def test_pann_hears_single_seconds(tmp_path, seconds):
    from filled_weights import fill

    from transcoder.classifiers import new_network

    network = new_network("PANN")
    fill(network, scales={"fc_audioset.weight": 1e-5})  # probabilities between 0 and 1
    torch.save({"model": network.state_dict()}, tmp_path / "pann.pth")
    weights = ["--classifier_weights", str(tmp_path / "pann.pth")]
    path = tmp_path / "a.onnx"
    assert export_model.main([str(path), "--classifier=PANN", "--method=pinv", *weights]) == 0
    found, network, _ = load_networks(
        "PANN", "pinv", models=REFERENCE_MODELS, weights=tmp_path / "pann.pth"
    )
    wanted = network.probabilities(found.from_third_octave(seconds[:3])).numpy()
    np.testing.assert_allclose(run(session_of(path), [seconds[:3]])[0], wanted, atol=1e-4)


@pytest.mark.parametrize(
    "options, message",
    [
        (["a.txt"], "the suffix says what is written"),
        (["a.pt2", "--int8"], "--int8 is for .onnx files"),
        (["a.onnx", "--mels"], "direct tells classes from levels without Mels"),
        (["a.safetensors", "--method=pinv", *ANY], "pinv has no learned weights"),
        (["a.onnx", "--calibration_levels=a.npy"], "is for --int8"),
        (["a.onnx", "--int8", "--calibration_levels=a.npy"], "direct needs none"),
        (["a.onnx", "--draws=0"], "--draws must be 1 to 100"),
        (["a.onnx", "--classifier=PANN"], "no direct transcoder for PANN"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert export_model.main(options) in (1, 2)
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_no_input_is_written_over(tmp_path, capsys):
    path = save_tokens(tmp_path, "direct")
    target = path.with_name(f"{path.name}.safetensors")
    assert export_model.main([str(target), f"--models={tmp_path}"]) == 0
    path.unlink()
    before = target.read_bytes()
    assert export_model.main([str(target), f"--models={tmp_path}"]) == 2
    assert "would overwrite the input" in capsys.readouterr().err
    assert target.read_bytes() == before


def test_missing_packages_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export_model.main([str(tmp_path / "a.onnx")]) == 1
    assert "pip install 'spectral-transcoder[export]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_older_file_survives_answers_that_are_off(tmp_path, monkeypatch, capsys):
    from exporting import write

    path = tmp_path / "a.pt2"
    path.write_text("older")
    monkeypatch.setattr(write, "TOLERANCE", -1.0)
    assert export_model.main([str(path)]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert [p.read_text() for p in tmp_path.iterdir()] == ["older"]
