"""What a sensor may do to a training chunk's levels: another calibration, no low bands, 1 s."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from archives.levels import MISSING_BAND_DB
from transcoder.settings import THIRD_OCTAVE

_MOST_LACKING_LOW = 10  # up to no band below 200 Hz
_MOST_LACKING_HIGH = 5  # up to none above 4 kHz
_WINDOWS = (2, 4, 8)  # frames: 250 ms, 500 ms and 1 s


class Drawn(NamedTuple):
    """The effects on each of ``n`` chunks."""

    offset_db: Tensor  # (n,)
    first_band: Tensor  # (n,) the bands below are lacking
    end_band: Tensor  # (n,) those from here on, too
    window: Tensor  # (n,) frames that share their mean power

    def rows(self, rows: Tensor) -> "Drawn":
        """Those of some chunks."""
        return Drawn(*(values[rows] for values in self))


@dataclass(frozen=True)
class LevelEffects:
    """How often and how strongly levels are changed, so that a model learns to bear it.

    Parameters
    ----------
    offset_db
        Standard deviation of a random offset on each chunk.
    lacking_share, slow_share
        Of the chunks, those that lack bands (filled as those of archives are), and those with
        levels of 250 ms to 1 s.
    """

    offset_db: float = 0.0
    lacking_share: float = 0.0
    slow_share: float = 0.0

    def draw(self, n: int, generator: Generator) -> Drawn:
        """Effects for ``n`` chunks."""

        def whole(below: int) -> Tensor:
            return torch.randint(below, (n,), generator=generator)

        def chosen(share: float) -> Tensor:
            return torch.rand(n, generator=generator) < share

        offset_db = self.offset_db * torch.randn(n, generator=generator)
        lacking = chosen(self.lacking_share)
        windows = torch.tensor(_WINDOWS)[whole(len(_WINDOWS))]
        return Drawn(
            offset_db,
            whole(_MOST_LACKING_LOW + 1) * lacking,
            THIRD_OCTAVE.n_bands - whole(_MOST_LACKING_HIGH + 1) * lacking,
            torch.where(chosen(self.slow_share), windows, 1),
        )


NO_EFFECTS = LevelEffects()


def with_effects(levels: Tensor, drawn: Drawn) -> Tensor:
    """Levels ``(n, 8, 29)`` dB as the drawn effects leave them."""
    levels = levels.clone()
    for window in _WINDOWS:
        is_slow = drawn.window == window
        if is_slow.any():
            levels[is_slow] = _averaged(levels[is_slow], window)
    levels += drawn.offset_db.view(-1, 1, 1)
    band = torch.arange(levels.shape[-1], device=levels.device)
    lacking = (band < drawn.first_band[:, None]) | (band >= drawn.end_band[:, None])
    return levels.masked_fill(lacking[:, None], MISSING_BAND_DB)


def _averaged(levels: Tensor, window: int) -> Tensor:
    """Mean power of every ``window`` frames, for all of them."""
    power = (10 ** (levels.double() / 10)).unflatten(1, (-1, window))
    mean = power.mean(dim=2, keepdim=True).expand_as(power).flatten(1, 2)
    return (10 * mean.log10()).to(levels.dtype)
