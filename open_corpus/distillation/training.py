"""Train the student, one block of mixtures after the other; a stopped run goes on where it was."""

import math
from collections.abc import Mapping
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


@dataclass
class Distillation:
    """A training as far as it has come; ``history``: the losses at each save."""

    student: YamNet
    optimizer: torch.optim.Optimizer
    history: list[dict[str, float]]

    @classmethod
    def of(cls, student: YamNet, config: DistillConfig, history: list) -> "Distillation":
        """BatchNorm stays in evaluation mode throughout: it only scales and shifts, so that the
        student begins with what the teacher computes."""
        student.to(memory_format=torch.channels_last).eval()
        return cls(student, torch.optim.Adam(student.parameters(), config.learning_rate), history)

    @classmethod
    def resumed(cls, path: Path, config: DistillConfig, made_from: dict) -> "Distillation":
        """From what `save` left; `UserError` if that is of another training."""
        state = load_state(path, missing_hint="")
        if state.get("made_from") != made_from:
            raise UserError(
                f"{path} is of a run with other settings, another teacher or other mixtures: "
                "delete it to begin anew"
            )
        student = YamNet(YAMNET.n_classes, **shape_of(state["student"]))
        student.load_state_dict(state["student"])
        found = cls.of(student, config, state["history"])
        found.optimizer.load_state_dict(state["optimizer"])
        return found

    def save(self, path: Path, made_from: dict) -> None:
        state = {"made_from": made_from, "history": self.history}
        both = {"student": self.student.state_dict(), "optimizer": self.optimizer.state_dict()}
        save_state(path, state | both)


def train_student(
    config: DistillConfig,
    teacher: YamNet,
    blocks: Blocks,
    valid: tuple[Tensor, Tensor],
    checkpoint: Path,
    origin: Mapping[str, str],
) -> Distillation:
    """Train to the last block; the state after every `SAVED_BLOCKS` is kept in ``checkpoint``.

    Parameters
    ----------
    valid
        Log-Mels ``(n, 96, 64)`` and the teacher's probabilities ``(n, 521)``.
    origin
        Marks of the teacher and the mixtures: a checkpoint of others is not gone on with.

    Returns
    -------
    With the student at the end, where the learning rate is zero, in evaluation mode.

    Raises
    ------
    UserError
        If the checkpoint is of another training, or this one diverges.
    """
    made_from = asdict(config) | dict(origin)
    if checkpoint.exists():
        run = Distillation.resumed(checkpoint, config, made_from)
    else:
        outputs = observe(teacher, (_mels(blocks, i) for i in range(OBSERVED_BLOCKS)), config.seed)
        student = factored(teacher, outputs, config.share)
        run = Distillation.of(student, config, [{"block": 0, "valid_bce": _loss(student, *valid)}])
    train_losses: list[float] = []
    done = run.history[-1]["block"]
    with tqdm(total=config.blocks, initial=done, unit="block", desc="Distilling") as bar:
        for number in range(done, config.blocks):
            train_losses.append(_train_block(run, blocks, number, config))
            bar.update()
            if (number + 1) % SAVED_BLOCKS and number + 1 < config.blocks:
                continue
            train, valid_loss = sum(train_losses) / len(train_losses), _loss(run.student, *valid)
            train_losses.clear()
            if not math.isfinite(valid_loss):
                raise UserError("the training has diverged: choose a lower --learning_rate")
            run.history.append({"block": number + 1, "train_bce": train, "valid_bce": valid_loss})
            bar.set_postfix(valid=f"{valid_loss:.5f}")
            run.save(checkpoint, made_from)
    return run


def _mels(blocks: Blocks, number: int) -> Tensor:
    return torch.from_numpy(blocks.get(number).mels).float()


def _train_block(run: Distillation, blocks: Blocks, number: int, config: DistillConfig) -> float:
    """Batches of one block, in an order that seed and number give; their mean loss."""
    block = blocks.get(number)
    mels, targets = (torch.from_numpy(part).float() for part in (block.mels, block.targets))
    generator = torch.Generator().manual_seed(1_000_003 * config.seed + number)
    losses = []
    batches = torch.randperm(len(mels), generator=generator).split(config.batch_size)
    for i, rows in enumerate(batches):
        rising = min(1.0, (number * len(batches) + i + 1) / _WARM_UP_STEPS)
        for group in run.optimizer.param_groups:
            group["lr"] = rising * config.rate((number + i / len(batches)) / config.blocks)
        with torch.autocast("cpu", torch.bfloat16):
            answer = run.student(mels[rows])
        loss = functional.binary_cross_entropy(answer.float(), targets[rows])
        run.optimizer.zero_grad()
        loss.backward()
        run.optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def _loss(student: YamNet, log_mels: Tensor, target: Tensor) -> float:
    predicted = torch.cat([student(batch) for batch in log_mels.split(256)])
    return float(functional.binary_cross_entropy(predicted, target))
