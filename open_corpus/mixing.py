"""Render a planned scene."""

from pathlib import Path

import numpy as np

from demo_scenes.registry import SOURCES
from demo_scenes.scenes import loudest_rms
from demo_scenes.signals import add_at, fade, n_samples
from demo_scenes.space import at_distance, equalise, reverberate
from open_corpus.planning import DURATION_S, Recorded, ScenePlan
from open_corpus.selection import SAMPLE_RATE
from transcoder.audio import read_audio
from transcoder.files import atomic_path

_CROSSFADE_S = 0.5  # where a looped bed begins again
_EDGE_S = 0.005  # where a source is cut
_PEAK = 0.95


def render_scene(plan: ScenePlan, store: Path) -> np.ndarray:
    """The scene's samples ``(320000,)`` at 32 kHz, within -1 to 1."""
    rng = np.random.default_rng(plan.seed)
    mix = np.zeros(n_samples(SAMPLE_RATE, DURATION_S))
    for layer in plan.synthesised:
        wave = SOURCES[layer.source](rng, SAMPLE_RATE, DURATION_S)
        _add(mix, wave, layer.level_db, layer.distance_m)
    for recorded in plan.recorded:
        _add(mix, _placed(recorded, store), recorded.level_db, recorded.distance_m)
    mix = reverberate(rng, mix, SAMPLE_RATE, plan.reverb_s, plan.wet)
    mix = equalise(mix, SAMPLE_RATE, plan.tone_db)
    mix *= 10 ** (plan.level_dbfs / 20) / mix.std()
    return mix * min(1.0, _PEAK / np.abs(mix).max())


def write_scene(plan: ScenePlan, store: Path, folder: Path) -> None:
    """Write the scene's 16-bit file below ``folder``, unless it is there."""
    import soundfile

    path = folder / plan.filename
    if not path.exists():
        wave = render_scene(plan, store)
        with atomic_path(path) as temporary:
            soundfile.write(temporary, wave, SAMPLE_RATE, subtype="PCM_16")


def _add(mix: np.ndarray, wave: np.ndarray, level_db: float, distance_m: float) -> None:
    """Add a layer, in place: the level is that of its loudest quarter of a second."""
    wave = at_distance(wave, SAMPLE_RATE, distance_m)
    mix += wave * 10 ** (level_db / 20) / max(loudest_rms(wave, SAMPLE_RATE), 1e-9)


def _placed(recorded: Recorded, store: Path) -> np.ndarray:
    """The source at its times within a scene."""
    path = store / f"{recorded.content}.flac"
    wave, _ = read_audio(path, offset_s=recorded.offset_s, duration_s=DURATION_S)
    out = np.zeros(n_samples(SAMPLE_RATE, DURATION_S))
    if recorded.looped:
        wave = fade(wave, SAMPLE_RATE, _CROSSFADE_S, _CROSSFADE_S)
        turn_s = wave.size / SAMPLE_RATE - _CROSSFADE_S
        # the first turn begins a crossfade early, so that the scene does not fade in
        starts_s = np.arange(-_CROSSFADE_S, DURATION_S, turn_s)
    else:
        wave = fade(wave, SAMPLE_RATE, _EDGE_S, _EDGE_S)
        starts_s = recorded.starts_s
    for start_s in starts_s:
        add_at(out, wave, SAMPLE_RATE, start_s)
    return out
