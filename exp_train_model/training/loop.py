"""The training loop: the same for every model and every loss."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from exp_train_model.stopping import StopRequest
from exp_train_model.training.batches import Batches, epoch_batches
from exp_train_model.training.losses import Batch, Loss
from exp_train_model.training.muon import Muon
from exp_train_model.training.precision import Precision
from exp_train_model.training.session import Session
from transcoder.errors import UserError

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """How long and in which order."""

    epochs: int
    batch_size: int
    seed: int
    max_steps: int | None = None  # end after so many batches, in the middle of an epoch
    anneals: bool = False  # the learning rate rises for `WARM_UP_STEPS`, then sinks to 0

    def rate_factor(self, step: int, n_chunks: int) -> float:
        """The share of the learning rate that batch number ``step`` (from 0) gets."""
        if not self.anneals:
            return 1.0
        total = self.epochs * math.ceil(n_chunks / self.batch_size)
        if self.max_steps is not None:
            total = min(total, self.max_steps)
        rising = min(1.0, (step + 1) / WARM_UP_STEPS)
        return rising * 0.5 * (1 + math.cos(math.pi * step / total))


WARM_UP_STEPS = 50


@dataclass(frozen=True)
class Course:
    """What a training minimises, what it computes in, and how long and in which order."""

    loss: Loss
    precision: Precision
    schedule: Schedule


def make_optimizer(
    model: nn.Module, learning_rate: float, *, orthogonal: bool = False
) -> torch.optim.Optimizer:
    """Adam, in one kernel where there is one, or `Muon`."""
    on_gpu = next(model.parameters()).is_cuda
    if orthogonal:
        return Muon(model, learning_rate, fused=on_gpu)
    return torch.optim.Adam(model.parameters(), lr=learning_rate, fused=on_gpu)


def train(
    session: Session,
    splits: Mapping[str, Batches],
    course: Course,
    *,
    stop: StopRequest,
    save: Callable[[], None],
) -> None:
    """Train until the schedule's end, from wherever ``session`` is.

    Parameters
    ----------
    session
        Is changed in place; holds the losses and the best weights at the end.
    splits
        "train", "valid" and "eval".
    stop
        Looked at after each batch.
    save
        Called after each epoch, and before leaving early.

    Raises
    ------
    Stopped
        If a signal asked to; the session is saved.
    UserError
        If the validation loss is no finite number any more.
    """
    if not session.losses["valid"]:
        validate(session, splits, course)
    schedule = course.schedule
    bar = tqdm(total=schedule.epochs, initial=session.epoch, unit="epoch", disable=None)
    with logging_redirect_tqdm(), bar:
        while session.epoch < schedule.epochs and not _out_of_steps(session, schedule):
            train_epoch(session, splits["train"], course, stop)
            if stop:
                save()
                stop.stop("the training is saved, the same command goes on with it")
            session.epoch += 1
            session.step = 0
            validate(session, splits, course)
            save()
            bar.update()
            bar.set_postfix(valid=f"{session.losses['valid'][-1]:.4g}")
            LOG.debug(
                "epoch %d of %d: validation loss %.6g, best %.6g of epoch %d",
                session.epoch, schedule.epochs, session.losses["valid"][-1], session.best_loss,
                session.best_epoch,
            )  # fmt: skip


def train_epoch(session: Session, batches: Batches, course: Course, stop: StopRequest) -> None:
    """Train on the batches that the epoch has left, until ``stop`` or the last step.

    The losses stay on the device until the end: asking for one would make it wait.
    """
    start_s = time.perf_counter()
    session.model.train()
    schedule, losses = course.schedule, []
    for batch in epoch_batches(
        batches, schedule.batch_size, seed=schedule.seed, epoch=session.epoch, start=session.step
    ):
        factor = schedule.rate_factor(session.n_steps + len(losses), len(batches))
        for group in session.optimizer.param_groups:
            group["lr"] = factor * group.setdefault("initial_lr", group["lr"])
        losses.append(training_step(session, batch, course.loss, course.precision))
        if stop or _out_of_steps(session, schedule, len(losses)):
            break
    session.step += len(losses)
    if losses:
        session.note_losses("train", torch.stack(losses))
    session.train_s += time.perf_counter() - start_s


def training_step(session: Session, batch: Batch, loss: Loss, precision: Precision) -> Tensor:
    """One step of the optimizer; the loss before it, or its parts, still on the device."""
    session.optimizer.zero_grad(set_to_none=True)
    with precision.autocast():
        value = loss(session.model, batch)
    session.scaler.scale(value.sum()).backward()
    session.scaler.step(session.optimizer)
    session.scaler.update()
    return value.detach()


def validate(session: Session, splits: Mapping[str, Batches], course: Course) -> None:
    """Note the mean losses of the valid and eval splits, and keep the weights if they are best."""
    loss, precision, batch_size = course.loss, course.precision, course.schedule.batch_size
    valid_loss, eval_loss = (
        mean_loss(session.model, splits[name], loss, precision, batch_size)
        for name in ("valid", "eval")
    )
    total = float(valid_loss.sum())
    if not math.isfinite(total):
        raise UserError(
            f"after epoch {session.epoch} the validation loss is {total}: "
            "try a lower learning rate or --precision fp32"
        )
    session.note_validation(valid_loss, eval_loss)


@torch.no_grad()
def mean_loss(
    model: nn.Module, batches: Batches, loss: Loss, precision: Precision, batch_size: int
) -> Tensor:
    """The mean loss of all chunks, or its parts, in evaluation mode: float64 on the CPU."""
    model.eval()
    total = 0
    for batch in batches.batches(batch_size):
        with precision.autocast():
            total = total + loss(model, batch).double() * len(batch)
    return (total / len(batches)).cpu()


def _out_of_steps(session: Session, schedule: Schedule, more: int = 0) -> bool:
    return schedule.max_steps is not None and session.n_steps + more >= schedule.max_steps
