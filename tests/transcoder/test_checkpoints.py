"""The published checkpoint format: reading, writing, and files that are not what they say."""

import os
import pickle

import numpy as np
import pytest
import torch

from transcoder.checkpoint_choice import find_checkpoint
from transcoder.checkpoints import (
    load_checkpoint,
    provenance,
    read_settings,
    save_checkpoint,
    settings_path,
)
from transcoder.errors import MissingFileError, UserError
from transcoder.models import ModelSettings, build_model
from transcoder.transcode import Transcoder

SMALL = ModelSettings("cnn_pinv", "YamNet", 3, 2, 2, 1)
NAME = "classifier=YamNet+dataset=full+epoch=1+step=train+transcoder=cnn_pinv+ts=0_model"


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / NAME
    save_checkpoint(path, build_model(SMALL), settings=SMALL, training={"epochs": 1, "seed": 3})
    return path


@pytest.mark.parametrize(
    "classifier, method, key, tolerance",
    [
        ("PANN", "cnn_mels", "cnn_mels_pann_db", 5e-3),
        ("PANN", "cnn_logits", "cnn_logits_pann_db", 5e-3),
        ("YamNet", "cnn_logits", "cnn_logits_yamnet_log", 1e-3),
    ],
)
def test_published_checkpoints(recording, published_models, classifier, method, key, tolerance):
    transcoder = Transcoder.load(classifier, method, models=published_models, judge=None)
    mels = transcoder.from_third_octave(recording["third_octave_db"])
    np.testing.assert_allclose(mels, recording[key], atol=tolerance)


def test_published_yaml_with_its_tuples(published_models):
    table = read_settings(
        find_checkpoint(published_models, classifier="PANN", method="cnn_mels", judge=None)
    )
    assert table["output_shape"] == [101, 64]
    assert table["cnn_nb_channels"] == 64


def test_written_checkpoint_comes_back(saved):
    model, settings = load_checkpoint(saved, classifier="YamNet")
    assert settings == SMALL
    assert not model.training
    table = read_settings(saved)
    assert table["epochs"] == 1
    assert table["settings"] == {"seed": 3}
    assert set(table["provenance"]) >= {"date", "git_commit", "torch"}
    assert all(isinstance(value, str) for value in provenance().values())
    assert sorted(p.name for p in saved.parent.iterdir()) == [NAME, f"{NAME}_settings.yaml"]


def test_weights_of_the_front_end_are_not_stored(saved):
    assert set(torch.load(saved, weights_only=True)) == {
        f"mod_conv.{i}.{kind}" for i in (1, 4) for kind in ("weight", "bias")
    }


def test_failed_write_leaves_the_old_checkpoint(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr(torch, "save", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(saved, build_model(SMALL), settings=SMALL)
    assert saved.read_bytes() == before
    assert not [p for p in saved.parent.iterdir() if p.name.startswith(".")]


def test_wrong_classifier(saved):
    with pytest.raises(UserError, match="was trained for YamNet, not for PANN"):
        load_checkpoint(saved, classifier="PANN")


def test_missing_unknown_and_misshapen_weights(saved):
    state = torch.load(saved, weights_only=True)
    state["mod_conv.9.weight"] = state.pop("mod_conv.4.bias")
    state["mod_conv.1.weight"] = state["mod_conv.1.weight"][:1]
    torch.save(state, saved)
    with pytest.raises(
        UserError,
        match=r"does not fit CnnPinv: mod_conv.4.bias is missing; .*mod_conv.9.weight is unknown; "
        r"mod_conv.1.weight has shape \(1, 1, 3, 3\), not \(2, 1, 3, 3\)|mod_conv.1.weight.*",
    ):
        load_checkpoint(saved)


def test_truncated_file(saved):
    saved.write_bytes(saved.read_bytes()[:700])
    with pytest.raises(UserError, match=r"damaged or cut short|refused"):
        load_checkpoint(saved)


def test_empty_file(saved):
    saved.write_bytes(b"")
    with pytest.raises(UserError, match="damaged or cut short"):
        load_checkpoint(saved)


class _Attack:
    def __reduce__(self):
        return os.system, ("touch attacked",)


@pytest.mark.parametrize("write", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_pickle_that_wants_to_run_code(saved, tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    write({"mod_conv.1.weight": _Attack()}, saved)
    with pytest.raises(UserError, match="refused, it is no plain file of weights"):
        load_checkpoint(saved)
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(
    "text, message",
    [
        ("model_type: [", "no usable YAML"),
        ("just a line", "expected a table"),
        ("mels_type: PANN", "'model_type' is missing"),
        ("model_type: !!python/object/apply:os.system ['touch attacked']", "no usable YAML"),
        ("{model_type: cnn_pinv, mels_type: PANN}", "cnn_kernel_size must be 1 or more"),
        ("{model_type: resnet, mels_type: PANN}", "unknown transcoder 'resnet'"),
    ],
)
def test_bad_yaml(saved, tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    settings_path(saved).write_text(text)
    with pytest.raises(UserError, match=f"settings.yaml.*{message}"):
        load_checkpoint(saved)
    assert not (tmp_path / "attacked").exists()


def test_missing_files(saved):
    saved.unlink()
    with pytest.raises(MissingFileError, match=r"download_pretrained_models.py"):
        load_checkpoint(saved)
    settings_path(saved).unlink()
    with pytest.raises(MissingFileError, match="needs its settings beside it"):
        load_checkpoint(saved)
