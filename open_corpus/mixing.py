"""Render a planned scene."""

from pathlib import Path

import numpy as np

from demo_scenes.scenes import SOURCES, loudest_rms
from demo_scenes.signals import Synth
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
    synth = Synth(plan.seed, SAMPLE_RATE)
    mix = synth.silence(DURATION_S)
    waves = [
        *((layer, SOURCES[layer.source](synth, DURATION_S)) for layer in plan.synthesised),
        *((recorded, _placed(synth, recorded, store)) for recorded in plan.recorded),
    ]
    for layer, wave in waves:
        wave = at_distance(synth, wave, layer.distance_m)
        mix += wave * 10 ** (layer.level_db / 20) / max(loudest_rms(wave, SAMPLE_RATE), 1e-9)
    mix = reverberate(synth, mix, plan.reverb_s, plan.wet)
    mix = equalise(synth, mix, plan.tone_db)
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


def _placed(synth: Synth, recorded: Recorded, store: Path) -> np.ndarray:
    """The source at its times within a scene."""
    path = store / f"{recorded.content}.flac"
    wave, _ = read_audio(path, offset_s=recorded.offset_s, duration_s=DURATION_S)
    out = synth.silence(DURATION_S)
    if recorded.looped:
        wave = synth.fade(wave, _CROSSFADE_S, _CROSSFADE_S)
        turn_s = wave.size / SAMPLE_RATE - _CROSSFADE_S
        # the first turn begins a crossfade early, so that the scene does not fade in
        starts_s = np.arange(-_CROSSFADE_S, DURATION_S, turn_s)
    else:
        wave = synth.fade(wave, _EDGE_S, _EDGE_S)
        starts_s = recorded.starts_s
    for start_s in starts_s:
        synth.add_at(out, wave, start_s)
    return out
