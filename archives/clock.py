"""The clock of an archive: how far apart its frames are, and when each of them was."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archives.frames import BLOCK_FRAMES, FRAME_S, ArchiveError, Block
from archives.irregularities import Irregularities
from transcoder.settings import THIRD_OCTAVE

STEP_TOLERANCE = 0.02
"""Steps that differ by less are the same: of two clocks, and from the networks' 125 ms."""

SHORTEST_S, LONGEST_FAST_S, LONGEST_S = 0.005, 0.15, 1.01
"""Steps that can be read: fast levels up to the second, slow ones up to the third."""

_FIRST_FRAMES = 2 * THIRD_OCTAVE.frames_per_chunk  # that show how the stamps go
_RISES = 10  # of stamps in whole seconds, before their step is believed
_FEWEST_STAMPS = 8  # so many that are all the same are no clock
_FAR_S = 3600.0  # from the stamps around: one that is further away is wrong
_LAG = 64  # rows over which the step is measured: the jitter of a stamp hardly counts


@dataclass(frozen=True)
class Step:
    """How time stamps advance.

    Attributes
    ----------
    seconds : from frame to frame
    stamp_s : resolution of stamps that are coarser than the frames (whole seconds), else 0
    """

    seconds: float = FRAME_S
    stamp_s: float = 0.0

    @property
    def is_frame(self) -> bool:
        return same_step(self.seconds, FRAME_S)


def same_step(one_s: float, other_s: float) -> bool:
    return abs(one_s / other_s - 1) <= STEP_TOLERANCE


