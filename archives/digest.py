"""What is kept of a sensor's rows for its tables of hours and days and for the page of a network.

Grows with the hours that have levels, by a few hundred bytes each, not with the seconds.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from archives.acoustics import LevelDistribution, to_db, to_power
from archives.presence import Presence
from archives.presence_map import PRESENT
from archives.stamps import local_seconds
from transcoder.files import atomic_path

HOUR_S = 3600
APART_S = 60.0
"""Loud seconds nearer than this are one event; so much time without levels is a gap."""

N_LOUDEST = 50
N_CLASSES = 3  # of a loud second


@dataclass(eq=False)
class Hour:
    """Sums over the rows of a clock hour.

    Attributes
    ----------
    energy : of power times seconds
    groups : (3, n_groups) presence (or probability) times seconds; the seconds, and the energy, of
        the rows in which the group is present
    """

    seconds: float
    energy: float
    groups: NDArray[np.float64]
    levels: LevelDistribution = field(default_factory=LevelDistribution)

    def merge(self, other: "Hour") -> None:
        self.seconds += other.seconds
        self.energy += other.energy
        self.groups = self.groups + other.groups
        self.levels.merge(other.levels)


@dataclass(frozen=True, eq=False)
class DigestRows:
    """What a digest takes of each row.

    Attributes
    ----------
    times_s : (n,) float64, by the archive's clock
    seconds : (n,) of levels in the row
    laeq_db : (n,)
    groups : (n, n_groups) presence, or probability where nothing is calibrated
    classes : (n, N_CLASSES) names of what is most probable, or "", and ``values`` of them
    """

    times_s: NDArray[np.float64]
    seconds: NDArray[np.float64]
    laeq_db: NDArray[np.float64]
    groups: NDArray[np.float32]
    classes: NDArray[np.str_]
    values: NDArray[np.float32]


class Digest:
    """Sums of rows by hours and, in a `Presence`, over time; stretches; the loudest seconds.

    Attributes
    ----------
    groups : names of the groups
    hours : by their number since 1970, or since the archive's start
    timeline : of the A-weighted power (the first column) and the groups
    stretches : (n, 2) starts and ends of levels without gaps, in order
    loudest : time, LAeq, classes and their probabilities, the loudest first
    """

    def __init__(self, groups: tuple[str, ...], unit_s: int = 1):
        self.groups = groups
        self.hours: dict[int, Hour] = {}
        self.timeline = Presence.for_units(("LAeq", *groups), unit_s)
        self.stretches = np.empty((0, 2))
        self.loudest: list[tuple[float, float, tuple[str, ...], tuple[float, ...]]] = []

    def add(self, rows: DigestRows) -> None:
        """Count rows; those without a level count for the groups alone."""
        power = np.nan_to_num(to_power(rows.laeq_db))
        self.timeline.add(
            rows.times_s, np.column_stack((power, rows.groups)), rows.seconds.astype(np.float64)
        )
        numbers = np.floor(rows.times_s / HOUR_S).astype(np.int64)
        for number in np.unique(numbers).tolist():
            self._add_hour(number, rows, numbers == number, power)
        ends = rows.times_s + rows.seconds
        self.stretches = _joined(
            np.concatenate((self.stretches, np.stack((rows.times_s, ends), 1)))
        )
        self._add_loudest(rows)

    def _add_hour(self, number: int, rows: DigestRows, chosen: NDArray, power: NDArray) -> None:
        seconds, groups = rows.seconds[chosen].astype(np.float64), rows.groups[chosen]
        energy = power[chosen] * seconds
        present = (groups >= PRESENT).astype(np.float64)
        of_groups = np.stack((seconds @ groups, seconds @ present, energy @ present))
        hour = Hour(float(seconds.sum()), float(energy.sum()), of_groups)
        hour.levels.add(rows.laeq_db[chosen], seconds)
        self._merge_hour(number, hour)

    def _merge_hour(self, number: int, hour: Hour) -> None:
        if number in self.hours:
            self.hours[number].merge(hour)
        else:
            self.hours[number] = hour

    def _add_loudest(self, rows: DigestRows) -> None:
        """The loudest row of each minute is a candidate."""
        laeq = np.where(np.isfinite(rows.laeq_db), rows.laeq_db, -np.inf)
        order = np.lexsort((-laeq, np.floor(rows.times_s / APART_S)))
        minutes = np.floor(rows.times_s[order] / APART_S)
        first = order[np.flatnonzero(np.diff(minutes, prepend=np.nan))]
        found = [
            (float(rows.times_s[i]), float(laeq[i]), tuple(rows.classes[i].tolist()),
             tuple(rows.values[i].astype(float).round(3).tolist()))
            for i in first[np.isfinite(laeq[first])]
        ]  # fmt: skip
        self.loudest = _apart([*self.loudest, *found])

    def merge(self, other: "Digest") -> None:
        """Add that of another archive of the same sensor and groups."""
        for number, hour in other.hours.items():
            self._merge_hour(number, hour)
        self.timeline.merge(other.timeline)
        self.stretches = _joined(np.concatenate((self.stretches, other.stretches)))
        self.loudest = _apart([*self.loudest, *other.loudest])

    def localised(self, zone: ZoneInfo | None) -> "Digest":
        """One of times in UTC as the clocks of ``zone`` show them, to the hour; None: the same."""
        if zone is None:
            return self
        found = Digest(self.groups)
        hours = _local_numbers(self.hours, HOUR_S, zone)
        for number, hour in zip(hours, self.hours.values(), strict=True):
            found._merge_hour(number, copy.deepcopy(hour))
        found.timeline = Presence(self.timeline.names, self.timeline.width_s)
        bins = _local_numbers(self.timeline.sums, self.timeline.width_s, zone)
        for number, sums in zip(bins, self.timeline.sums.values(), strict=True):
            found.timeline.add_sum(number, sums)
        starts, ends = local_seconds(self.stretches.ravel(), zone).reshape(-1, 2).T
        found.stretches = _joined(np.stack((starts, np.maximum(starts, ends)), axis=1))
        times = local_seconds(np.array([one[0] for one in self.loudest]), zone)
        found.loudest = [
            (time, *one[1:]) for time, one in zip(times.tolist(), self.loudest, strict=True)
        ]
        return found

    @property
    def seconds(self) -> float:
        return float(sum(hour.seconds for hour in self.hours.values()))

    @property
    def laeq_db(self) -> float:
        """Over all time that has levels."""
        energy = sum(hour.energy for hour in self.hours.values())
        return float(to_db(energy / max(self.seconds, 1e-9)))

    def gaps(self) -> NDArray[np.float64]:
        """``(n, 2)`` starts and ends of times without levels between the first and the last."""
        return np.stack((self.stretches[:-1, 1], self.stretches[1:, 0]), axis=1)

    def save(self, path: Path) -> None:
        """Write to ``.npz``, atomically."""
        numbers = sorted(self.hours)
        hours = [self.hours[number] for number in numbers]
        times, laeq, classes, values = (
            zip(*self.loudest, strict=True) if self.loudest else ((),) * 4
        )
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                groups=np.array(self.groups, dtype=np.str_),
                hours=np.array(numbers, dtype=np.int64),
                seconds=np.array([h.seconds for h in hours]),
                energy=np.array([h.energy for h in hours]),
                group_sums=np.array([h.groups for h in hours]).reshape(
                    len(hours), 3, len(self.groups)
                ),
                level_counts=np.array([len(h.levels.bins) for h in hours], dtype=np.int64),
                level_bins=np.concatenate([h.levels.bins for h in hours] or [np.empty(0)]),
                level_seconds=np.concatenate([h.levels.seconds for h in hours] or [np.empty(0)]),
                **{f"timeline_{name}": array for name, array in self.timeline.arrays().items()},
                stretches=self.stretches,
                loudest_s=np.array(times),
                loudest_db=np.array(laeq),
                loudest_classes=np.array(classes, dtype=np.str_).reshape(-1, N_CLASSES),
                loudest_values=np.array(values).reshape(-1, N_CLASSES),
            )

    @classmethod
    def load(cls, path: Path) -> "Digest":
        with np.load(path, allow_pickle=False) as a:
            found = cls(tuple(a["groups"].tolist()))
            cuts = np.cumsum(a["level_counts"])[:-1]
            parts = (np.split(a["level_bins"], cuts), np.split(a["level_seconds"], cuts))
            columns = (a["hours"].tolist(), a["seconds"], a["energy"], a["group_sums"], *parts)
            for number, seconds, energy, sums, bins, lasting in zip(*columns, strict=False):
                hour = Hour(float(seconds), float(energy), sums)
                hour.levels.bins, hour.levels.seconds = bins, lasting
                found.hours[number] = hour
            timeline = {name.removeprefix("timeline_"): a[name] for name in a.files
                        if name.startswith("timeline_")}  # fmt: skip
            found.timeline = Presence.of(("LAeq", *found.groups), timeline)
            found.stretches = a["stretches"]
            found.loudest = list(
                zip(
                    a["loudest_s"].tolist(), a["loudest_db"].tolist(),
                    map(tuple, a["loudest_classes"].tolist()),
                    map(tuple, a["loudest_values"].tolist()), strict=True,
                )
            )  # fmt: skip
            return found


def _local_numbers(numbers: Iterable[int], width_s: int, zone: ZoneInfo) -> list[int]:
    """Numbers of bins of time in UTC as those of the time that the clocks of ``zone`` show."""
    times_s = local_seconds(np.array(list(numbers), dtype=np.float64) * width_s, zone)
    return (times_s // width_s).astype(np.int64).tolist()


def _joined(stretches: NDArray[np.float64]) -> NDArray[np.float64]:
    """In order, those less than `APART_S` from each other as one."""
    stretches = stretches[np.argsort(stretches[:, 0], kind="stable")]
    if not len(stretches):
        return stretches
    ends = np.maximum.accumulate(stretches[:, 1])
    is_new = np.append(True, stretches[1:, 0] - ends[:-1] >= APART_S)
    last = np.append(np.flatnonzero(is_new)[1:] - 1, len(stretches) - 1)
    return np.stack((stretches[is_new, 0], ends[last]), axis=1)


def _apart(loud: list[tuple]) -> list[tuple]:
    """The loudest ones, none within `APART_S` of a louder one."""
    kept: list[tuple] = []
    for one in sorted(loud, key=lambda one: (-one[1], one[0])):
        if len(kept) == N_LOUDEST:
            break
        if all(abs(one[0] - other[0]) >= APART_S for other in kept):
            kept.append(one)
    return kept
