"""The levels of whole archives, before they are classified: what offset they need."""

import logging
from pathlib import Path

from tqdm import tqdm

from archives.calibration import LevelHistogram
from archives.frames import Archive, ArchiveError
from archives.levels import archive_units
from archives.open_archive import ReadOptions, open_archive
from archives.timeline import Timeline
from transcoder.files import printable

logger = logging.getLogger(__name__)


def measure_offset(paths: list[Path], read: ReadOptions) -> float:
    """The offset in dB that brings the loud seconds of all ``paths`` together to full scale.

    Archives that cannot be read are passed over here; classifying them reports why. Raises
    `ArchiveError` if none can.
    """
    histogram = LevelHistogram()
    for path in paths:
        histogram.merge(measure_levels(path, read))
    if not histogram.n_seconds:
        raise ArchiveError("no level could be measured: there is no full second of them")
    return histogram.offset_to_full_scale()


def measure_levels(path: Path, read: ReadOptions, *, shows_progress: bool = True) -> LevelHistogram:
    """The broadband levels of an archive; none of one that cannot be read, with a warning."""
    histogram = LevelHistogram()
    try:
        archive = open_archive(path, read)
        timeline = Timeline.of(path, read)
        with progress_bar(archive, "measuring ", disable=not shows_progress) as progress:
            for units in archive_units(archive, timeline):
                histogram.add(units)
                progress.total = duration_s(archive, timeline)
                progress.update(int(units.n_seconds.sum()))
    except ArchiveError as error:
        logger.warning("not measured: %s", error)
        return LevelHistogram()
    return histogram


def progress_bar(
    archive: Archive, what: str = "", *, initial: int = 0, disable: bool = False
) -> tqdm:
    """A bar in seconds of signal, so that its rate is the throughput."""
    return tqdm(
        initial=initial,
        desc=what + printable(archive.path.name),
        unit=" s",
        unit_scale=True,
        leave=False,
        disable=disable,
    )


def duration_s(archive: Archive, timeline: Timeline) -> int | None:
    """The signal in an archive, as far as it says how many frames it has."""
    return round(archive.n_frames * timeline.found.step_s) if archive.n_frames else None
