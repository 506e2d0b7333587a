"""Levels straight to classes: a small network that sees a whole second at once.

A second of levels is only 8 x 29 numbers. As 8 tokens of a transformer they cost a fiftieth of the
paper's CNN, every band sees every other, and a classifier's probabilities come out without Mels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from transcoder.settings import THIRD_OCTAVE, front_end

QUIETEST_DB = -80.0
"""Levels below are raised to it: a recording's silence, whatever number a sensor has for it."""

_SCALE_DB = 20.0  # brings levels to the size that layers like
_HEADS = 4


class LevelEncoder(nn.Module):
    """The 8 frames of a second as tokens that see each other: ``(batch, 8, 29) -> (batch, 8, d)``.

    A pre-norm transformer.

    Parameters
    ----------
    width, layers
        ``d``, and how many blocks.
    """

    def __init__(self, width: int, layers: int):
        super().__init__()
        self.embed = nn.Linear(THIRD_OCTAVE.n_bands, width)
        self.position = nn.Parameter(0.02 * torch.randn(THIRD_OCTAVE.frames_per_chunk, width))
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)

    def forward(self, levels: Tensor) -> Tensor:
        tokens = self.embed(levels.clamp(min=QUIETEST_DB) / _SCALE_DB) + self.position
        return self.norm(self.blocks(tokens))


class _Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (_HEADS, -1)).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).chunk(3, dim=-1)
        )
        seen = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.project(seen.transpose(1, 2).flatten(2))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class Direct(nn.Module):
    """Levels ``(batch, 8, 29)`` dB to a classifier's probabilities ``(batch, n_classes)``.

    Parameters
    ----------
    classifier
        "PANN" or "YamNet": whose classes.
    width, layers
        Of the `LevelEncoder`; 192 and 3 give 1.1 million weights for YAMNet.
    """

    def __init__(self, classifier: str, *, width: int = 192, layers: int = 3):
        super().__init__()
        self.encoder = LevelEncoder(width, layers)
        self.head = nn.Linear(2 * width, front_end(classifier).n_classes)
        nn.init.zeros_(self.head.weight)

    def forward(self, levels: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(levels))

    def logits(self, levels: Tensor) -> Tensor:
        """Before the sigmoid: what a loss is more exact with."""
        tokens = self.encoder(levels)
        return self.head(torch.cat((tokens.mean(dim=1), tokens.amax(dim=1)), dim=1))

    def begin_at(self, probabilities: Tensor) -> None:
        """Answer ``probabilities (n_classes,)``, whatever the levels: where training begins."""
        with torch.no_grad():
            self.head.bias.copy_(torch.logit(probabilities.float().clamp(1e-6, 1 - 1e-6)))
