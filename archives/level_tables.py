"""Tables of hours and days: levels, and how long each group was there, of one sensor."""

import datetime
import math
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np

from archives.acoustics import (
    EXCEEDED,
    PERIODS,
    lden,
    period_of_hour,
    to_db,
)
from archives.digest import HOUR_S, Digest, Hour
from archives.stamps import hours_of

COMPLETE = 0.95
"""A day is complete if each of its periods has levels for so much of its length."""


def hour_rows(digest: Digest, *, kind: str, has_dates: bool) -> Iterator[dict]:
    """A row for each hour that has levels, in order.

    ``kind`` is "presence" or "probability", what the digest's groups are; without dates, times are
    seconds from the archive's start.
    """
    for number in sorted(digest.hours):
        hour = digest.hours[number]
        start_s = number * HOUR_S
        yield {
            "time": _stamp(start_s) if has_dates else start_s,
            "seconds": round(hour.seconds),
            **_levels(hour),
            **_groups(hour, digest.groups, kind),
        }


def day_rows(digest: Digest, *, kind: str, zone: ZoneInfo | None = None) -> Iterator[dict]:
    """A row for each calendar day that has levels, in order.

    ``zone``: where the sensor is, for the two days that last 23 and 25 hours.
    """
    for day, hours in _by_day(digest).items():
        whole = _sum(hours.values(), len(digest.groups))
        periods = {
            name: _sum(
                (hour for clock, hour in hours.items() if period_of_hour(clock) == name),
                len(digest.groups),
            )
            for name in PERIODS
        }
        levels = {name: _laeq(period) for name, period in periods.items()}
        is_complete = all(
            period.seconds >= COMPLETE * _length_s(name, day, zone)
            for name, period in periods.items()
        )
        yield {
            "date": (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat(),
            "seconds": round(whole.seconds),
            "complete": is_complete,
            **_levels(whole),
            **{f"L{name}": _rounded(level) for name, level in levels.items()},
            "Lden": _rounded(lden(levels)),
            **_groups(whole, digest.groups, kind),
        }


def _by_day(digest: Digest) -> dict[int, dict[int, Hour]]:
    """Day since 1970 -> hour of the day -> its sums."""
    days: dict[int, dict[int, Hour]] = {}
    for number in sorted(digest.hours):
        days.setdefault(number // 24, {})[number % 24] = digest.hours[number]
    return days


def _sum(hours, n_groups: int) -> Hour:
    total = Hour(0.0, 0.0, np.zeros((3, n_groups)))
    for hour in hours:
        total.merge(hour)
    return total


def _length_s(period: str, day: int, zone: ZoneInfo | None) -> float:
    start, end = PERIODS[period]
    if start < end:
        return 3600 * hours_of(day, start, end, zone)
    return 3600 * (hours_of(day, 0, end, zone) + hours_of(day, start, 24, zone))


def _laeq(hour: Hour) -> float:
    return float(to_db(hour.energy / hour.seconds)) if hour.seconds else math.nan


def _levels(hour: Hour) -> dict:
    exceeded = {f"L{p}": _rounded(hour.levels.exceeded(p)) for p in EXCEEDED}
    return {"LAeq": _rounded(_laeq(hour)), **exceeded}


def _groups(hour: Hour, names: tuple[str, ...], kind: str) -> dict:
    """Share of the time of each group, then LAeq of the rows in which it is present."""
    heard_s, present_s, present_energy = hour.groups
    shares = {
        f"{name}_{kind}": round(float(total) / hour.seconds, 4) if hour.seconds else None
        for name, total in zip(names, heard_s, strict=True)
    }
    if kind != "presence":
        return shares
    present = zip(names, present_s, present_energy, strict=True)
    return shares | {
        f"LAeq_{name}": _rounded(float(to_db(energy / seconds))) if seconds else None
        for name, seconds, energy in present
    }


def _stamp(time_s: float) -> str:
    return str(np.datetime64(int(time_s), "s"))


def _rounded(level: float) -> float | None:
    return None if math.isnan(level) else round(level, 1)
