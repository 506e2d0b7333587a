"""Levels as a sensor stores them, to levels on the scale that the networks were trained on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from archives.clock import first_together
from archives.frames import ALL_BANDS, Archive, Block
from archives.options import MISSING_BAND_DB
from archives.timeline import Timeline, Units
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
