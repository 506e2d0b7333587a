"""The columns of a table: which holds the time, which the level of which band."""

import re
from collections.abc import Sequence

import numpy as np

from archives.frames import ArchiveError
from transcoder.settings import THIRD_OCTAVE

TIME_NAMES = ("time", "timestamp", "datetime", "date_time", "date", "epoch", "t", "time_s")
"""Headings of a time column, whatever their case."""

# "Fast_1000", "1000", "1 kHz", "L_12.5kHz", "Leq 31,5 Hz"
_BAND_NAME = re.compile(
    r"(?:[a-z]+[ _-]*)?(?P<number>\d+(?:[.,]\d+)?) ?(?P<kilo>k?)(?:hz)?", re.IGNORECASE
)
_TOLERANCE = 0.05  # names are rounded: 31.5 and 31 for 31.6 Hz; neighbours are 26 % apart
_FEWEST_BANDS = 10


def band_columns(names: Sequence[str], where: str) -> dict[int, str]:
    """Band number (0 = 20 Hz to 28 = 12.5 kHz) -> the name of its column.

    Columns that name no frequency, or one outside of 20 Hz to 12.5 kHz, are passed over.

    Raises
    ------
    ArchiveError
        If a band is there twice, lacks between others, or there are too few for third octaves.
    """
    found: dict[int, str] = {}
    for name in names:
        frequency_hz = _frequency_hz(name)
        if frequency_hz is None:
            continue
        band = _band(frequency_hz, name, where)
        if band in found:
            raise ArchiveError(f"{where}: columns {found[band]!r} and {name!r} are the same band")
        if band is not None:
            found[band] = name
    if not found:
        raise ArchiveError(
            f"{where}: no column is named after a third-octave band (such as 'Fast_1000', '1000' "
            f"or '1 kHz'); it has {_listed(names)}"
        )
    lacking = sorted(set(range(min(found), max(found))) - set(found))
    if lacking:
        raise ArchiveError(
            f"{where}: the band {_band_name(lacking[0])} is missing between others "
            f"({len(lacking)} in all); octave bands cannot be used"
        )
    if len(found) < _FEWEST_BANDS:
        raise ArchiveError(
            f"{where}: only {len(found)} third-octave bands; {_FEWEST_BANDS} or more are needed"
        )
    return dict(sorted(found.items()))


def find_time_column(names: Sequence[str], given: str | None, where: str) -> str:
    """The column of time stamps: ``given``, or the first that is named like one."""
    if given is not None:
        if given in names:
            return given
        raise ArchiveError(f"{where}: no column {given!r}; it has {_listed(names)}")
    for name in names:
        if name.strip().casefold() in TIME_NAMES:
            return name
    raise ArchiveError(
        f"{where}: no time column (named {', '.join(TIME_NAMES[:3])}...): say which it is with "
        f"--time-column; it has {_listed(names)}"
    )


def _frequency_hz(name: str) -> float | None:
    match = _BAND_NAME.fullmatch(name.strip())
    if match is None:
        return None
    return float(match["number"].replace(",", ".")) * (1000 if match["kilo"] else 1)


def _band(frequency_hz: float, name: str, where: str) -> int | None:
    centres = np.array(THIRD_OCTAVE.centres_hz)
    if not centres[0] * 0.9 < frequency_hz < centres[-1] * 1.1:
        return None
    band = int(np.abs(np.log(centres / frequency_hz)).argmin())
    if abs(frequency_hz / centres[band] - 1) > _TOLERANCE:
        raise ArchiveError(f"{where}: column {name!r} is not a third-octave band")
    return band


def _band_name(band: int) -> str:
    return f"{THIRD_OCTAVE.centres_hz[band]:.3g} Hz"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")
