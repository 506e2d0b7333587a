"""The methods that are judged: levels of a recording in, class probabilities out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np
import torch
from torch import Tensor

from transcoder.checkpoints import SETTINGS_SUFFIX, load_checkpoint, read_settings
from transcoder.classifiers import Classifier
from transcoder.errors import MissingFileError, UserError
from transcoder.models import MEL_MODELS
from transcoder.transcode import Transcoder


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method makes of a recording: one row for each second."""

    probabilities: Tensor  # (seconds, n_classes)
    mels: Tensor | None = None  # (seconds, frames, 64), of methods that make Mels


class Method(Protocol):
    """A way from levels to classes.

    It sees all seconds of a recording in order, ``(seconds, 8, 29)`` dB, as their neighbours and
    their place may matter to it. One that draws at random gives the mean of the probabilities of
    its draws, and the Mels of one.
    """

    def __call__(self, levels: Tensor) -> Answer: ...


class ThroughMels:
    """A transcoder to Mels, and the judge on these."""

    def __init__(self, transcoder: Transcoder, judge: Classifier):
        self.transcoder = transcoder
        self.judge = judge
        # the layout that a CPU's convolutions are 1.5 to 2 times as fast in
        transcoder.model.to(memory_format=torch.channels_last)

    def __call__(self, levels: Tensor) -> Answer:
        mels = self.transcoder.from_third_octave(levels)
        return Answer(self.judge.probabilities(mels), mels)


class Constant:
    """The same answer to everything: what a method must beat to have heard something.

    ``probabilities``: ``(n_classes,)``.
    """

    def __init__(self, probabilities: Tensor):
        self.probabilities = probabilities

    def __call__(self, levels: Tensor) -> Answer:
        return Answer(self.probabilities.expand(len(levels), -1))


def find_methods(
    folders: Sequence[Path], judge: Classifier, device: torch.device
) -> dict[str, Method]:
    """PINV and all checkpoints of ``folders`` for the judge's Mels: what to call them -> method.

    Raises `MissingFileError` if a folder is not there.
    """
    found: dict[str, Method] = {"PINV": ThroughMels(Transcoder(judge.name, device=device), judge)}
    for folder in folders:
        if not folder.is_dir():
            raise MissingFileError(f"--models {folder}: no such folder")
        for yaml_path in sorted(folder.glob(f"*{SETTINGS_SUFFIX}")):
            path = yaml_path.with_name(yaml_path.name.removesuffix(SETTINGS_SUFFIX))
            settings = read_settings(path)
            if settings["mels_type"] == judge.name and settings["model_type"] in MEL_MODELS:
                model, _ = load_checkpoint(path, classifier=judge.name)
                label = f"{folder.name}: {_short_name(path.name)}"
                found[label] = ThroughMels(Transcoder(judge.name, model, device=device), judge)
    return found


def read_constant(path: Path, judge: Classifier) -> Constant:
    """The mean of the probabilities in a file: of an oracle step (.h5) or an array (.npy).

    Raises `UserError` unless they are ``(n, n_classes)`` or ``(n_classes,)``.
    """
    n_classes = judge.front_end.n_classes
    try:
        if path.suffix == ".npy":
            probabilities = np.load(path)
        else:
            with h5py.File(path, "r") as file:
                probabilities = file["probabilities"][:]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"--constant {path}: holds no probabilities: {error}") from None
    if probabilities.ndim not in (1, 2) or probabilities.shape[-1] != n_classes:
        raise UserError(
            f"--constant {path}: has shape {probabilities.shape}; expected (n, {n_classes})"
        )
    mean = probabilities.reshape(-1, n_classes).mean(axis=0, dtype=np.float64)
    return Constant(torch.from_numpy(mean.astype(np.float32)))


def _short_name(identifier: str) -> str:
    """What tells trained transcoders apart, of the identifier that is their file name."""
    factors = dict(part.split("=", 1) for part in identifier.split("+") if "=" in part)
    kind = factors.get("transcoder", identifier)
    if kind == "cnn_pinv":
        share = factors.get("prop_logit", "0")
        kind = {"0": "CNN-mels", "100": "CNN-logits"}.get(share, f"CNN-hybrid {share} %")
    sizes = [f"{factors[k]} {k.removeprefix('nb_')}" for k in ("nb_channels",) if k in factors]
    return ", ".join([kind, *sizes, f"epoch {factors.get('epoch', '?')}"])
