"""A training under way: its state in memory, and on disk so that a crash costs little."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from exp_train_model.training.losses import HYBRID_PARTS
from transcoder.doors import reading
from transcoder.errors import UserError
from transcoder.weights import load_state, save_state

SPLIT_LOSSES = ("train", "valid", "eval")


@dataclass
class Session:
    """Everything that a training needs to go on as if it had never stopped.

    Attributes
    ----------
    identity
        What must be the same when it goes on: settings, seed, data...
    epoch, step
        Epochs done, and batches done of the epoch under way.
    losses
        ``train``: one for each batch. ``valid``, ``eval``: before the first epoch and after each.
        Of a hybrid training their parts too, as ``mel_train``, ``logit_train``...
    train_s
        Seconds that training took, without validation.
    best_epoch, best_weights
        Of the lowest validation loss; 0 is before the first epoch.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    identity: dict
    epoch: int = 0
    step: int = 0
    losses: dict[str, list[float]] = field(default_factory=lambda: {k: [] for k in SPLIT_LOSSES})
    best_epoch: int = -1
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    train_s: float = 0.0

    @property
    def n_steps(self) -> int:
        """Batches done since the beginning."""
        return len(self.losses["train"])

    @property
    def best_loss(self) -> float:
        return self.losses["valid"][self.best_epoch] if self.best_epoch >= 0 else float("inf")

    def note_losses(self, split: str, values: Tensor) -> None:
        """Keep losses ``(n,)`` of a split, or their parts ``(n, 2)`` and the sums of these."""
        if values.ndim == 2:
            for part, column in zip(HYBRID_PARTS, values.T, strict=True):
                self.losses.setdefault(f"{part}_{split}", []).extend(column.tolist())
            values = values.sum(dim=1)
        self.losses[split] += values.tolist()

    def note_validation(self, valid_loss: Tensor, eval_loss: Tensor) -> None:
        """Keep the losses after an epoch, and the weights if they are the best so far."""
        is_best = float(valid_loss.sum()) < self.best_loss
        self.note_losses("valid", valid_loss[None])
        self.note_losses("eval", eval_loss[None])
        if is_best:
            self.best_epoch = self.epoch
            self.best_weights = {k: v.clone() for k, v in self.model.state_dict().items()}

    def save(self, path: Path) -> None:
        """Write the whole state atomically."""
        state = {
            "identity": self.identity,
            "epoch": self.epoch,
            "step": self.step,
            "losses": self.losses,
            "train_s": self.train_s,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": _cuda_rng_state(),
        }
        save_state(path, state)

    def resume(self, path: Path, *, renew: bool = False) -> bool:
        """Take over the state in ``path``; whether that was done.

        With ``renew`` the state of a training with another ``identity`` is left alone.

        Raises
        ------
        UserError
            If it is damaged, or without ``renew`` of a training with another ``identity``.
        """
        state = load_state(path, missing_hint="")
        if not isinstance(state.get("identity"), dict):
            raise UserError(f"{path}: holds no training to go on with; remove it to begin anew")
        changed = [k for k, v in self.identity.items() if state.get("identity", {}).get(k) != v]
        if changed and renew:
            return False
        if changed:
            was = ", ".join(f"{k} {state['identity'].get(k)!r}" for k in changed)
            now = ", ".join(f"{k} {self.identity[k]!r}" for k in changed)
            raise UserError(
                f"{path}: this training was begun with {was}, not {now}; give the same options "
                "to go on, or remove the file or give --renew to begin again"
            )
        with reading(path, "holds no training to go on with; remove it to begin anew"):
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state["scaler"])
            for name in ("epoch", "step", "losses", "best_epoch", "best_weights"):
                setattr(self, name, state[name])
            self.train_s = state.get("train_s", 0.0)
            torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["random_cuda"])
        return True


def _cuda_rng_state() -> Tensor | None:
    return torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
