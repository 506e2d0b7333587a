"""How present each class was over time, in constant memory however long the archive."""

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
    """

    names: tuple[str, ...]
    width_s: int = _WIDTHS_S[0]
    sums: dict[int, NDArray[np.float64]] = field(default_factory=dict)  # by number of the bin
    seconds: dict[int, float] = field(default_factory=dict)

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
        weighted = probabilities[order] * duration_s[order, np.newaxis].astype(np.float64)
        sums = np.add.reduceat(weighted, starts, axis=0)
        seconds = np.add.reduceat(duration_s[order].astype(np.float64), starts)
        for number, total, length in zip(numbers.tolist(), sums, seconds.tolist(), strict=True):
            self.add_sum(number, total, length)
        while len(self.sums) > _MOST_BINS and self.width_s < _WIDTHS_S[-1]:
            self._widen()

    def merge(self, other: "Presence") -> None:
        """Add another archive of the same names."""
        while other.width_s > self.width_s:
            self._widen()
        factor = self.width_s // other.width_s
        for number, total in other.sums.items():
            self.add_sum(number // factor, total, other.seconds[number])
        while len(self.sums) > _MOST_BINS and self.width_s < _WIDTHS_S[-1]:
            self._widen()

    def add_sum(self, number: int, total: NDArray, length: float) -> None:
        """Add to bin ``number`` the sums ``(len(names),)`` over ``length`` seconds."""
        if number in self.sums:
            self.sums[number] = self.sums[number] + total
            self.seconds[number] += length
        else:
            self.sums[number], self.seconds[number] = total, length

    def _widen(self) -> None:
        wider = Presence(self.names, _WIDTHS_S[_WIDTHS_S.index(self.width_s) + 1])
        factor = wider.width_s // self.width_s
        for number, total in self.sums.items():
            wider.add_sum(number // factor, total, self.seconds[number])
        self.width_s, self.sums, self.seconds = wider.width_s, wider.sums, wider.seconds

    @property
    def total_s(self) -> float:
        return float(sum(self.seconds.values()))

    def means(self) -> NDArray[np.float64]:
        """Mean probability of each name over all time, ``(len(names),)``."""
        return sum(self.sums.values(), np.zeros(len(self.names))) / max(self.total_s, 1e-9)

    def over_time(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Numbers of the bins ``(n,)`` in order (times ``width_s``) and means ``(n, names)``."""
        numbers = np.array(sorted(self.sums), dtype=np.int64)
        means = np.stack([self.sums[n] / self.seconds[n] for n in numbers.tolist()])
        return numbers, means

    def save(self, path: Path) -> None:
        """Write to ``.npz``, atomically."""
        numbers, means = self.over_time()
        seconds = np.array([self.seconds[n] for n in numbers.tolist()])
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                names=np.array(self.names),
                width_s=self.width_s,
                bins=numbers,
                seconds=seconds,
                means=means,
            )

    @classmethod
    def load(cls, path: Path) -> "Presence":
        with np.load(path, allow_pickle=False) as arrays:
            bins, seconds = arrays["bins"].tolist(), arrays["seconds"]
            sums = arrays["means"] * seconds[:, np.newaxis]
            return cls(
                tuple(arrays["names"].tolist()),
                int(arrays["width_s"]),
                dict(zip(bins, sums, strict=True)),
                dict(zip(bins, seconds.tolist(), strict=True)),
            )
