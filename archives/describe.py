"""What was understood of an archive, for people to check."""

from pathlib import Path

import numpy as np

from archives.clock import first_together, step_of
from archives.frames import FRAME_S, LOCAL, NO_CLOCK, RELATIVE, UTC, Archive
from archives.irregularities import describe_step
from archives.levels import LevelHistogram, archive_units
from archives.open_archive import open_archive
from archives.options import ReadOptions
from archives.stamps import iso
from archives.timeline import Timeline

_ZONES = {
    NO_CLOCK: "no time stamps",
    RELATIVE: "seconds from some start",
    LOCAL: "none in the time stamps: taken as they are",
    UTC: "UTC",
}


def describe_file(path: Path, read: ReadOptions, offset_db: float) -> list[str]:
    """Lines about the file at ``path``: bands, quantity, step, zone and offset.

    Only its begin is read. Raises `ArchiveError` if it cannot be used.
    """
    archive = open_archive(path, read)
    block = next(first_together(archive.blocks()))
    timeline = Timeline.of(path, read)
    histogram = LevelHistogram()
    head = Archive(path, lambda: iter([block]), archive.clock, archive.bands, len(block))
    for units in archive_units(head, timeline):
        histogram.add(units)
    told = {"file": str(path), **archive.understood, "step": _step(block, timeline.found.step_s)}
    told["zone"] = _ZONES[archive.clock]
    if block.times_s is not None and np.isfinite(block.times_s).any():
        first_s = float(block.times_s[np.isfinite(block.times_s)][0])
        told["begins"] = iso(first_s, archive.clock)
    told["levels"] = f"broadband {histogram.percentile(50):.1f} dB at the begin"
    told["offset"] = f"{offset_db:+g} dB"
    told |= archive.attributes
    width = max(map(len, told))
    return [f"{name + ':':<{width + 1}} {value}" for name, value in told.items()]


def _step(block, step_s: float) -> str:
    if block.times_s is None:
        return f"{step_s * 1000:g} ms, as said or usual (--step)"
    measured = step_of(np.sort(block.times_s[np.isfinite(block.times_s)]))
    text = f"{(measured.seconds if measured else step_s) * 1000:g} ms"
    if measured and measured.stamp_s:
        text += f", though the stamps are in steps of {measured.stamp_s:g} s"
    return text if step_s == FRAME_S else f"{text}; {describe_step(step_s)}"
