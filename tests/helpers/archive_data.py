"""Small networks and archives for the tests of archives/."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from filled_weights import fill

from archives.answers import Answers
from archives.classify import Setup
from archives.inference import LevelClassifier
from archives.levels import LevelScale
from archives.open_archive import ReadOptions
from archives.presence_map import GroupEstimate
from archives.selection import all_classes, traffic_voice_birds
from archives.timeline import Units
from transcoder.checkpoints import save_checkpoint
from transcoder.classifiers import Classifier, new_network
from transcoder.models import ModelSettings, build_model
from transcoder.pinv import Pinv
from transcoder.settings import THIRD_OCTAVE
from yamnet.network import YamNet

START = pd.Timestamp("2024-03-01T10:00:00")
BAND_NAMES = [
    "20", "Fast_25", "31.5", "40 Hz", "L_50", "63", "80", "100", "125", "160", "200", "250",
    "315", "400", "500", "630", "800", "1000", "1250", "1600", "2 kHz", "2.5kHz", "3150", "4k",
    "5000", "6300", "8000", "10000", "12.5 kHz",
]  # fmt: skip


# so that filled weights give probabilities between 0 and 1, not the limits alone
_NARROW = {"classifier.weight": 2e-5}
_FULL = {"classifier.weight": 2e-3}


def levels(n_frames: int, seed: int = 0) -> np.ndarray:
    """Levels that change from second to second, ``(n_frames, 29)`` dB."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(5, -25, 29) + rng.normal(0, 8, (-(-n_frames // 8), 29)).repeat(8, 0)
    return (slope[:n_frames] + rng.normal(0, 2, (n_frames, 29))).astype(np.float32)


def stamps(n_frames: int, start: pd.Timestamp = START) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n_frames, freq="125ms")


def table(array: np.ndarray, times=None) -> pd.DataFrame:
    """Levels as a table with a column of times and one for each band."""
    frame = pd.DataFrame(array, columns=BAND_NAMES)
    frame.insert(0, "timestamp", stamps(len(array)) if times is None else times)
    return frame


def units(array: np.ndarray) -> Units:
    """Full seconds of ``(n, 29)`` as units of 1 s."""
    seconds = array.reshape(-1, 1, THIRD_OCTAVE.frames_per_chunk, THIRD_OCTAVE.n_bands)
    n = len(seconds)
    return Units(np.arange(n, dtype=float), seconds, np.full(n, 8), np.zeros(n, dtype=int))


def small_cnn(classifier: str):
    torch.manual_seed(0)
    return build_model(ModelSettings("cnn_pinv", classifier, 3, 3, 4, 1)).eval()


def narrow_yamnet() -> Classifier:
    """A quick classifier of YAMNet's shape whose outputs depend on the levels."""
    network = YamNet(521, width=0.25)
    fill(network, scales=_NARROW)
    return Classifier("YamNet", network, "narrow")


def save_tokens(folder: Path, kind: str, classifier: str = "YamNet") -> Path:
    """A small "direct" or "textured" with random weights that answers by the levels."""
    torch.manual_seed(1)
    settings = ModelSettings(kind, classifier, token_width=16, token_layers=1)
    model = build_model(settings)
    torch.nn.init.normal_(model.head.weight, std=0.05)
    path = folder / f"classifier={classifier}+step=train+transcoder={kind}+ts=1_model"
    save_checkpoint(path, model, settings=settings)
    return path


def quick_classifier() -> LevelClassifier:
    return LevelClassifier(Pinv("YamNet"), narrow_yamnet(), device=torch.device("cpu"))


def answers() -> Answers:
    """Of the quick classifier, without a calibration."""
    estimate = GroupEstimate(None, traffic_voice_birds("YamNet"), "YamNet")
    return Answers(quick_classifier(), estimate, 1)


def write_yamnet_weights(path: Path) -> Path:
    """YAMNet's full network with filled weights, as a weight file."""
    network = new_network("YamNet")
    fill(network, scales=_FULL)
    torch.save(network.state_dict(), path)
    return path


def setup(*, selection=None, unit_s=1, suffix=".h5", about=None, scale=None) -> Setup:
    return Setup(
        answers(),
        selection or all_classes("YamNet"),
        about or {"classifier": "narrow"},
        ReadOptions(),
        scale or LevelScale(),
        unit_s,
        suffix,
    )
