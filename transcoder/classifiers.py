"""Mels to class probabilities: one interface over YAMNet and PANN's ResNet38.

A `Classifier` is frozen: evaluation mode, weights without gradients. Gradients still flow to its
input, which is what teacher-student training needs.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

import yamnet
from transcoder.audioset import class_names
from transcoder.errors import MissingFileError, UserError
from transcoder.files import FETCHED_ROOT
from transcoder.settings import front_end
from transcoder.weights import load_state, load_strictly
from yamnet.network import YamNet, shape_of

logger = logging.getLogger(__name__)

SMALL_YAMNET = Path(yamnet.__file__).parent / "yamnet_small.pth"
"""The embedded stand-in for YAMNet; made by open_corpus/distill_yamnet_small.py."""


@dataclass(frozen=True)
class _Weights:
    """Where the weights of a classifier are looked for."""

    path: Path  # below the folder of fetched weights
    environment_variable: str
    fetch_name: str  # for download_pretrained_models.py --only
    embedded: Path | None = None  # comes with the project, takes the place of a missing ``path``

    def locate(self) -> Path:
        """The named file, else the fetched one, else the embedded one."""
        given = os.environ.get(self.environment_variable)
        path = Path(given) if given else FETCHED_ROOT / self.path
        if given or path.is_file() or self.embedded is None or not self.embedded.is_file():
            return path
        logger.info("%s is not there: the embedded %s stands in", path, self.embedded.name)
        return self.embedded


WEIGHTS = {
    "PANN": _Weights(Path("pann") / "ResNet38_mAP=0.434.pth", "PANN_WEIGHTS", "ResNet38"),
    "YamNet": _Weights(Path("yamnet") / "yamnet.pth", "YAMNET_WEIGHTS", "yamnet", SMALL_YAMNET),
}


class Classifier(nn.Module):
    """A frozen classifier of log-Mel chunks.

    ``forward``: ``(batch, frames, 64)`` -> ``(batch, n_classes)`` probabilities (after a sigmoid;
    the field calls them logits). PANN takes any number of frames, YAMNet patches of 96.

    Attributes
    ----------
    name : "PANN" or "YamNet"
    label : which weights it has, for reports
    """

    def __init__(self, name: str, network: nn.Module, label: str):
        super().__init__()
        self.name = name
        self.label = label
        self.front_end = front_end(name)
        self.network = network
        self.requires_grad_(False)
        self.train(False)

    @property
    def class_names(self) -> list[str]:
        return class_names(self.name)

    def train(self, mode: bool = True) -> "Classifier":
        """Stay in evaluation mode, whatever the model around asks for: a teacher is fixed."""
        return super().train(False)

    def forward(self, log_mels: Tensor) -> Tensor:
        return self.network(log_mels)

    @torch.no_grad()
    def probabilities(self, log_mels: Tensor, *, batch_size: int = 64) -> Tensor:
        """Probabilities of each chunk: ``(chunks, frames, 64)`` -> ``(chunks, n_classes)``.

        Runs in batches on the network's device; the result lies on the CPU.
        """
        device = next(self.parameters()).device
        batches = [self(batch.to(device)).cpu() for batch in log_mels.split(batch_size)]
        if not batches:
            return torch.empty(0, self.front_end.n_classes)
        return check_answer(torch.cat(batches), self.label)

    def top(self, probabilities: Tensor, k: int = 10) -> list[tuple[str, float]]:
        """The ``k`` most probable classes of ``(n_classes,)``: names and probabilities."""
        values, indices = probabilities.topk(k)
        names = self.class_names
        return [(names[i], v) for i, v in zip(indices.tolist(), values.tolist(), strict=True)]


def new_network(name: str, shape: Mapping | None = None) -> nn.Module:
    """The classifier's network with random weights, trainable: what `self` transcoders train.

    ``shape`` is a smaller YAMNet's: see `yamnet.network.shape_of`.
    """
    n_classes = front_end(name).n_classes
    if name == "PANN":
        from pann.network import ResNet38

        return ResNet38(n_classes)
    return YamNet(n_classes, **(shape or {}))


def load_network(name: str, weights: str | os.PathLike | None = None) -> nn.Module:
    """`new_network` with its pretrained weights, on the CPU.

    Parameters
    ----------
    weights
        The weight file; by default the one that the environment variable ``PANN_WEIGHTS`` or
        ``YAMNET_WEIGHTS`` names, else ``pann/ResNet38_mAP=0.434.pth`` or ``yamnet/yamnet.pth``
        below the project, else (YAMNet only) the embedded `SMALL_YAMNET`. YAMNet's shape is that
        of the file.

    Raises
    ------
    MissingFileError
        If the file is not there; the message names the command that fetches it.
    UserError
        If the file does not hold the network's weights.
    """
    front_end(name)
    path = Path(weights) if weights is not None else WEIGHTS[name].locate()
    state = load_state(path, missing_hint=fetch_hint(name))
    network = new_network(name, shape_of(state))
    if "model" in state:  # PANN's checkpoint wraps its weights, among them its own front end's
        if not isinstance(state["model"], dict):
            raise UserError(f"{path}: its 'model' is no table of weights")
        state = {
            key: value
            for key, value in state["model"].items()
            if not str(key).startswith(("spectrogram_extractor.", "logmel_extractor."))
        }
    load_strictly(network, state, path)
    return network


def load_classifier(name: str, weights: str | os.PathLike | None = None) -> Classifier:
    """The frozen classifier ``name`` ("PANN" or "YamNet"); arguments and errors: `load_network`."""
    front_end(name)
    path = Path(weights) if weights is not None else WEIGHTS[name].locate()
    network = load_network(name, path)
    if getattr(network, "is_full", True):
        return Classifier(name, network, label=f"{name} ({path.name})")
    return Classifier(name, network, label=f"{name} small (distilled)")


def find_classifier(
    name: str, weights: str | os.PathLike | None = None
) -> tuple[Classifier | None, list[str]]:
    """`load_classifier` for programs that can do without.

    Returns
    -------
    classifier
        None if its weights are not there, unless ``weights`` names them: that is an error then.
    missing
        A line that says how to get them, or nothing.
    """
    try:
        return load_classifier(name, weights), []
    except MissingFileError as error:
        if weights is not None:
            raise
        return None, [f"class lists need the weights: {error}"]


def fetch_hint(name: str) -> str:
    """The command that fetches a classifier's weights."""
    return (
        f"fetch it with: python download_pretrained_models.py --only {WEIGHTS[name].fetch_name} "
        f"(or set {WEIGHTS[name].environment_variable} to where it lies)"
    )


def check_answer(probabilities: Tensor, source: str) -> Tensor:
    """``probabilities`` as they are; `UserError` if they are none: ``source`` is spoilt then."""
    if not probabilities.isfinite().all():
        raise UserError(
            f"{source}: its answer is not finite, though its weights are; fetch or train it again"
        )
    return probabilities
