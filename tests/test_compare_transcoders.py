"""Transcoders side by side: rows, order and scores."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from exp_train_model import compare_transcoders
from transcoder.checkpoints import save_checkpoint
from transcoder.models import ModelSettings, build_model


@pytest.fixture
def world(tmp_path, rng):
    """A recording of 2.5 s and a folder with an untrained CNN-mels and CNN-logits."""
    soundfile.write(tmp_path / "noise.wav", 0.1 * rng.standard_normal(40_000), 16_000)
    torch.manual_seed(0)
    settings = ModelSettings("cnn_pinv", "YamNet", 3, 2, 2, 1)
    for kind in ("transcoder=cnn_pinv+ts=0", "prop_logit=100+transcoder=cnn_pinv+ts=1"):
        name = f"classifier=YamNet+epoch=1+nb_channels=2+step=train+{kind}_model"
        save_checkpoint(tmp_path / "mine" / name, build_model(settings), settings=settings)
    other = ModelSettings("cnn_pinv", "PANN", 3, 2, 2, 1)
    save_checkpoint(tmp_path / "mine" / "of_pann", build_model(other), settings=other)
    return tmp_path


def test_table_of_a_recording(world, capsys, monkeypatch):
    monkeypatch.delenv("YAMNET_WEIGHTS", raising=False)
    output = world / "table.csv"
    arguments = ["--recordings", world / "noise.wav", "--models", world / "mine"]
    assert compare_transcoders.main([str(a) for a in (*arguments, "--output", output)]) == 0
    table = pd.read_csv(output).set_index("transcoder")
    assert table.index.tolist() == [
        "PINV",
        "mine: CNN-logits, 2 channels, epoch 1",
        "mine: CNN-mels, 2 channels, epoch 1",
        "floor",
    ]
    assert (table["files"] == 1).all()
    assert table.loc["floor", ["mel_mse", "ptopafc"]].tolist() == [0, 1]
    assert (table["logit_bce"] >= table.loc["floor", "logit_bce"]).all()
    assert np.isfinite(table[list(compare_transcoders.COLUMNS)].to_numpy()).all()
    assert "judge: YamNet" in capsys.readouterr().out


def test_nothing_to_compare_on(capsys):
    assert compare_transcoders.main([]) == 2
    assert "give --features or --recordings" in capsys.readouterr().err


def test_folder_of_models_that_is_not_there(world, capsys):
    arguments = ["--recordings", world / "noise.wav", "--models", world / "theirs"]
    assert compare_transcoders.main([str(a) for a in arguments]) == 1
    assert "theirs: no such folder" in capsys.readouterr().err
