"""The methods that are judged: levels of a recording in, class probabilities out."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from transcoder.checkpoint_choice import suits
from transcoder.checkpoints import SETTINGS_SUFFIX, load_checkpoint, read_settings
from transcoder.classifiers import Classifier
from transcoder.doors import reading
from transcoder.errors import MissingFileError, UserError
from transcoder.hdf5_files import open_hdf5, own_dataset
from transcoder.names import factors_of, model_name
from transcoder.pinv import Pinv
from transcoder.texture import Texture
from transcoder.transcode import Transcoder

LOG = logging.getLogger(__name__)

_SIZES = {"nb_channels": "channels", "token_width": "wide"}


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
    """A transcoder to Mels, and the judge on these.

    ``draws``: of the noise of a model with texture; the judge's probabilities are averaged.
    """

    def __init__(self, transcoder: Transcoder, judge: Classifier, *, draws: int = 1):
        self.transcoder = transcoder
        self.judge = judge
        self.draws = draws
        # the layout that a CPU's convolutions are 1.5 to 2 times as fast in
        transcoder.model.to(memory_format=torch.channels_last)

    def __call__(self, levels: Tensor) -> Answer:
        mels = self.transcoder.from_third_octave(levels)
        total = self.judge.probabilities(mels)
        for draw in range(1, self.draws):
            again = self.transcoder.from_third_octave(levels, draw=draw)
            total = total + self.judge.probabilities(again)
        return Answer(total / self.draws, mels)


class StraightToClasses:
    """A model that needs no judge: ``(batch, 8, 29)`` dB -> ``(batch, n_classes)``."""

    def __init__(self, model: nn.Module, device: torch.device):
        self.model = model.to(device).eval()
        self.device = device

    @torch.inference_mode()
    def __call__(self, levels: Tensor) -> Answer:
        return Answer(self.model(levels.to(self.device)).cpu())


class Constant:
    """The same answer to everything: what a method must beat to have heard something.

    ``probabilities``: ``(n_classes,)``.
    """

    def __init__(self, probabilities: Tensor):
        self.probabilities = probabilities

    def __call__(self, levels: Tensor) -> Answer:
        return Answer(self.probabilities.expand(len(levels), -1))


def find_methods(
    folders: Sequence[Path], judge: Classifier, device: torch.device, *, draws: Sequence[int] = (1,)
) -> dict[str, Method]:
    """Every method there is for the judge: what to call it -> method.

    PINV, texture and all checkpoints of ``folders`` but those that learned from another judge:
    their classes are unreliable behind this one. Methods with texture come once for each number
    of ``draws``. Raises `MissingFileError` if a folder is not there.
    """
    found: dict[str, Method] = {}

    def add(name: str, model: nn.Module) -> None:
        transcoder = Transcoder(judge.name, model, device=device)
        if not getattr(model, "takes_places", False):
            found[name] = ThroughMels(transcoder, judge)
            return
        for n in draws:
            found[f"{name}, {n} draw{'s' * (n > 1)}"] = ThroughMels(transcoder, judge, draws=n)

    add("PINV", Pinv(judge.name))
    add("texture", Texture(judge.name))
    for path in _checkpoints(folders, judge):
        model, settings = load_checkpoint(path, classifier=judge.name)
        name = f"{path.parent.name}: {short_name(path.name)}"
        if settings.predicts_classes:
            found[name] = StraightToClasses(model, device)
        else:
            add(name, model)
    return found


def _checkpoints(folders: Sequence[Path], judge: Classifier) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise MissingFileError(f"--models {folder}: no such folder")
        for yaml_path in sorted(folder.glob(f"*{SETTINGS_SUFFIX}")):
            path = yaml_path.with_name(yaml_path.name.removesuffix(SETTINGS_SUFFIX))
            if read_settings(path)["mels_type"] != judge.name:
                continue
            if factors_of(path.name).get("ts") == "0" or suits(path, judge):
                yield path
            else:
                LOG.info("left out, as it learned from another judge: %s", path.name)


def read_constant(path: Path, judge: Classifier) -> Constant:
    """The mean of the probabilities in a file: of an oracle step (.h5) or an array (.npy).

    Raises `UserError` unless they are ``(n, n_classes)`` or ``(n_classes,)``.
    """
    n_classes = judge.front_end.n_classes
    with reading(f"--constant {path}", "holds no probabilities"):
        if path.suffix == ".npy":
            probabilities = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            try:
                with open_hdf5(path) as file:
                    probabilities = own_dataset(file, "probabilities")[:]
            except UserError as error:
                raise UserError(f"--constant {error}") from None
    if probabilities.ndim not in (1, 2) or probabilities.shape[-1] != n_classes:
        raise UserError(
            f"--constant {path}: has shape {probabilities.shape}; expected (n, {n_classes})"
        )
    mean = probabilities.reshape(-1, n_classes).mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise UserError(f"--constant {path}: some probabilities are NaN or infinite")
    return Constant(torch.from_numpy(mean.astype(np.float32)))


def short_name(identifier: str) -> str:
    """What tells trained models apart, of the identifier that is their file name."""
    factors = factors_of(identifier)
    kind = model_name({"transcoder": identifier, **factors})
    if kind == "CNN-hybrid":
        kind += f" {factors.get('prop_logit', '?')} %"
    sizes = [f"{factors[key]} {unit}" for key, unit in _SIZES.items() if key in factors]
    return ", ".join([kind, *sizes, f"epoch {factors.get('epoch', '?')}"])
