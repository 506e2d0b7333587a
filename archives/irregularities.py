"""What was not as it should be in the time stamps and levels of an archive."""

from dataclasses import dataclass, field

from archives.frames import FRAME_S
from archives.stamps import iso

_SHOWN = 20  # cuts that are kept with their times


@dataclass
class Irregularities:
    """Counts of one archive; ``cuts`` holds the first places where a segment ended."""

    frames: int = 0  # in the file
    segments: int = 0
    missing: int = 0  # frames without a time or with a level missing or impossible
    filled: int = 0  # frames interpolated in gaps of up to 0.25 s
    repeated: int = 0  # frames with the time of another, dropped
    unordered: int = 0  # steps back in time within 10 minutes, put in order
    jumps_back: int = 0  # steps back beyond that: a new segment
    gaps: int = 0
    gap_s: float = 0.0  # together
    cuts: list[tuple[float, float]] = field(default_factory=list)
    step_s: float = FRAME_S  # from frame to frame, as the file has them
    absurd: int = 0  # stamps far from those around them
    absurd_frames: list[int] = field(default_factory=list)  # the first of these, counted from 1

    def add_absurd(self, frame: int) -> None:
        """Frame number ``frame`` has a stamp that cannot be."""
        self.absurd += 1
        if len(self.absurd_frames) < _SHOWN:
            self.absurd_frames.append(frame)

    def add_cut(self, last_s: float, next_s: float) -> None:
        """A segment ends with the frame at ``last_s``, another starts at ``next_s``."""
        if next_s < last_s:
            self.jumps_back += 1
        else:
            self.gaps += 1
            self.gap_s += float(next_s - last_s - self.step_s)
        if len(self.cuts) < _SHOWN:
            self.cuts.append((float(last_s), float(next_s)))

    def step_note(self) -> str | None:
        """What every output says of frames that are not those of the networks; or nothing."""
        return None if self.step_s == FRAME_S else describe_step(self.step_s)

    def describe(self, clock: str) -> list[str]:
        """Lines for people; none if all was regular."""
        lines = [note] if (note := self.step_note()) else []
        if self.absurd:
            lines.append(
                f"{self.absurd} time stamps are far from those around them and were not used "
                f"(the first: frame {self.absurd_frames[0]})"
            )
        if self.missing:
            lines.append(f"{self.missing} frames are incomplete (of {self.frames})")
        if self.filled:
            lines.append(f"{self.filled} frames in gaps of up to 0.25 s were interpolated")
        if self.repeated:
            lines.append(f"{self.repeated} frames with a repeated time were dropped")
        if self.unordered:
            lines.append(f"{self.unordered} steps back in time were put in order")
        if self.gaps or self.jumps_back:
            lines.append(
                f"{self.segments} segments: {self.gaps} gaps ({self.gap_s:.1f} s together) and "
                f"{self.jumps_back} jumps back"
            )
            last_s, next_s = self.cuts[0]
            lines.append(f"the first is from {iso(last_s, clock)} to {iso(next_s, clock)}")
        return lines


def describe_step(step_s: float) -> str:
    """What was done to frames that are not those of the networks."""
    done = "averaged to" if step_s < 1.5 * FRAME_S else "held (--allow_slow) for"
    return f"levels every {step_s * 1000:g} ms were {done} frames of {FRAME_S * 1000:g} ms"
