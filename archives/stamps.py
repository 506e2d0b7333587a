"""Time stamps as people write them, to seconds."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archives.frames import LOCAL, RELATIVE, UTC, ArchiveError

_EARLIEST_DATE_S = 1e8  # 1973: a smaller number of seconds counts from some other start
_ZONE = r"(?:Z|[+-]\d\d:?\d\d)$"
_LATEST_DATE_S = 1e10  # year 2286: larger numbers are milli-, micro- or nanoseconds


def to_seconds(
    column: pd.Series, *, time_format: str | None, first_row: int, where: str
) -> tuple[NDArray[np.float64], str]:
    """Seconds of a column of stamps, and which clock they are.

    Parameters
    ----------
    column
        Numbers (seconds; since 1970 also milli-, micro- or nanoseconds), dates, or text in ISO
        8601 or ``time_format`` (of `datetime.strptime`). Empty cells give NaN.
    first_row
        Row of the file where the column starts, for messages. Rows are labelled from 0.

    Returns
    -------
    seconds : (n,) float64
        Since 1970 in UTC (or in the unnamed zone of stamps without one), or from some start.
    clock : RELATIVE, LOCAL or UTC

    Raises
    ------
    ArchiveError
        Naming the first row whose stamp cannot be read.
    """
    if pd.api.types.is_numeric_dtype(column) and time_format is None:
        return _from_numbers(column.to_numpy(np.float64))
    if pd.api.types.is_datetime64_any_dtype(column):
        return _from_dates(column)
    text = column.astype("string").str.strip().replace("", pd.NA)
    given = text.dropna()
    if given.empty:
        return np.full(len(text), np.nan), LOCAL
    dates = parsed(text, time_format)
    bad = dates.isna().to_numpy() & text.notna().to_numpy()
    if bad.any():
        numbers = pd.to_numeric(text, errors="coerce")
        if time_format is None and (numbers.notna() == text.notna()).all():
            return _from_numbers(numbers.to_numpy(np.float64, na_value=np.nan))
        row = int(bad.argmax())
        wanted = f"the form {time_format!r}" if time_format else "ISO 8601 (or give --time_format)"
        raise _unread(text, row, first_row, where, f"does not follow {wanted}")
    has_zone = given.str.contains(_ZONE).to_numpy(bool)
    if has_zone.any() and not has_zone.all():
        row = int((has_zone != has_zone[0]).argmax())
        which = "has a" if has_zone[row] else "lacks the"
        raise _unread(given, row, first_row, where, f"{which} zone, unlike those before")
    seconds, _ = _from_dates(dates)
    if time_format is not None and "%d" not in time_format:
        return seconds % 86400, RELATIVE  # times of day
    return seconds, UTC if has_zone.any() else LOCAL


def _unread(text: pd.Series, row: int, first_row: int, where: str, what: str) -> ArchiveError:
    place = first_row + int(text.index[row])
    return ArchiveError(f"{where}, row {place}: the time {text.iloc[row]!r} {what}")


def parsed(text: pd.Series, time_format: str | None) -> pd.Series:
    """Dates in UTC of ``text``, NaT where it does not follow ``time_format`` (or ISO 8601)."""
    dates = pd.to_datetime(text, utc=True, format=time_format or "ISO8601", errors="coerce")
    if time_format is not None and "%f" in time_format:
        # instruments leave out a fraction of zero
        bad = dates.isna() & text.notna()
        shorter = re.sub("[.,:]%f", "", time_format)
        if bad.any():
            dates[bad] = pd.to_datetime(text[bad], utc=True, format=shorter, errors="coerce")
    return dates


def _from_numbers(numbers: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    finite = np.abs(numbers[np.isfinite(numbers)])
    usual = float(np.median(finite)) if len(finite) else 0.0  # whatever single ones say
    if usual < _EARLIEST_DATE_S:
        return numbers, RELATIVE
    scale = 1.0
    while usual * scale > _LATEST_DATE_S:
        scale /= 1000
    seconds = numbers * scale
    seconds[np.abs(seconds) > 10 * _LATEST_DATE_S] = np.inf  # no dates: reported by number
    return seconds, UTC


def _from_dates(dates: pd.Series) -> tuple[NDArray[np.float64], str]:
    zone = getattr(dates.dtype, "tz", None)
    if zone is not None:
        dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
    stamps = dates.to_numpy("datetime64[us]")
    seconds = stamps.astype(np.int64) / 1e6
    seconds[np.isnat(stamps)] = np.nan
    return seconds, LOCAL if zone is None else UTC


def iso(seconds: float, clock: str) -> str:
    """A time as text: ISO 8601 to the millisecond ("Z" for UTC), or seconds."""
    if clock not in (LOCAL, UTC):
        return f"{seconds:.3f} s"
    stamp = np.datetime64(round(seconds * 1000), "ms")
    return f"{stamp}{'Z' if clock == UTC else ''}"
