"""Levels that show a quantiser what a network sees: made here, or of somebody's archive."""

from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SEED = 18
_SCENE_S = 10  # of each of the ten kinds
_MOST_S = 86_400  # of an archive that are looked at
_KEPT_S = 256  # of them, evenly spread


def made_levels() -> NDArray[np.float32]:
    """Levels of DEMO's ten kinds of scene, ``(100, 8, 29)`` dB; the same ones always."""
    from demo_scenes.scenes import TAU_RECIPES, draw, render
    from demo_scenes.signals import Synth
    from transcoder.settings import THIRD_OCTAVE
    from transcoder.transcode import Transcoder

    rate, transcoder = THIRD_OCTAVE.sample_rate, Transcoder("YamNet")
    levels = []
    for number, recipe in enumerate(TAU_RECIPES.values()):
        synth = Synth((_SEED, number), rate)
        wave = render(synth, draw(synth, recipe), _SCENE_S)
        levels.append(transcoder.third_octave_of(wave, rate).numpy())
    return np.concatenate(levels)


def archive_levels(path: Path) -> NDArray[np.float32]:
    """Seconds of an archive on the networks' scale, ``(n, 8, 29)`` dB, at most 256.

    The offset is measured, as by ``classify_third_octave.py --auto_offset``. Of a long archive the
    first day is looked at. Raises `UserError` if there is no full second.
    """
    from archives.levels import LevelScale, archive_units, measure_offset
    from archives.open_archive import open_archive
    from archives.options import ReadOptions
    from archives.timeline import Timeline, in_parts

    read = ReadOptions()
    scale = LevelScale(measure_offset([path], read))
    units = archive_units(open_archive(path, read), Timeline.of(path, read), scale)
    parts = islice(in_parts(units, _KEPT_S), _MOST_S // _KEPT_S)
    levels = np.concatenate([part.levels_db[:, 0] for part in parts])
    return levels[np.unique(np.linspace(0, len(levels) - 1, _KEPT_S).astype(int))]
