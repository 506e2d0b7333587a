"""Hours and days as people at the sensor have them."""

import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from transcoder.errors import UsageError

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
