"""Rows of results, and how a job keeps them until all are there."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from transcoder.parts import PartStore

_JOINED = 10


@dataclass(frozen=True, eq=False)
class Rows:
    """Results of neighbouring units.

    Attributes
    ----------
    times_s : (n,) float64, of the first frame of each unit
    coverage : (n,) float32, share of the unit that the archive has levels for
    segment : (n,) int64
    values : (n, k) float32 probabilities
    indices : (n, k) int16, which names they are of; (n, 0) if they are in the names' order: see
        `Selection.apply`
    laeq_db : (n,) float32, LAeq in the archive's own dB, NaN where there is no sound; (0,) of
        recordings, whose levels nobody knows
    groups : (n, n_groups) float32, what `presence_map.GroupEstimate` says of the groups
    """

    times_s: NDArray[np.float64]
    coverage: NDArray[np.float32]
    segment: NDArray[np.int64]
    values: NDArray[np.float32]
    indices: NDArray[np.int16]
    laeq_db: NDArray[np.float32]
    groups: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def are_ranked(self) -> bool:
        """Whether each row has names of its own."""
        return self.indices.shape[1] > 0


class RowParts:
    """The parts of one archive's rows, in order."""

    def __init__(self, store: PartStore):
        self._store = store
        self.count = 0
        while _name(self.count) in store:
            self.count += 1

    def append(self, rows: Rows) -> None:
        """Store the next part."""
        self._store.write(_name(self.count), {f.name: getattr(rows, f.name) for f in fields(Rows)})
        self.count += 1

    def __iter__(self) -> Iterator[Rows]:
        """The rows in order, several parts at a time: tables like longer pieces."""
        for start in range(0, self.count, _JOINED):
            numbers = range(start, min(start + _JOINED, self.count))
            parts = [self._store.read(_name(number)) for number in numbers]
            yield Rows(
                **{f.name: np.concatenate([part[f.name] for part in parts]) for f in fields(Rows)}
            )


def _name(number: int) -> str:
    return f"part_{number:06d}"
