"""Train the student, one epoch after the other; a run that was stopped goes on where it was."""

import logging
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from open_corpus.distillation.patches import Patches, cut
from transcoder.errors import UsageError, UserError
from transcoder.settings import YAMNET
from transcoder.weights import load_state, save_state
from yamnet.network import YamNet

logger = logging.getLogger(__name__)

# The last layer then has a multiple of 8 channels, and its size tells the width exactly.
_WIDTH_STEP = 1 / 128


@dataclass(frozen=True)
class DistillConfig:
    """How the student is trained; checks itself (`UsageError`)."""

    width: float = 0.25
    epochs: int = 60
    views: int = 8  # sets of random patches; an epoch goes through one of them
    batch_size: int = 128
    learning_rate: float = 2e-3  # of Adam at the start; it falls to zero as a cosine
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.width < 1 or self.width % _WIDTH_STEP:
            raise UsageError(
                f"width {self.width:g}: give a multiple of {_WIDTH_STEP} between 0 and 1"
            )
        for name in ("epochs", "views", "batch_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if not 0 < self.learning_rate < 1:
            raise UsageError(f"learning rate {self.learning_rate:g}: give one between 0 and 1")


@dataclass(frozen=True)
class View:
    """Patches of the training scenes and what the teacher hears in them."""

    patches: Patches
    probabilities: np.ndarray  # (n, 521) float16


def train_student(
    config: DistillConfig,
    mels: np.ndarray,
    view: Callable[[int], View],
    valid: tuple[Tensor, Tensor],
    checkpoint: Path,
) -> tuple[YamNet, list[dict[str, float]]]:
    """Train until the last epoch; the state after each is kept in ``checkpoint``.

    Parameters
    ----------
    mels
        Of all training scenes, ``(scenes, frames, 64)``.
    view
        Gives view ``i``.
    valid
        Log-Mels ``(n, 96, 64)`` and the teacher's probabilities ``(n, 521)``.

    Returns
    -------
    The student with the lowest validation loss, in evaluation mode, and the losses of each epoch.

    Raises
    ------
    UserError
        If the checkpoint is of other settings.
    """
    torch.manual_seed(config.seed)
    student = YamNet(YAMNET.n_classes, config.width).to(memory_format=torch.channels_last)
    _begin_at_the_mean(student, view(0).probabilities)
    optimizer = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
    history, best = _resume(checkpoint, config, student, optimizer)
    for epoch in range(len(history), config.epochs):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, epoch)
        patches = view(epoch % config.views)
        train_loss = _train_epoch(student, optimizer, mels, patches, config, epoch)
        valid_loss = _loss(student, *valid)
        if not math.isfinite(valid_loss):
            raise UserError("the training has diverged: choose a lower --learning_rate")
        history.append({"train_bce": train_loss, "valid_bce": valid_loss})
        if valid_loss <= min(losses["valid_bce"] for losses in history):
            best = {key: value.clone() for key, value in student.state_dict().items()}
        logger.info("epoch %d: train %.5f, valid %.5f", epoch + 1, train_loss, valid_loss)
        rest = {"config": asdict(config), "history": history, "best": best}
        both = {"student": student.state_dict(), "optimizer": optimizer.state_dict()}
        save_state(checkpoint, rest | both)
    student.load_state_dict(best)
    return student.eval(), history


def _resume(
    checkpoint: Path, config: DistillConfig, student: YamNet, optimizer: torch.optim.Optimizer
) -> tuple[list[dict[str, float]], dict[str, Tensor] | None]:
    """Take over what an earlier run left: the losses of its epochs, and its best weights."""
    if not checkpoint.exists():
        return [], None
    state = load_state(checkpoint, missing_hint="")
    if state["config"] != asdict(config):
        raise UserError(f"{checkpoint} is of a run with other settings: delete it to begin anew")
    student.load_state_dict(state["student"])
    optimizer.load_state_dict(state["optimizer"])
    return state["history"], state["best"]


def learning_rate(config: DistillConfig, epoch: int) -> float:
    """The cosine schedule."""
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / config.epochs))


def _begin_at_the_mean(student: YamNet, probabilities: np.ndarray) -> None:
    """Without any features the best guess is each class's mean probability: start there."""
    mean = torch.from_numpy(probabilities.mean(axis=0, dtype=np.float64)).clamp(1e-7, 1 - 1e-7)
    with torch.no_grad():
        student.classifier.bias.copy_(torch.logit(mean))


def _train_epoch(
    student: YamNet,
    optimizer: torch.optim.Optimizer,
    mels: np.ndarray,
    view: View,
    config: DistillConfig,
    epoch: int,
) -> float:
    """One pass over a view, in an order that seed and epoch give; the mean loss."""
    student.train()
    order = np.random.default_rng((config.seed, 1, epoch)).permutation(len(view.patches))
    total = 0.0
    starts = range(0, len(order), config.batch_size)
    for start in tqdm(starts, desc=f"Epoch {epoch + 1}", unit="batch", leave=False):
        rows = order[start : start + config.batch_size]
        if len(rows) == 1:
            continue  # BatchNorm needs two
        target = torch.from_numpy(view.probabilities[rows]).float()
        loss = functional.binary_cross_entropy(student(cut(mels, view.patches[rows])), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(order)


@torch.no_grad()
def _loss(student: nn.Module, log_mels: Tensor, target: Tensor) -> float:
    student.eval()
    predicted = torch.cat([student(batch) for batch in log_mels.split(256)])
    return float(functional.binary_cross_entropy(predicted, target))
