"""One clip of a data set: what it holds, in which format, and how it is written."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io.wavfile
import soundfile
import soxr

from demo_scenes.scenes import Scene, render
from demo_scenes.signals import Synth, n_samples
from demo_scenes.space import equalise
from transcoder.files import atomic_path

_RENDER_RATES = (44_100, 48_000)  # others are resampled from the first
_LEVEL_DBFS = (-34.0, -18.0)  # rms of a clip: recorders are not all turned up alike
_PEAK = 0.9


@dataclass(frozen=True)
class Clip:
    """The plan of one file. Its sound depends on nothing but this."""

    path: str  # relative to the data set's folder
    seed: tuple[int, ...]
    scene: Scene
    duration_s: float
    sample_rate: int
    subtype: str  # soundfile's name of the sample format
    channels: int = 1
    rendered_s: float = 0.0  # where longer than the clip, its loudest part is cut out
    tone_db: tuple[float, ...] = ()  # colour of place and recorder, per octave


@dataclass(frozen=True)
class ClipSet:
    """One data set: its folder, its clips, its label files (relative path to text)."""

    folder: str
    clips: tuple[Clip, ...]
    tables: dict[str, str]


def clip_wave(clip: Clip) -> np.ndarray:
    """The clip's samples, (n, channels), within -1 to 1."""
    rate = clip.sample_rate if clip.sample_rate in _RENDER_RATES else _RENDER_RATES[0]
    synth = Synth(clip.seed, rate)
    wave = render(synth, clip.scene, max(clip.duration_s, clip.rendered_s))
    wave = _loudest_part(wave, synth.n_samples(clip.duration_s))
    wave = equalise(synth, wave, clip.tone_db)
    if rate != clip.sample_rate:
        wave = soxr.resample(wave, rate, clip.sample_rate, "HQ")
    n = n_samples(clip.sample_rate, clip.duration_s)
    wave = np.pad(wave[:n], (0, max(0, n - len(wave))))
    wave *= 10 ** (synth.uniform(*_LEVEL_DBFS) / 20) / wave.std()
    wave *= min(1.0, _PEAK / np.abs(wave).max())
    return _channels(synth, wave, clip.channels)


def write_clip(job: tuple[Clip, Path]) -> None:
    """Make a clip's file under a folder, unless it is there: files appear only complete."""
    clip, folder = job
    path = folder / clip.path
    if path.exists():
        return
    wave = clip_wave(clip)
    with atomic_path(path) as temporary:
        if clip.subtype == "FLOAT":
            # libsndfile puts the time of day into float files: the same clip, other bytes
            scipy.io.wavfile.write(temporary, clip.sample_rate, wave.astype(np.float32))
        else:
            soundfile.write(temporary, wave, clip.sample_rate, clip.subtype, format="WAV")


def _loudest_part(wave: np.ndarray, n: int) -> np.ndarray:
    if n >= len(wave):
        return wave
    energy = np.concatenate([[0.0], np.cumsum(wave**2)])
    start = int(np.argmax(energy[n:] - energy[:-n]))
    return wave[start : start + n]


def _channels(synth: Synth, wave: np.ndarray, channels: int) -> np.ndarray:
    """Further channels hear the same a little later and softer."""
    rows = [wave]
    for _ in range(channels - 1):
        delay = int(synth.integers(1, 12))
        rows.append(synth.uniform(0.7, 1) * np.pad(wave, (delay, 0))[: len(wave)])
    return np.stack(rows, axis=1)
