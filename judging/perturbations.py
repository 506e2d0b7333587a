"""What sensors do to levels: another calibration, fewer bands, slower levels.

Each maps the levels ``(seconds, 8, 29)`` dB of a recording to what a method would be given.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from archives.levels import MISSING_BAND_DB
from transcoder.settings import THIRD_OCTAVE

OFFSETS_DB = (-6, -3, 3, 6)

UNPERTURBED = "as they are"


def offset(offset_db: float) -> Callable[[Tensor], Tensor]:
    """A sensor that reads ``offset_db`` too much."""
    return lambda levels: levels + offset_db


def only_bands(low_hz: float, high_hz: float) -> Callable[[Tensor], Tensor]:
    """A sensor without the bands outside; these are filled as those of archives are."""
    centres = torch.tensor(THIRD_OCTAVE.centres_hz)
    # nominal frequencies lie within 1 % of the exact ones, bands 26 % apart
    has = (centres > low_hz * 0.9) & (centres < high_hz * 1.1)
    return lambda levels: torch.where(has, levels, MISSING_BAND_DB)


def slow(levels: Tensor) -> Tensor:
    """1-s levels: the mean power of each second, for all its frames."""
    power = 10 ** (levels.double() / 10)
    mean = power.mean(dim=1, keepdim=True).expand_as(power)
    return (10 * mean.log10()).to(levels.dtype)


PERTURBATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    **{f"{db:+d} dB": offset(db) for db in OFFSETS_DB},
    "no bands < 100 Hz": only_bands(100, 12_500),
    "no bands > 8 kHz": only_bands(20, 8_000),
    "20 bands, 125 Hz to 10 kHz": only_bands(125, 10_000),
    "1-s levels": slow,
}
"""By what tables call them; the 20 bands are those of sensors of the CENSE network."""
