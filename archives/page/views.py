"""What the page shows of a sensor, made from its digest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from archives.acoustics import LevelDistribution, to_db, to_power
from archives.digest import HOUR_S, Digest
from archives.frames import LOCAL, UTC
from archives.level_tables import day_rows
from archives.page.charts import (
    Tick,
    band,
    level_range,
    level_ticks,
    line,
    picture,
    time_ticks,
)

_DAY_S = 86400
_MOST_COLUMNS = 720
_MOST_DAYS_IN_MINUTES = 14  # beyond that the cells of a day are its hours
_MINUTES_S = 600
_COLUMN_TEXTS = {1: "second", 60: "minute", HOUR_S: "hour", _DAY_S: "day"}
_SHOWN_EVENTS, _SHOWN_GAPS = 10, 8


@dataclass(frozen=True, eq=False)
class Sensor:
    """A sensor of the page.

    ``kind``: "presence" or "probability", what the digest's groups are; ``label``: what people call
    it, where that is not its name in the tables.
    """

    name: str
    digest: Digest
    clock: str
    kind: str = "presence"
    zone: ZoneInfo | None = None
    latitude: float | None = None
    longitude: float | None = None
    notes: Sequence[str] = field(default_factory=tuple)
    label: str = ""

    @property
    def title(self) -> str:
        return self.label or self.name

    @property
    def has_dates(self) -> bool:
        return self.clock in (LOCAL, UTC)

    @property
    def span_s(self) -> tuple[float, float]:
        stretches = self.digest.stretches
        return float(stretches[0, 0]), float(stretches[-1, 1])


@dataclass(frozen=True, eq=False)
class Shown:
    """All that the page shows of a sensor; its digest is no longer needed."""

    sensor: str
    place: tuple[float, float] | None  # latitude, longitude
    kind: str
    groups: tuple[str, ...]
    has_dates: bool
    notes: Sequence[str]
    seconds: float
    means: NDArray[np.float64]  # of the A-weighted power, then of the groups
    shares: dict[str, float]  # means of the groups
    period: str
    laeq: float
    lden: float | None  # energy mean over the complete days
    complete_days: int
    over_time: "OverTime"
    day_grid: "DayGrid | None"
    gaps: "Gaps | None"
    loudest: "list[Event]"


def shown(sensor: Sensor) -> Shown:
    """Everything of a sensor."""
    digest = sensor.digest
    known = sensor.latitude is not None and sensor.longitude is not None
    days = list(day_rows(digest, kind=sensor.kind, zone=sensor.zone)) if sensor.has_dates else []
    lden = [day["Lden"] for day in days if day["complete"]]
    means = digest.timeline.means()
    return Shown(
        sensor=sensor.title,
        place=(sensor.latitude, sensor.longitude) if known else None,
        kind=sensor.kind,
        groups=digest.groups,
        has_dates=sensor.has_dates,
        notes=sensor.notes,
        seconds=digest.seconds,
        means=means,
        shares=dict(zip(digest.groups, means[1:].tolist(), strict=True)),
        period=period_text(*sensor.span_s, sensor.has_dates),
        laeq=digest.laeq_db,
        lden=float(to_db(to_power(lden).mean())) if lden else None,
        complete_days=len(lden),
        over_time=over_time(sensor),
        day_grid=day_grid(sensor) if digest.groups else None,
        gaps=gaps(sensor),
        loudest=loudest(sensor),
    )


@dataclass(frozen=True)
class DayGrid:
    """Hours of the day along, days down: a picture for each group."""

    pictures: dict[str, str]
    n_days: int
    day_ticks: list[Tick]
    height_px: int


def day_grid(sensor: Sensor) -> DayGrid | None:
    """None for levels without dates, or of a single day: the strips over time show it."""
    if not sensor.has_dates:
        return None
    digest = sensor.digest
    first = int(sensor.span_s[0] // _DAY_S)
    n_days = int((sensor.span_s[1] - 1e-3) // _DAY_S) - first + 1
    if n_days < 2:
        return None
    in_minutes = n_days <= _MOST_DAYS_IN_MINUTES and digest.timeline.width_s <= _MINUTES_S
    step_s = _MINUTES_S if in_minutes else HOUR_S
    per_day = _DAY_S // step_s
    values = digest.timeline.columns(first * _DAY_S, step_s, n_days * per_day)[:, 1:]
    shaped = values.reshape(n_days, per_day, -1)
    pictures = {name: picture(shaped[:, :, k]) for k, name in enumerate(digest.groups)}
    row_px = min(22, max(1, 330 // n_days))
    return DayGrid(pictures, n_days, _day_ticks(first, n_days), max(18, n_days * row_px))


def _day_ticks(first: int, n_days: int) -> list[Tick]:
    step = -(-n_days // 8)
    days = np.datetime64(first, "D") + np.arange(0, n_days, step)
    return [
        Tick(100 * (number * step + 0.5) / n_days, f"{day.item().day} {day.item():%b}")
        for number, day in enumerate(days)
    ]


@dataclass(frozen=True)
class OverTime:
    """Levels over all time, presence below."""

    laeq: str
    band: str  # between L90 and L10 of the hours or days; empty for narrower columns
    column: str  # how long one is, in words
    level_ticks: list[Tick]
    time_ticks: list[Tick]
    strips: dict[str, str]


def over_time(sensor: Sensor) -> OverTime:
    digest, (start_s, end_s) = sensor.digest, sensor.span_s
    widths = [w for w in (1, 10, 60, 600, HOUR_S, _DAY_S) if w >= digest.timeline.width_s]
    step_s = next((w for w in widths if (end_s - start_s) / w <= _MOST_COLUMNS), widths[-1])
    first_s = int(start_s // step_s) * step_s
    n = max(1, int(np.ceil((end_s - first_s) / step_s)))
    values = digest.timeline.columns(first_s, step_s, n)
    laeq = to_db(values[:, 0])
    lower = upper = np.full(n, np.nan)
    if step_s >= HOUR_S:
        lower, upper = _exceeded(digest, first_s, n, step_s)
    low, high = level_range([laeq, lower, upper])
    return OverTime(
        line(laeq, low, high),
        band(lower, upper, low, high),
        _COLUMN_TEXTS.get(step_s, _duration_text(step_s)),
        level_ticks(low, high),
        time_ticks(first_s, first_s + n * step_s, sensor.has_dates),
        {name: picture(values[np.newaxis, :, k + 1]) for k, name in enumerate(digest.groups)},
    )


def _exceeded(digest: Digest, first_s: int, n: int, step_s: int) -> tuple[NDArray, NDArray]:
    """L90 and L10 of each column."""
    columns = [LevelDistribution() for _ in range(n)]
    for number, hour in digest.hours.items():
        place = (number * HOUR_S - first_s) // step_s
        if 0 <= place < n:
            columns[place].merge(hour.levels)
    found = np.array([[column.exceeded(90), column.exceeded(10)] for column in columns])
    return found[:, 0], found[:, 1]


@dataclass(frozen=True)
class Event:
    time: str
    laeq: float
    classes: list[tuple[str, float]]


def loudest(sensor: Sensor) -> list[Event]:
    """The loudest seconds, a minute apart, and what was heard in them."""
    return [
        Event(
            moment_text(time_s, sensor.has_dates),
            laeq,
            [(name, value) for name, value in zip(classes, values, strict=True) if name],
        )
        for time_s, laeq, classes, values in sensor.digest.loudest[:_SHOWN_EVENTS]
    ]


@dataclass(frozen=True)
class Gaps:
    count: int
    total: str
    longest: list[str]  # when, how long


def gaps(sensor: Sensor) -> Gaps | None:
    """The longest times without levels, None if there are none."""
    found = sensor.digest.gaps()
    if not len(found):
        return None
    lengths = found[:, 1] - found[:, 0]
    order = np.argsort(-lengths, kind="stable")[:_SHOWN_GAPS]
    longest = [
        f"{period_text(*found[i].tolist(), sensor.has_dates)} ({_duration_text(float(lengths[i]))})"
        for i in sorted(order.tolist())
    ]
    return Gaps(len(found), _duration_text(float(lengths.sum())), longest)


def moment_text(time_s: float, has_dates: bool) -> str:
    if not has_dates:
        return _duration_text(time_s)
    moment = np.datetime64(int(time_s), "s").item()
    return f"{moment.day} {moment:%b %Y, %H:%M:%S}"


def period_text(start_s: float, end_s: float, has_dates: bool) -> str:
    """``1 Mar 2024, 10:00 to 12:30``: the second date only where it is another."""
    if not has_dates:
        return f"{_duration_text(start_s)} to {_duration_text(end_s)} from its start"
    start, end = (np.datetime64(int(t), "s").item() for t in (start_s, end_s))
    text = f"{start.day} {start:%b %Y, %H:%M} to "
    return text + (
        f"{end:%H:%M}" if end.date() == start.date() else f"{end.day} {end:%b %Y, %H:%M}"
    )


def _duration_text(seconds: float) -> str:
    seconds = round(seconds)
    for length, unit, part, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"),
                                        (60, "min", 1, "s")):  # fmt: skip
        if seconds >= length:
            whole, rest = divmod(seconds, length)
            rest = rest // part
            return f"{whole} {unit} {rest} {smaller}" if rest else f"{whole} {unit}"
    return f"{seconds} s"
