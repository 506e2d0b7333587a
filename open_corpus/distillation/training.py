"""Train the student, one block of mixtures after the other; a stopped run goes on where it was."""

import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from open_corpus.blocks import Blocks
from open_corpus.distillation.factoring import factored, observe
from transcoder.errors import UsageError, UserError
from transcoder.settings import YAMNET
from transcoder.weights import load_state, save_state
from yamnet.network import YamNet, shape_of

logger = logging.getLogger(__name__)

OBSERVED_BLOCKS = 8
"""The student begins with the components of the teacher's answers to these."""

SAVED_BLOCKS = 20
"""So often the state is kept, and the validation loss noted."""

_WARM_UP_STEPS = 50


@dataclass(frozen=True)
class DistillConfig:
    """How the student is made; checks itself (`UsageError`)."""

    share: float = 0.95  # of the variance of each layer's outputs that its rank keeps
    blocks: int = 640  # of 256 s; each is seen once
    batch_size: int = 64
    learning_rate: float = 3e-4  # of Adam at its highest; it falls to zero as a cosine
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UsageError(f"share {self.share:g}: give one between 0 and 1")
        for name in ("blocks", "batch_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if not 0 < self.learning_rate < 1:
            raise UsageError(f"learning rate {self.learning_rate:g}: give one between 0 and 1")

    def rate(self, done: float) -> float:
        """The learning rate when a share ``done`` of the training is over."""
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def train_student(
    config: DistillConfig,
    teacher: YamNet,
    blocks: Blocks,
    valid: tuple[Tensor, Tensor],
    checkpoint: Path,
) -> tuple[YamNet, list[dict[str, float]]]:
    """Train to the last block; the state after every `SAVED_BLOCKS` is kept in ``checkpoint``.

    Parameters
    ----------
    valid
        Log-Mels ``(n, 96, 64)`` and the teacher's probabilities ``(n, 521)``.

    Returns
    -------
    The student at the end, where the learning rate is zero, in evaluation mode; and the losses at
    each save. BatchNorm stays in evaluation mode throughout: it only scales and shifts, so that
    the student begins with what the teacher computes.

    Raises
    ------
    UserError
        If the checkpoint is of other settings, or the training diverges.
    """
    if checkpoint.exists():
        state = load_state(checkpoint, missing_hint="")
        if state["config"] != asdict(config):
            raise UserError(f"{checkpoint} is of a run with other settings: delete it to begin")
        student = YamNet(YAMNET.n_classes, **shape_of(state["student"]))
        student.load_state_dict(state["student"])
        student.to(memory_format=torch.channels_last).eval()
        optimizer = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
        optimizer.load_state_dict(state["optimizer"])
        history = state["history"]
    else:
        outputs = observe(teacher, (_mels(blocks, i) for i in range(OBSERVED_BLOCKS)), config.seed)
        student = factored(teacher, outputs, config.share)
        optimizer = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
        history = [{"block": 0, "valid_bce": _loss(student, *valid)}]
    train_losses: list[float] = []
    bar = tqdm(total=config.blocks, initial=history[-1]["block"], unit="block", desc="Distilling")
    with bar:
        for number in range(history[-1]["block"], config.blocks):
            train_losses.append(_train_block(student, optimizer, blocks, number, config))
            bar.update()
            if (number + 1) % SAVED_BLOCKS and number + 1 < config.blocks:
                continue
            train, valid_loss = sum(train_losses) / len(train_losses), _loss(student, *valid)
            train_losses.clear()
            if not math.isfinite(valid_loss):
                raise UserError("the training has diverged: choose a lower --learning_rate")
            history.append({"block": number + 1, "train_bce": train, "valid_bce": valid_loss})
            bar.set_postfix(valid=f"{valid_loss:.5f}")
            both = {"student": student.state_dict(), "optimizer": optimizer.state_dict()}
            save_state(checkpoint, {"config": asdict(config), "history": history, **both})
    return student, history


def _mels(blocks: Blocks, number: int) -> Tensor:
    return torch.from_numpy(blocks.get(number).mels).float()


def _train_block(
    student: YamNet,
    optimizer: torch.optim.Optimizer,
    blocks: Blocks,
    number: int,
    config: DistillConfig,
) -> float:
    """Batches of one block, in an order that seed and number give; their mean loss."""
    block = blocks.get(number)
    mels, targets = (torch.from_numpy(part).float() for part in (block.mels, block.targets))
    generator = torch.Generator().manual_seed(1_000_003 * config.seed + number)
    losses = []
    batches = torch.randperm(len(mels), generator=generator).split(config.batch_size)
    for i, rows in enumerate(batches):
        rising = min(1.0, (number * len(batches) + i + 1) / _WARM_UP_STEPS)
        for group in optimizer.param_groups:
            group["lr"] = rising * config.rate((number + i / len(batches)) / config.blocks)
        with torch.autocast("cpu", torch.bfloat16):
            answer = student(mels[rows])
        loss = functional.binary_cross_entropy(answer.float(), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def _loss(student: YamNet, log_mels: Tensor, target: Tensor) -> float:
    predicted = torch.cat([student(batch) for batch in log_mels.split(256)])
    return float(functional.binary_cross_entropy(predicted, target))
