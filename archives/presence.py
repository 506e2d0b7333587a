"""How present each class was over time, in constant memory however long the archive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transcoder.files import atomic_path

_WIDTHS_S = (1, 10, 60, 600, 3600, 86400)
_MOST_BINS = 20_000  # hours of two years; beyond that bins are widened


@dataclass(eq=False)
class Presence:
    """Sums of probabilities in bins of time, weighted by the seconds that they stand for.

    The bins are as narrow as fits: they start at a second and grow with the span of the times.

    Attributes
    ----------
    sums : by the number of the bin ``(1 + len(names),)``: its seconds, then those of each name
    """

    names: tuple[str, ...]
    width_s: int = _WIDTHS_S[0]
    sums: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def for_units(cls, names: tuple[str, ...], unit_s: int) -> "Presence":
        """With bins that are not narrower than a unit."""
        return cls(names, next((w for w in _WIDTHS_S if w >= unit_s), _WIDTHS_S[-1]))

    def add(
        self, times_s: NDArray[np.float64], probabilities: NDArray, duration_s: NDArray
    ) -> None:
        """Add probabilities ``(n, len(names))`` that each hold for ``duration_s`` seconds."""
        bins = np.floor(times_s / self.width_s).astype(np.int64)
        order = np.argsort(bins, kind="stable")
        numbers, starts = np.unique(bins[order], return_index=True)
        values = np.column_stack((np.ones(len(bins)), probabilities))[order]
        sums = np.add.reduceat(values * duration_s[order, np.newaxis], starts, axis=0)
        for number, total in zip(numbers.tolist(), sums, strict=True):
            self.add_sum(number, total)
        self._bound()

    def merge(self, other: "Presence") -> None:
        """Add another archive of the same names."""
        while other.width_s > self.width_s:
            self._widen()
        factor = self.width_s // other.width_s
        for number, total in other.sums.items():
            self.add_sum(number // factor, total)
        self._bound()

    def add_sum(self, number: int, total: NDArray) -> None:
        """Add the sums ``(1 + len(names),)`` of some time to those of bin ``number``."""
        self.sums[number] = self.sums.get(number, 0) + total

    def _bound(self) -> None:
        while len(self.sums) > _MOST_BINS and self.width_s < _WIDTHS_S[-1]:
            self._widen()

    def _widen(self) -> None:
        wider = Presence(self.names, _WIDTHS_S[_WIDTHS_S.index(self.width_s) + 1])
        for number, total in self.sums.items():
            wider.add_sum(number * self.width_s // wider.width_s, total)
        self.width_s, self.sums = wider.width_s, wider.sums

    @property
    def total_s(self) -> float:
        return float(sum(total[0] for total in self.sums.values()))

    def means(self) -> NDArray[np.float64]:
        """Mean probability of each name over all time, ``(len(names),)``."""
        seconds, *totals = sum(self.sums.values(), np.zeros(1 + len(self.names)))
        return np.array(totals) / max(seconds, 1e-9)

    def over_time(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Numbers of the bins ``(n,)`` in order, their seconds ``(n,)``, and means ``(n, names)``.

        A bin starts at its number times ``width_s``.
        """
        numbers = sorted(self.sums)
        sums = np.array([self.sums[n] for n in numbers]).reshape(-1, 1 + len(self.names))
        return np.array(numbers, dtype=np.int64), sums[:, 0], sums[:, 1:] / sums[:, :1]

    def columns(self, first_s: int, step_s: int, n: int) -> NDArray[np.float64]:
        """Means ``(n, names)`` of every ``step_s`` from ``first_s`` on; NaN where nothing is."""
        numbers, seconds, means = self.over_time()
        column = (numbers * self.width_s - first_s) // step_s
        inside = (column >= 0) & (column < n)
        total, length = np.zeros((n, means.shape[1])), np.zeros(n)
        np.add.at(total, column[inside], (means * seconds[:, np.newaxis])[inside])
        np.add.at(length, column[inside], seconds[inside])
        with np.errstate(invalid="ignore"):
            return total / np.where(length, length, np.nan)[:, np.newaxis]

    def arrays(self) -> dict[str, NDArray | int]:
        """What a ``.npz`` file holds of it, beside the names."""
        bins, seconds, means = self.over_time()
        return {"width_s": self.width_s, "bins": bins, "seconds": seconds, "means": means}

    @classmethod
    def of(cls, names: tuple[str, ...], arrays: Mapping[str, NDArray]) -> "Presence":
        """The inverse of `arrays`."""
        sums = np.column_stack((np.ones(len(arrays["bins"])), arrays["means"]))
        sums *= arrays["seconds"][:, np.newaxis]
        found = dict(zip(arrays["bins"].tolist(), sums, strict=True))
        return cls(names, int(arrays["width_s"]), found)

    def save(self, path: Path) -> None:
        """Write to ``.npz``, atomically."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, names=np.array(self.names), **self.arrays())

    @classmethod
    def load(cls, path: Path) -> "Presence":
        with np.load(path, allow_pickle=False) as arrays:
            return cls.of(tuple(arrays["names"].tolist()), arrays)
