"""What is told of each unit: its classes, its level, and how present each group is."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from archives.acoustics import a_weighted_db, to_db, to_power
from archives.inference import LevelClassifier
from archives.levels import LevelScale
from archives.presence_map import GroupEstimate
from archives.timeline import Units
from transcoder.parts import PartStore
from transcoder.settings import THIRD_OCTAVE

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


_FRAMES_PER_S = THIRD_OCTAVE.frames_per_chunk
_SAME_DB = 1e-3


@dataclass(frozen=True, eq=False)
class Answers:
    """How units are heard.

    ``heard_s``: seconds that the classifier hears as one. Presence is estimated for each stretch
    of this length, and averaged over a unit: the map of a mean is not the mean of the map.
    """

    classify: LevelClassifier
    estimate: GroupEstimate
    heard_s: int

    def hear(self, units: Units) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities ``(n, n_classes)`` and presence ``(n, n_groups)`` of units."""
        if self.heard_s > 1 or units.levels_db.shape[1] == 1:
            probabilities = self.classify(units)
            return probabilities, self.estimate(probabilities)
        seconds, first = _seconds(units)
        heard = self.classify(seconds)
        counts = units.n_seconds[:, np.newaxis]
        return tuple(
            (np.add.reduceat(values, first, axis=0) / counts).astype(np.float32)
            for values in (heard, self.estimate(heard))
        )


def laeq_db(units: Units, scale: LevelScale) -> NDArray[np.float32]:
    """LAeq of each unit ``(n,)`` in the archive's own dB.

    Bands that were filled, as the archive lacks them, do not count.
    """
    n_frames = np.arange(units.levels_db.shape[1] * _FRAMES_PER_S)
    is_frame = n_frames < units.n_frames[:, np.newaxis]
    levels = units.levels_db.reshape(len(units), -1, THIRD_OCTAVE.n_bands)
    is_filled = np.abs(levels[is_frame] - scale.missing_band_db).max(axis=0) < _SAME_DB
    frames_db = a_weighted_db(levels, np.flatnonzero(~is_filled)) - scale.offset_db
    power = np.where(is_frame, np.nan_to_num(to_power(frames_db)), 0).sum(axis=1)
    return to_db(power / units.n_frames).astype(np.float32)


def _seconds(units: Units) -> tuple[Units, NDArray[np.int64]]:
    """The seconds of units as units of their own, and where each unit's begin."""
    counts = units.n_seconds
    first = np.cumsum(counts) - counts
    row = np.repeat(np.arange(len(units)), counts)
    place = np.arange(len(row)) - first[row]
    left = units.n_frames[row] - place * _FRAMES_PER_S
    seconds = Units(
        units.times_s[row] + place,
        units.levels_db[row, place][:, np.newaxis],
        np.minimum(left, _FRAMES_PER_S),
        units.segment[row],
    )
    return seconds, first
