"""What training minimises: functions of a model and a batch, one for each kind of training.

All take the prediction of a model for ``batch.levels`` and give float32, under autocast too: a
scalar, or the parts whose sum is the loss. Source: Tailleur et al., DCASE 2023, section 3.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Batch:
    """Chunks of one second; what a loss does not need is None."""

    levels: Tensor  # (batch, 8, 29) dB, or an ablation's input
    mels: Tensor | None  # (batch, frames, 64) true log-Mels
    targets: Tensor | None  # (batch, n_classes) the teacher's probabilities for the true Mels

    def __len__(self) -> int:
        return len(self.levels)


Loss = Callable[[nn.Module, Batch], Tensor]

HYBRID_PARTS = ("mel", "logit")
"""What the parts of `hybrid_loss` are called, as published."""


def mel_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Mean squared error of the Mels: trains CNN-mels."""
    return _mse(model(batch.levels), batch.mels)


def class_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy of a model's own class probabilities: trains models without Mels."""
    return _bce(model(batch.levels), batch.targets)


def logits_loss(teacher: nn.Module) -> Loss:
    """Cross-entropy of the teacher's probabilities for predicted Mels: trains CNN-logits."""

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        return _bce(teacher(model(batch.levels)), batch.targets)

    return loss


def hybrid_loss(
    teacher: nn.Module, *, mel_weight: float, class_weight: float, draws: int = 1
) -> Loss:
    """Weighted losses of CNN-mels and CNN-logits: the `HYBRID_PARTS`, ``(2,)``.

    With ``draws`` of the noise of a textured model, the teacher's answers are averaged before
    they are compared, as when it is used: one draw need not hedge for all.
    """

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        if draws == 1:
            mels = model(batch.levels)
            probabilities = teacher(mels)
        else:
            mels = torch.cat([model(batch.levels, draw=draw) for draw in range(draws)])
            probabilities = teacher(mels).float().unflatten(0, (draws, -1)).mean(dim=0)
        mel = mel_weight * _mse(mels, batch.mels.repeat(draws, 1, 1))
        return torch.stack((mel, class_weight * _bce(probabilities, batch.targets)))

    return loss


def _mse(predicted: Tensor, true: Tensor) -> Tensor:
    return functional.mse_loss(predicted.float(), true)


def _bce(predicted: Tensor, target: Tensor) -> Tensor:
    with torch.autocast(predicted.device.type, enabled=False):
        return functional.binary_cross_entropy(predicted.float(), target)
