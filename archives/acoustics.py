"""Sound levels as noise is reported: LAeq, Lden, L10, L50 and L90, of hours and days.

- LAeq: the energy mean of the A-weighted level (IEC 61672-1), the sum of the bands from 20 Hz to
  12.5 kHz; what lies above is missing, as it is in the archives.
- L10, L50, L90: exceeded in 10, 50 and 90 % of the time by the LAeq of one row (a second, unless
  ``--window`` says otherwise).
- Lday, Levening, Lnight: LAeq of 7 to 19 h, 19 to 23 h and the rest of the calendar day; Lden:
  their energy mean over 12, 4 and 8 hours, the evening raised by 5 dB and the night by 10
  (directive 2002/49/EC, annex I). A year's Lden is the energy mean of its days'.

Levels are those of the archive, before any offset: dB as the sensor stored them. No library that
is looked after takes levels as a stream, in memory that does not grow with it, so this is ours.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transcoder.settings import THIRD_OCTAVE

# poles of the curves, in Hz (IEC 61672-1:2013, annex E)
_F1, _F2, _F3, _F4 = 20.598997, 107.65265, 737.86223, 12194.217


def weighting_db(weighting: str) -> NDArray[np.float64]:
    """What ``weighting`` ("A", "C" or "Z") adds to each of the 29 bands, in dB."""
    squared = np.array(THIRD_OCTAVE.centres_hz) ** 2
    if weighting == "Z":
        return np.zeros(len(squared))
    return _curve_db(squared, weighting) - _curve_db(np.array([1e6]), weighting)  # 0 at 1 kHz


def describe_weighting(weighting: str) -> str:
    """What was done to levels of ``weighting``, for people; nothing for Z."""
    if weighting == "Z":
        return ""
    return f"turned back from {weighting} weighting by the curve of IEC 61672"


def _curve_db(squared: NDArray[np.float64], weighting: str) -> NDArray[np.float64]:
    gain = _F4**2 * squared / ((squared + _F1**2) * (squared + _F4**2))
    if weighting == "A":
        gain = gain * squared / np.sqrt((squared + _F2**2) * (squared + _F3**2))
    return 20 * np.log10(gain)


PERIODS = {"day": (7, 19), "evening": (19, 23), "night": (23, 7)}
"""Hours of the day, from and to, in local time."""

LDEN_HOURS = {"day": 12, "evening": 4, "night": 8}
LDEN_PENALTY_DB = {"day": 0.0, "evening": 5.0, "night": 10.0}

EXCEEDED = (10, 50, 90)
"""The percentiles of noise reports: exceeded in so many percent of the time."""

BIN_DB = 0.1  # of the distribution that percentiles are read from


def a_weighted_db(levels_db: NDArray, bands: Sequence[int] | None = None) -> NDArray[np.float64]:
    """``(..., 29)`` levels of frames to their A-weighted sum ``(...)``, in dB.

    ``bands``: the ones that there are; others are passed over (None: all).
    """
    kept = slice(None) if bands is None else list(bands)
    weighted = levels_db[..., kept].astype(np.float64) + weighting_db("A")[kept]
    return to_db((10 ** (weighted / 10)).sum(axis=-1))


def to_db(power: NDArray | float) -> NDArray[np.float64]:
    """``10 lg(power)``; NaN where there is none."""
    power = np.asarray(power, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(power > 0, 10 * np.log10(power), np.nan)


def to_power(level_db: NDArray | float) -> NDArray[np.float64]:
    """The inverse of `to_db`."""
    return 10 ** (np.asarray(level_db, dtype=np.float64) / 10)


def period_of_hour(hour: int) -> str:
    """Which of `PERIODS` an hour of the day, 0 to 23, belongs to."""
    return next((name for name, (start, end) in PERIODS.items() if start <= hour < end), "night")


def lden(levels_db: dict[str, float]) -> float:
    """Lden of the levels of all `PERIODS`; NaN if one is missing."""
    parts = [
        LDEN_HOURS[name] * to_power(levels_db[name] + LDEN_PENALTY_DB[name]) for name in PERIODS
    ]
    return float(to_db(sum(parts) / sum(LDEN_HOURS.values())))


class LevelDistribution:
    """How long each level lasted, in bins of `BIN_DB`; in memory only what occurs."""

    def __init__(self) -> None:
        self.bins = np.empty(0, dtype=np.int16)
        self.seconds = np.empty(0, dtype=np.float32)

    def add(self, levels_db: NDArray, seconds: NDArray) -> None:
        """Count levels that lasted ``seconds`` each; NaN is passed over."""
        is_known = np.isfinite(levels_db)
        bins = np.rint(levels_db[is_known] / BIN_DB).astype(np.int16)
        self._merge(bins, seconds[is_known])

    def merge(self, other: "LevelDistribution") -> None:
        self._merge(other.bins, other.seconds)

    def _merge(self, bins: NDArray, seconds: NDArray) -> None:
        all_bins = np.concatenate((self.bins, bins))
        self.bins, place = np.unique(all_bins, return_inverse=True)
        total = np.bincount(place, np.concatenate((self.seconds, seconds)), len(self.bins))
        self.seconds = total.astype(np.float32)

    def exceeded(self, percent: float) -> float:
        """The level that is exceeded in ``percent`` of the time, to `BIN_DB`; NaN if empty."""
        total = float(self.seconds.sum())
        if not total:
            return np.nan
        at_most = np.cumsum(self.seconds, dtype=np.float64)
        place = np.searchsorted(at_most, total * (1 - percent / 100) - 1e-6 * total)
        return round(float(self.bins[min(place, len(self.bins) - 1)]) * BIN_DB, 1)
