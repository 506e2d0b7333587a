"""What is told of each unit beside its classes: its level, and how present each group is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archives.acoustics import a_weighted_db, to_db, to_power
from archives.digest import N_CLASSES, DigestRows
from archives.inference import LevelClassifier
from archives.levels import LevelScale
from archives.parts import Rows
from archives.presence_map import GroupEstimate
from archives.timeline import Units
from archives.writers import Description
from transcoder.settings import THIRD_OCTAVE

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


def digest_rows(rows: Rows, dense: NDArray[np.float32], description: Description) -> DigestRows:
    """What a digest takes of rows; ``dense``: their values in the order of all names."""
    names = np.array([*description.selection.names, *[""] * N_CLASSES])
    padded = np.pad(dense, ((0, 0), (0, N_CLASSES)))
    best = np.argsort(-padded, axis=1, kind="stable")[:, :N_CLASSES]
    return DigestRows(
        times_s=rows.times_s,
        seconds=rows.coverage * description.unit_s,
        laeq_db=rows.laeq_db.astype(np.float64),
        groups=rows.groups,
        classes=names[best],
        values=np.take_along_axis(padded, best, axis=1),
    )


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
