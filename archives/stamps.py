"""Time stamps as instruments and people write them, to seconds, and as clocks show those."""

import datetime
import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archives.frames import LOCAL, RELATIVE, UTC, ArchiveError
from transcoder.errors import UsageError

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


DAY_FIRST, MONTH_FIRST = "dmy", "mdy"

_YEAR_FIRST = re.compile(r"\d{4}([-/.]?)\d{1,2}\1\d{1,2}(?=\D|$)")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?=\D|$)")
_TIME = re.compile(
    r"(?P<gap>[ T,;_-]*)\d{1,2}(?P<colon>[:h.])\d{2}(?P<seconds>:\d{2}(?P<fraction>[.,:]\d{1,9})?)?"
    r"(?P<half>\s*[AaPp]\.?[Mm]\.?)?(?P<zone>\s*(?:Z|[-+]\d{2}:?\d{2}))?"
)


def form_of(texts: Sequence[str], date_order: str = DAY_FIRST) -> str | None:
    """The format of stamps that are not plain ISO 8601 or numbers; None if none fits.

    Whether the day or the month comes first is what a number above 12 shows, the month before a
    time of AM or PM, otherwise ``date_order``. Times without dates give a format without one.
    """
    # the longest first: a fraction of zero may be left out
    for text in sorted(set(texts), key=len, reverse=True):
        form = _form(text, _order(texts, date_order))
        if form is not None:
            return form
    return None


def is_order_open(texts: Sequence[str], form: str) -> bool:
    """Whether the day and the month of all ``texts`` could change places."""
    if not form.startswith(("%d", "%m")):
        return False
    dates = [match for text in texts if (match := _YEAR_LAST.match(text))]
    return not any(int(match[1]) > 12 or int(match[3]) > 12 for match in dates)


def _order(texts: Sequence[str], date_order: str) -> str:
    dates = [match for text in texts if (match := _YEAR_LAST.match(text))]
    if any(int(match[1]) > 12 for match in dates):
        return DAY_FIRST
    has_halves = any(re.search(r"\d\s*[ap]\.?m", text, re.IGNORECASE) for text in texts)
    if has_halves or any(int(match[3]) > 12 for match in dates):
        return MONTH_FIRST
    return date_order


def _form(text: str, order: str) -> str | None:
    date, form = _YEAR_FIRST.match(text), ""
    if date is not None:
        form = date[1].join(("%Y", "%m", "%d"))
    else:
        date = _YEAR_LAST.match(text)
        if date is not None:
            year = "%Y" if len(date[4]) == 4 else "%y"
            first, second = ("%d", "%m") if order == DAY_FIRST else ("%m", "%d")
            form = date[2].join((first, second, year))
    rest = text[date.end() :] if date else text
    if not rest:
        return form or None
    time = _TIME.fullmatch(rest)
    if time is None or bool(date) != bool(time["gap"]):
        return None
    hour = "%I" if time["half"] else "%H"
    form += f"{time['gap']}{hour}{time['colon']}%M"
    if time["seconds"]:
        form += ":%S" + (f"{time['fraction'][0]}%f" if time["fraction"] else "")
    if time["half"]:
        form += " %p" if time["half"][0].isspace() else "%p"
    return form + (("%z" if not time["zone"][0].isspace() else " %z") if time["zone"] else "")


_STEP_S = 900  # no clock on earth was ever changed within a quarter of an hour


def time_zone(name: str | None) -> ZoneInfo | None:
    """The zone called ``name``, as in ``Europe/Paris``; `UsageError` if there is none."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"unknown time zone {name!r}: give one such as Europe/Paris") from None


def local_seconds(times_s: NDArray[np.float64], zone: ZoneInfo | None) -> NDArray[np.float64]:
    """Seconds since 1970 in UTC to those that the clocks of ``zone`` show; None: unchanged."""
    if zone is None or not len(times_s):
        return times_s
    steps, place = np.unique(np.floor(times_s / _STEP_S), return_inverse=True)
    offsets = [_offset_s(int(step) * _STEP_S, zone) for step in steps.tolist()]
    return times_s + np.array(offsets)[place]


def hours_of(day: int, start: int, end: int, zone: ZoneInfo | None) -> float:
    """How long ``start`` to ``end`` o'clock lasts on ``day`` (since 1970), in hours of 3,600 s."""
    if zone is None:
        return end - start
    midnight = datetime.datetime(1970, 1, 1) + datetime.timedelta(days=day)
    moments = [
        (midnight + datetime.timedelta(hours=hour)).replace(tzinfo=zone).timestamp()
        for hour in (start, end)
    ]
    return (moments[1] - moments[0]) / 3600


def _offset_s(time_s: int, zone: ZoneInfo) -> float:
    moment = datetime.datetime.fromtimestamp(time_s, tz=zone)
    return moment.utcoffset().total_seconds()
