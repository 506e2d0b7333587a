"""Levels as a sensor stores them, the scale of the networks, and the offset from one to the other.

Training recordings are peak-normalised: their levels say nothing of the loudness of the place. A
sensor's are sound pressure levels, or whatever its calibration made of them.
"""

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from archives.clock import first_together
from archives.frames import ALL_BANDS, Archive, ArchiveError, Block
from archives.open_archive import ReadOptions, open_archive
from archives.options import MISSING_BAND_DB
from archives.timeline import Timeline, Units
from transcoder.files import printable
from transcoder.settings import THIRD_OCTAVE

_PLAUSIBLE_DB = 250.0  # placeholders such as -999 or 9999 lie beyond


@dataclass(frozen=True)
class LevelScale:
    """How the numbers of an archive become levels for the networks."""

    offset_db: float = 0.0  # added to every level
    missing_band_db: float = MISSING_BAND_DB


def scaled(blocks: Iterable[Block], bands: tuple[int, ...], scale: LevelScale) -> Iterator[Block]:
    """Blocks on the networks' scale.

    Levels of minus infinity (no energy) become those of digital silence. Bands that the archive
    lacks, and bands that are empty throughout the first block, get ``scale.missing_band_db``.
    Other levels that are missing or impossible become NaN.
    """
    lacking = np.setdiff1d(ALL_BANDS, bands)
    for number, block in enumerate(blocks):
        with np.errstate(invalid="ignore"):  # a damaged file's signalling NaN
            levels = block.levels_db + np.float32(scale.offset_db)
        levels[np.abs(block.levels_db) > _PLAUSIBLE_DB] = np.nan
        levels[np.isneginf(block.levels_db)] = THIRD_OCTAVE.silence_db
        if number == 0:
            empty = np.isnan(levels).all(axis=0)
            if not empty.all():
                lacking = np.union1d(lacking, np.flatnonzero(empty)).astype(int)
        gaps = np.isnan(levels[:, lacking])
        levels[:, lacking] = np.where(gaps, scale.missing_band_db, levels[:, lacking])
        yield Block(block.times_s, levels)


def archive_units(
    archive: Archive, timeline: Timeline, scale: LevelScale | None = None
) -> Iterator[Units]:
    """The units of an archive on the networks' scale."""
    blocks = scaled(first_together(archive.blocks()), archive.bands, scale or LevelScale())
    return timeline.units(blocks)


logger = logging.getLogger(__name__)

FULL_SCALE_DB = THIRD_OCTAVE.offset_db - 10 * math.log10(2)
"""Level of a sine that just fills the scale of digital audio: 23.0 dB."""

LOUD_PERCENTILE = 99.0
"""The 1-s broadband level that the automatic offset brings to full scale."""

_BINS_DB = np.arange(-250.0, 500.0, 0.1)

# Share of seconds whose broadband level lies from 0 to 3 dB, 3 to 6, ...: 600 s of synthesised
# street and indoor scenes (demo_scenes), each clip of 10 s peak-normalised as in training; two
# real recordings lie at 6 to 16 dB.
_TRAINED_STEP_DB = 3.0
_TRAINED_SHARES = (0.013, 0.060, 0.218, 0.337, 0.317, 0.055)
_LEAST_OVERLAP = 0.2


class LevelHistogram:
    """Counts of 1-s broadband levels, in bins of 0.1 dB."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(_BINS_DB), dtype=np.int64)

    def add(self, units: Units) -> None:
        """Count the full seconds of ``units``."""
        levels = broadband_levels(units)
        bins = np.rint((levels - _BINS_DB[0]) / 0.1).astype(np.int64)
        np.add.at(self._counts, bins.clip(0, len(_BINS_DB) - 1), 1)

    def merge(self, other: "LevelHistogram") -> None:
        """Add the counts of another histogram."""
        self._counts += other._counts

    @property
    def n_seconds(self) -> int:
        return int(self._counts.sum())

    def percentile(self, percent: float) -> float:
        """The level that ``percent`` of the seconds do not exceed, to 0.1 dB; NaN if empty."""
        if not self.n_seconds:
            return math.nan
        wanted = math.ceil(self.n_seconds * percent / 100)
        return float(_BINS_DB[np.searchsorted(np.cumsum(self._counts), max(wanted, 1))])

    def offset_to_full_scale(self) -> float:
        """What to add so that the `LOUD_PERCENTILE` is at `FULL_SCALE_DB`, to 0.1 dB."""
        return round(FULL_SCALE_DB - self.percentile(LOUD_PERCENTILE), 1)

    def overlap(self) -> float:
        """Area that the histogram shares with that of training: 0 (apart) to 1 (the same)."""
        edges = np.arange(len(_TRAINED_SHARES) + 1) * _TRAINED_STEP_DB
        counts, _ = np.histogram(_BINS_DB, edges, weights=self._counts)
        return float(np.minimum(counts / max(self.n_seconds, 1), _TRAINED_SHARES).sum())

    def complaint(self) -> str | None:
        """One line if the levels look wrong for the networks, else None."""
        overlap = self.overlap()
        if not self.n_seconds or overlap >= _LEAST_OVERLAP:
            return None
        low, middle, high = (self.percentile(p) for p in (5, 50, 95))
        top = _TRAINED_STEP_DB * len(_TRAINED_SHARES)
        return (
            f"the levels look wrong for the network: broadband {middle:.0f} dB ({low:.0f} to "
            f"{high:.0f} dB), but it was trained on 0 to {top:.0f} dB (overlap {overlap:.0%})"
            + self._advice()
        )

    def _advice(self) -> str:
        """How to mend the levels; none where they are at full scale already."""
        missing_db = self.offset_to_full_scale()
        if abs(missing_db) < 1:
            return "; steady noise is like that, otherwise check the bands and their order"
        return f"; try --auto_offset, or --db_offset {missing_db:+.1f} on top"


def broadband_levels(units: Units) -> NDArray[np.float64]:
    """Energy of all bands of each full second of ``units``, in dB."""
    frames_per_s = units.levels_db.shape[2]
    n_full = units.n_frames // frames_per_s
    is_full = np.arange(units.levels_db.shape[1]) < n_full[:, np.newaxis]
    power = (10 ** (units.levels_db[is_full].astype(np.float64) / 10)).sum(axis=2).mean(axis=1)
    return 10 * np.log10(power)


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
