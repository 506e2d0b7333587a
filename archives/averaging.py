"""Frames of any length, brought to the 125 ms that the networks were trained on."""

import numpy as np
from numpy.typing import NDArray

from archives.clock import same_step
from archives.frames import FRAME_S
from transcoder.settings import THIRD_OCTAVE

_TICKS_PER_S = 1_000_000
_FRAME_TICKS = round(FRAME_S * _TICKS_PER_S)


class FrameAverager:
    """Frames that follow each other without holes, brought to 125 ms.

    Each frame that comes out has the mean power of the frames that came in over the time that they
    share, exactly: edges are whole microseconds. Longer frames are held.
    """

    def __init__(self, step_s: float):
        self._ticks = round(step_s * _TICKS_PER_S)
        self._is_frame = same_step(step_s, FRAME_S)
        self._times = np.empty(0)
        self._power = np.empty((0, THIRD_OCTAVE.n_bands))
        self._start = 0  # ticks from the begin of the first waiting frame to the next one out

    def add(
        self, times_s: NDArray[np.float64], levels_db: NDArray
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Times and levels of the frames that ``(n,)`` and ``(n, 29)`` complete."""
        if self._is_frame:
            return times_s, levels_db
        times, power = self._add_power(times_s, 10 ** (levels_db.astype(np.float64) / 10))
        return times, _decibels(power)

    def finish(self) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """The last frame, if it is at least half full; what follows starts anew."""
        rest = len(self._times) * self._ticks - self._start
        times = np.empty(0), np.empty((0, THIRD_OCTAVE.n_bands), dtype=np.float32)
        if 2 * rest >= _FRAME_TICKS:
            energy = self._energy(np.array([self._start, self._start + rest]))
            times = self._begin(np.array([self._start])), _decibels(energy / rest)
        self._times, self._power, self._start = self._times[:0], self._power[:0], 0
        return times

    def _add_power(self, times_s: NDArray, power: NDArray) -> tuple[NDArray, NDArray]:
        self._times = np.concatenate((self._times, times_s))
        self._power = np.concatenate((self._power, power))
        n_out = (len(self._times) * self._ticks - self._start) // _FRAME_TICKS
        if n_out <= 0:
            return np.empty(0), self._power[:0]
        edges = self._start + np.arange(n_out + 1) * _FRAME_TICKS
        result = self._begin(edges[:-1]), self._energy(edges) / _FRAME_TICKS
        n_used, self._start = divmod(int(edges[-1]), self._ticks)
        self._times, self._power = self._times[n_used:], self._power[n_used:]
        return result

    def _energy(self, edges: NDArray[np.int64]) -> NDArray[np.float64]:
        """Power times ticks between neighbouring ``edges``, ``(len(edges) - 1, 29)``."""
        ours = np.arange(len(self._times) + 1) * self._ticks
        cuts = np.union1d(edges, ours[(ours > edges[0]) & (ours < edges[-1])])
        pieces = self._power[cuts[:-1] // self._ticks] * np.diff(cuts)[:, np.newaxis]
        return np.add.reduceat(pieces, np.searchsorted(cuts, edges[:-1]))

    def _begin(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Times of places in the waiting frames: the stamps lead, whatever their drift."""
        frame, rest = np.divmod(ticks, self._ticks)
        return self._times[frame] + rest / _TICKS_PER_S


def _decibels(power: NDArray[np.float64]) -> NDArray[np.float32]:
    return (10 * np.log10(power)).astype(np.float32)
