"""What every reader of an archive gives: blocks of fast third-octave frames, in file order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transcoder.errors import UserError
from transcoder.settings import THIRD_OCTAVE

FRAME_S = 1 / THIRD_OCTAVE.frames_per_chunk
"""Time from frame to frame: 0.125 s."""

BLOCK_FRAMES = 600 * THIRD_OCTAVE.frames_per_chunk
"""Frames that a reader gives at once: 10 minutes, some megabytes."""

NO_CLOCK, RELATIVE, LOCAL, UTC = "none", "relative", "local", "utc"
"""What an archive's times are: none at all, seconds from some start, or dates and times."""


class ArchiveError(UserError):
    """An archive that cannot be used; the message says which file, where in it, and why."""


@dataclass(frozen=True, eq=False)
class Block:
    """Neighbouring frames of a file.

    Attributes
    ----------
    times_s : (n,) float64 seconds (since 1970 where the clock knows the date), NaN where the file
        has none; None without a clock
    levels_db : (n, 29) float32 as in the file, NaN where missing
    """

    times_s: NDArray[np.float64] | None
    levels_db: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.levels_db)

    @staticmethod
    def join(blocks: Sequence["Block"]) -> "Block":
        has_times = blocks[0].times_s is not None
        times = np.concatenate([block.times_s for block in blocks]) if has_times else None
        return Block(times, np.concatenate([block.levels_db for block in blocks]))


@dataclass(frozen=True, eq=False)
class Archive:
    """One file of levels, opened; ``blocks()`` reads it from the start each time it is called."""

    path: Path
    blocks: Callable[[], Iterator[Block]]
    clock: str  # NO_CLOCK, RELATIVE, LOCAL or UTC
    bands: tuple[int, ...]  # which of the 29 bands the file has
    n_frames: int | None  # perhaps an estimate; None if unknown
    understood: dict[str, str] = field(default_factory=dict)  # of its layout, for people
    attributes: dict[str, str] = field(default_factory=dict)  # what the file says of its sensor
    sensors: Callable[[], Sequence[str]] | None = None  # all in the file, where it says so
    weighting: str = "Z"  # that its levels had, before they were turned back


ALL_BANDS = tuple(range(THIRD_OCTAVE.n_bands))
