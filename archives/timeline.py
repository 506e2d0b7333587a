"""Frames with their time stamps, to units of whole seconds without holes.

What the stamps say decides: frames that follow each other make a segment; a gap, or a jump back,
ends it and starts another. A segment is cut into units of one or more seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archives.averaging import FrameAverager
from archives.clock import Clock
from archives.frames import ArchiveError, Block
from archives.irregularities import Irregularities
from archives.options import ReadOptions
from transcoder.settings import THIRD_OCTAVE

MAX_FILL_S = 0.25
"""So much time without frames is filled from their neighbours; more ends the segment."""

_MOST_BACK_S = 600.0  # further back is a clock that was set, or a summer's end
_MOST_TWICE = 8  # frames in a block with the time of others, before its order is believed
_FRAMES_PER_S = THIRD_OCTAVE.frames_per_chunk


@dataclass(frozen=True, eq=False)
class Units:
    """Stretches of levels, each classified as one.

    Attributes
    ----------
    times_s : (n,) float64, of the first frame
    levels_db : (n, seconds, 8, 29) float32; after a unit's last frame: digital silence, as after
        the end of a recording
    n_frames : (n,) int, frames before that
    segment : (n,) int, counted from 0
    """

    times_s: NDArray[np.float64]
    levels_db: NDArray[np.float32]
    n_frames: NDArray[np.int64]
    segment: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.times_s)

    def __getitem__(self, rows: slice) -> "Units":
        return Units(*(a[rows] for a in self._arrays()))

    @property
    def n_seconds(self) -> NDArray[np.int64]:
        """Seconds that hold a frame, ``(n,)``."""
        return -(-self.n_frames // _FRAMES_PER_S)

    def places(self, rows: NDArray, length: int) -> NDArray[np.int64]:
        """When the seconds of some units are, in whole seconds: ``(rows, length)``."""
        first = np.floor(self.times_s[rows]).astype(np.int64)
        return np.abs(first)[:, None] + np.arange(length)

    def _arrays(self) -> tuple[NDArray, ...]:
        return self.times_s, self.levels_db, self.n_frames, self.segment

    @staticmethod
    def join(units: list["Units"]) -> "Units":
        return Units(
            *(np.concatenate(arrays) for arrays in zip(*(u._arrays() for u in units), strict=True))
        )


@dataclass(frozen=True, eq=False)
class _Run:
    """Frames that follow each other: ``(n,)`` and ``(n, 29)``."""

    times_s: NDArray[np.float64]
    levels_db: NDArray[np.float32]
    begins: bool = False  # a segment: what came before belongs to another

    def joined(self, following: "_Run") -> "_Run":
        return _Run(
            np.concatenate((self.times_s, following.times_s)),
            np.concatenate((self.levels_db, following.levels_db)),
        )


_NO_FRAMES = _Run(np.empty(0), np.empty((0, THIRD_OCTAVE.n_bands), dtype=np.float32))


class Timeline:
    """Puts blocks of frames in time; see `units`.

    A chain of generators: usable frames in order, runs without holes, frames of 125 ms, units.
    Within a block, frames are put in order first, unless that would mix times that come twice (a
    clock that was set back); a frame less than half a step after another is a repetition and is
    dropped. Frames of another step than 125 ms are brought to it.

    Attributes
    ----------
    found : what was irregular so far
    """

    def __init__(
        self,
        unit_s: int = 1,
        *,
        where: str = "input",
        step_s: float | None = None,
        allow_slow: bool = False,
    ):
        self.found = Irregularities()
        self._where = where
        self._clock = Clock(self.found, where=where, step_s=step_s, allow_slow=allow_slow)
        self._unit_frames = unit_s * _FRAMES_PER_S

    @classmethod
    def of(cls, path: Path, read: ReadOptions, unit_s: int = 1) -> "Timeline":
        """For the archive at ``path``, with what the options say of its clock."""
        return cls(unit_s, where=str(path), step_s=read.step_s, allow_slow=read.allow_slow)

    def units(self, blocks: Iterable[Block]) -> Iterator[Units]:
        """The units of ``blocks``, as soon as they are complete; the last may be partial.

        Raises
        ------
        ArchiveError
            If the stamps show a step that cannot be used, or if no block has a usable frame.
        """
        yield from self._cut(self._averaged(self._runs(map(self._usable, blocks))))
        if not self.found.segments:
            raise ArchiveError(f"{self._where}: none of its {self.found.frames} frames is complete")

    def _runs(self, blocks: Iterable[tuple[NDArray, NDArray]]) -> Iterator[_Run]:
        """Frames one step after the other: repetitions dropped, small gaps filled."""
        last: tuple[float, NDArray] | None = None
        for times, levels in blocks:
            if not len(times):
                continue
            step_s = self.found.step_s
            keep = (
                np.abs(np.diff(times, prepend=-np.inf if last is None else last[0])) >= step_s / 2
            )
            self.found.repeated += int((~keep).sum())
            times, levels = times[keep], levels[keep]
            if not len(times):
                continue
            continues = last is not None
            if last is not None:  # only to fill up to the first one
                times = np.concatenate(([last[0]], times))
                levels = np.concatenate((last[1][np.newaxis], levels))
            last = times[-1], levels[-1]
            steps = np.rint(np.diff(times) / step_s).astype(np.int64)
            most = 1 + round(MAX_FILL_S / step_s)
            cuts = np.flatnonzero((steps < 0) | (steps > most)) + 1
            for cut in cuts:
                self.found.add_cut(times[cut - 1], times[cut])
            for start, stop in pairwise([0, *cuts.tolist(), len(times)]):
                filled_times, filled = self._fill(times[start:stop], levels[start:stop])
                self.found.segments += not continues
                yield _Run(filled_times[continues:], filled[continues:], begins=not continues)
                continues = False

    def _averaged(self, runs: Iterable[_Run]) -> Iterator[_Run]:
        """The same frames of 125 ms."""
        averager: FrameAverager | None = None
        for run in runs:
            if averager is None or run.begins:
                if averager is not None:
                    yield _Run(*averager.finish())
                averager = FrameAverager(self.found.step_s)
            yield _Run(*averager.add(run.times_s, run.levels_db), begins=run.begins)
        if averager is not None:
            yield _Run(*averager.finish())

    def _cut(self, runs: Iterable[_Run]) -> Iterator[Units]:
        """Units of a segment each; its last one is completed with silence."""
        waiting, segment, length = _NO_FRAMES, -1, self._unit_frames
        for run in runs:
            if run.begins:
                yield from _last_unit(waiting, length, segment)
                waiting, segment = _NO_FRAMES, segment + 1
            waiting = waiting.joined(run)
            stop = len(waiting.times_s) // length * length
            if stop:
                yield _units(waiting.times_s[:stop], waiting.levels_db[:stop], length, segment)
                waiting = _Run(waiting.times_s[stop:], waiting.levels_db[stop:])
        yield from _last_unit(waiting, length, segment)

    def _usable(self, block: Block) -> tuple[NDArray, NDArray]:
        """Times and levels of the complete frames, in order."""
        self.found.frames += len(block)
        times = self._clock.times(block)
        usable = np.isfinite(times) & np.isfinite(block.levels_db).all(axis=1)
        self.found.missing += int((~usable).sum())
        times, levels = times[usable], block.levels_db[usable]
        backward = np.diff(times, prepend=times[:1])
        parts = np.split(np.arange(len(times)), np.flatnonzero(backward < -_MOST_BACK_S))
        order = np.concatenate([part[self._order(times[part])] for part in parts])
        return self._clock.spread(times[order]), levels[order]

    def _order(self, times: NDArray) -> NDArray[np.int64]:
        """The order of frames, unless it would mix stretches that cover the same time."""
        tolerance_s = self.found.step_s / 2
        backward = int((np.diff(times) < -tolerance_s).sum())
        order = np.arange(len(times))
        if not backward:
            return order
        in_order = np.argsort(times, kind="stable")
        n_twice = (np.diff(times[in_order]) < tolerance_s).sum()
        if n_twice - (np.abs(np.diff(times)) < tolerance_s).sum() > _MOST_TWICE:
            return order
        self.found.unordered += backward
        return in_order

    def _fill(self, times: NDArray, levels: NDArray) -> tuple[NDArray, NDArray]:
        """Interpolate the few frames that are missing within a segment, in dB."""
        steps = np.rint(np.diff(times) / self.found.step_s).astype(np.int64)
        if (steps <= 1).all():
            return times, levels
        # a late frame may be rounded down to no step: it still is a frame of its own
        position = np.concatenate(([0], np.cumsum(np.maximum(steps, 1))))
        wanted = np.arange(position[-1] + 1)
        after = np.searchsorted(position, wanted)
        before = np.maximum(after - (position[after] != wanted), 0)
        span = np.maximum(position[after] - position[before], 1)
        share = ((wanted - position[before]) / span)[:, np.newaxis]
        self.found.filled += len(wanted) - len(times)
        filled = levels[before] * (1 - share) + levels[after] * share
        return np.interp(wanted, position, times), filled.astype(np.float32)


def _units(times: NDArray, levels: NDArray, length: int, segment: int) -> Units:
    """Full units of ``length`` frames each."""
    n_units = len(times) // length
    shape = (n_units, -1, _FRAMES_PER_S, THIRD_OCTAVE.n_bands)
    return Units(
        times[::length], levels.reshape(shape), np.full(n_units, length), np.full(n_units, segment)
    )


def _last_unit(run: _Run, length: int, segment: int) -> Iterator[Units]:
    """What is left of a segment, if anything is."""
    n_frames = len(run.times_s)
    if n_frames:
        padding = ((0, length - n_frames), (0, 0))
        levels = np.pad(run.levels_db, padding, constant_values=THIRD_OCTAVE.silence_db)
        yield Units(
            run.times_s[:1],
            levels.reshape(1, -1, _FRAMES_PER_S, THIRD_OCTAVE.n_bands),
            np.array([n_frames]),
            np.array([segment]),
        )


def in_parts(units: Iterable[Units], size: int) -> Iterator[Units]:
    """The same units, ``size`` at a time; the last part may be shorter."""
    waiting: list[Units] = []
    n_waiting = 0
    for some in units:
        waiting.append(some)
        n_waiting += len(some)
        if n_waiting < size:
            continue
        joined = Units.join(waiting)
        full = len(joined) - len(joined) % size
        for start in range(0, full, size):
            yield joined[start : start + size]
        waiting = [joined[full:]]
        n_waiting = len(joined) - full
    if n_waiting:
        yield Units.join(waiting)