def step_of(times_s: NDArray[np.float64]) -> Step | None:
    """The step of stamps in their order; None if they are too few or all the same.

    It is the median; measured over many rows where none is missing, as stamps are rounded. Stamps
    that are coarser than the frames (eight rows in a second, or 125 ms in tenths) show the step
    only over many rows.
    """
    steps = np.diff(times_s)
    rises = np.flatnonzero(steps > 0) + 1
    if not len(rises):
        return None
    median = float(np.median(steps))
    if len(rises) > 2:
        coarse = _coarse_step(times_s, steps, rises, median)
        if coarse is not None:
            return coarse
    elif median <= 0:
        return None
    lag = max(1, min(_LAG, len(steps) // 2))
    is_odd = np.abs(steps - median) > median / 2
    n_odd = np.concatenate(([0], np.cumsum(is_odd)))
    spans = (times_s[lag:] - times_s[:-lag])[n_odd[lag:] == n_odd[:-lag]]
    return Step(_rounded(float(np.median(spans)) / lag if len(spans) else median))


def first_together(blocks: Iterable[Block]) -> Iterator[Block]:
    """The same blocks; the first ones joined, so that they show the step of their stamps."""
    blocks = iter(blocks)
    waiting: list[Block] = []
    for block in blocks:
        waiting.append(block)
        if _show_the_step(waiting):
            break
    if waiting:
        yield Block.join(waiting)
    yield from blocks


def _show_the_step(blocks: list[Block]) -> bool:
    n_frames = sum(map(len, blocks))
    if n_frames < _FIRST_FRAMES or blocks[0].times_s is None:
        return n_frames >= _FIRST_FRAMES
    stamps = np.concatenate([block.times_s for block in blocks])
    stamps = np.sort(stamps[np.isfinite(stamps)])
    step = step_of(stamps)
    is_clear = step is not None and (not step.stamp_s or np.count_nonzero(np.diff(stamps)) > _RISES)
    return is_clear or n_frames >= BLOCK_FRAMES


def _coarse_step(times_s: NDArray, steps: NDArray, rises: NDArray, median: float) -> Step | None:
    """The step of stamps that are coarser than it; None if they are not.

    Most of them are those of the row before; or they are 125 ms in tenths of a second, which
    never stray from an even advance by more than a tenth.
    """
    resolution = float(np.median(steps[rises - 1]))
    lag = max(1, min(_LAG, len(rises) // 2))
    spans = times_s[rises[lag:]] - times_s[rises[:-lag]]
    rows = rises[lag:] - rises[:-lag]
    step = float(np.median(spans / rows))
    if median <= 0:
        return Step(_rounded(step), resolution)
    is_even = (np.abs(spans - step * rows) <= resolution * 1.001).mean() >= 0.9
    if is_even and same_step(step, FRAME_S) and not same_step(step, median):
        return Step(_rounded(step), resolution)
    return None


def _rounded(step_s: float) -> float:
    """The step to 0.1 ms where it is that, within the stamps' rounding, else to 1 us."""
    plain = round(step_s, 4)
    return plain if abs(plain / step_s - 1) < 1e-4 else round(step_s, 6)


class Clock:
    """The time of each frame of an archive, block by block.

    Attributes
    ----------
    step : learnt from the first stamps, or given; None before
    """

    def __init__(
        self,
        found: Irregularities,
        *,
        where: str,
        step_s: float | None = None,
        allow_slow: bool = False,
    ):
        self.step: Step | None = None
        self._found = found
        self._where = where
        self._given_s = step_s
        self._allow_slow = allow_slow
        self._n_rows = 0
        self._recent = np.empty(0)  # stamps that wait to be compared with the step
        self._before = np.empty(0)  # the last stamps as they came
        self._last_s = math.nan  # of the frames that `spread` gave

    def times(self, block: Block) -> NDArray[np.float64]:
        """Seconds of each frame of ``block``, NaN where its stamp says nothing.

        Raises
        ------
        ArchiveError
            If the stamps show a step that cannot be used, or another than before.
        """
        first_row, self._n_rows = self._n_rows, self._n_rows + len(block)
        if block.times_s is None:
            if self.step is None:
                self._learn(Step(self._given_s or FRAME_S))
            return np.arange(first_row, self._n_rows) * self.step.seconds
        times = self._plausible(block.times_s, first_row)
        self._recent = np.concatenate((self._recent, times[np.isfinite(times)]))
        if self.step is None:
            self._learn_from(np.sort(self._recent))
        if len(self._recent) > _LAG:
            self._compare()
        return times

    def spread(self, stamps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Stamps in order; those coarser than the frames, evenly spaced within what they say."""
        if self.step is None or not self.step.stamp_s:
            return stamps
        step_s, latest_s = self.step.seconds, self.step.stamp_s * (1 - 1e-6)
        times = np.empty_like(stamps)
        last_s = self._last_s
        for row, stamp in enumerate(stamps.tolist()):
            # not the first (its predecessor is NaN), and not after a gap or a jump back
            if 0 < last_s + step_s - stamp < self.step.stamp_s + 2 * step_s:
                last_s = min(last_s + step_s, stamp + latest_s)
            else:
                last_s = stamp
            times[row] = last_s
        self._last_s = last_s
        return times

    def _learn_from(self, stamps: NDArray[np.float64]) -> None:
        step = step_of(stamps)
        if step is not None:
            self._learn(step)
        elif len(stamps) >= _FEWEST_STAMPS and np.ptp(stamps) == 0:
            raise ArchiveError(f"{self._where}: all its first time stamps are the same")

    def _learn(self, step: Step) -> None:
        given_s = self._given_s
        if given_s is not None and not same_step(step.seconds, given_s):
            raise ArchiveError(
                f"{self._where}: its time stamps are {step.seconds:g} s apart, not --step "
                f"{given_s:g}"
            )
        needed = f"fast third-octave levels, one frame each {FRAME_S:g} s, are needed"
        if not SHORTEST_S <= step.seconds <= LONGEST_S:
            raise ArchiveError(
                f"{self._where}: its time stamps are {step.seconds:g} s apart; {needed}"
            )
        if step.seconds > LONGEST_FAST_S and not self._allow_slow:
            raise ArchiveError(
                f"{self._where}: its time stamps are {step.seconds:g} s apart; {needed} "
                "(--allow_slow takes them all the same, with less to hear)"
            )
        self.step = step
        self._found.step_s = FRAME_S if step.is_frame else step.seconds

    def _compare(self) -> None:
        """Refuse stamps that go on at another step, if only for a while."""
        recent = np.sort(self._recent)
        n_stretches = (len(recent) - 1) // _LAG
        self._recent = recent[n_stretches * _LAG :]
        if self.step is None or self.step.stamp_s:
            return
        steps = np.diff(recent[: n_stretches * _LAG + 1]).reshape(n_stretches, _LAG)
        means = steps.mean(axis=1, keepdims=True)
        is_even = (np.abs(steps - means) <= means / 5).all(axis=1)
        for step_s in means[is_even, 0].tolist():
            if step_s > 0 and not same_step(step_s, self.step.seconds):
                raise ArchiveError(
                    f"{self._where}, up to frame {self._n_rows}: its time stamps are "
                    f"{step_s:.4g} s apart in some places and {self.step.seconds:g} s in others: "
                    "split it there"
                )

    def _plausible(self, stamps: NDArray[np.float64], first_row: int) -> NDArray[np.float64]:
        """The stamps without those that lie far from all their neighbours."""
        known = np.concatenate((self._before, stamps))
        finite = np.flatnonzero(np.isfinite(known))
        self._before = known[finite[-2:]]
        times = np.where(np.isfinite(stamps), stamps, np.nan)
        absurd = np.flatnonzero(np.isinf(stamps)) + len(known) - len(stamps)
        values = known[finite]
        if (np.abs(np.diff(values)) > _FAR_S).any():
            padded = np.pad(values, 2, constant_values=np.nan)
            around = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
            absurd = np.union1d(absurd, finite[np.abs(values - around) > _FAR_S])
        absurd = absurd - (len(known) - len(stamps))
        for row in absurd[absurd >= 0].tolist():
            times[row] = np.nan
            self._found.add_absurd(first_row + row + 1)
        return times
