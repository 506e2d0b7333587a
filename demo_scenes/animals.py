"""Birds of several kinds, and dogs."""

import numpy as np
from numpy.random import Generator

from demo_scenes.signals import (
    add_at,
    event_times,
    fade,
    filter_over_time,
    n_samples,
    noise,
    normalise,
    time_axis,
    tone,
    wander,
)
from demo_scenes.voices import formant_gain, glottal_wave


def songbird(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """One singing bird; its kind of song is drawn."""
    song = (_chirps, _two_notes, _trill, _flute)[rng.integers(4)]
    out = np.zeros(n_samples(sample_rate, duration_s))
    pitch = rng.uniform(0.9, 1.15)  # one bird keeps its pitch
    for start_s in event_times(rng, duration_s, rng.uniform(1.2, 2.0), min_gap_s=0.8):
        phrase = song(rng, sample_rate, pitch)
        add_at(out, rng.uniform(0.6, 1) * phrase, sample_rate, start_s)
    return normalise(out)


def bird_chorus(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Several birds, near and far."""
    birds = [songbird(rng, sample_rate, duration_s) for _ in range(rng.integers(3, 6))]
    levels = 10 ** (-rng.uniform(0, 18, len(birds)) / 20)
    return normalise(levels @ np.array(birds))


def pigeon(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Cooing."""
    out = np.zeros(n_samples(sample_rate, duration_s))
    for start_s in event_times(rng, duration_s, 2.5, min_gap_s=1.8):
        for offset_s, length_s, pitch in ((0, 0.25, 1.0), (0.35, 0.55, 1.08), (1.0, 0.3, 0.97)):
            t = time_axis(sample_rate, length_s)
            f_hz = 430 * pitch * (1 + 0.06 * np.sin(np.pi * t / length_s))
            throat = 1 + 0.4 * np.sin(2 * np.pi * 26 * t)
            coo = fade(tone(f_hz, sample_rate, [1, 0.15, 0.05]) * throat, sample_rate, 0.06, 0.1)
            add_at(out, coo, sample_rate, start_s + offset_s)
    return normalise(out)


def crow(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Caws: a rough harmonic call, twice or three times in a row."""
    out = np.zeros(n_samples(sample_rate, duration_s))
    for start_s in event_times(rng, duration_s, 3.0, min_gap_s=2.0):
        for i in range(rng.integers(2, 4)):
            length_s = rng.uniform(0.25, 0.4)
            t = time_axis(sample_rate, length_s) / length_s
            rough = wander(rng, sample_rate, length_s, 90, 0.9, 1.1)
            f0_hz = (520 + 120 * np.sin(np.pi * t)) * rough
            call = glottal_wave(f0_hz, sample_rate) + 0.3 * noise(rng, sample_rate, length_s)
            throat = np.array([[1100.0, 1700, 2600, 4200]] * 2)
            call = filter_over_time(call, sample_rate, formant_gain([0, length_s], throat))
            call = normalise(fade(call, sample_rate, 0.04, 0.08))
            add_at(out, call, sample_rate, start_s + 0.55 * i)
    return normalise(out)


def dog_bark(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """One dog, barking in bouts."""
    size = rng.uniform(0, 1)  # 0 small, 1 large
    out = np.zeros(n_samples(sample_rate, duration_s))
    for start_s in event_times(rng, duration_s, 1.6, min_gap_s=1.0):
        for i in range(rng.integers(1, 4)):
            gap_s = rng.uniform(0.35, 0.5)
            add_at(out, _bark(rng, sample_rate, size), sample_rate, start_s + i * gap_s)
    return normalise(out)


def _bark(rng: Generator, sample_rate: int, size: float) -> np.ndarray:
    length_s = rng.uniform(0.16, 0.24)
    t = time_axis(sample_rate, length_s) / length_s
    f0_hz = (620 - 330 * size) * (0.75 + 0.6 * np.sin(np.pi * np.minimum(1, 1.3 * t + 0.12)) ** 1.5)
    f0_hz *= wander(rng, sample_rate, length_s, 120, 0.93, 1.07)
    breath = noise(rng, sample_rate, length_s, 500, 6000, tilt_db_per_octave=-3)
    source = glottal_wave(f0_hz, sample_rate) + 0.35 * breath
    mouth = (1.35 - 0.5 * size) * np.array(
        [[500.0, 1300, 2500, 3700], [850, 1500, 2700, 3900], [450, 1100, 2400, 3600]]
    )
    gain = formant_gain([0, 0.4 * length_s, length_s], mouth)
    wave = filter_over_time(source, sample_rate, gain, frame_s=0.016)
    return rng.uniform(0.7, 1) * normalise(fade(wave, sample_rate, 0.015, 0.07))


def _chirps(rng: Generator, sample_rate: int, pitch: float) -> np.ndarray:
    """A sparrow: a row of short falling chirps."""
    out = np.zeros(n_samples(sample_rate, 1.1))
    for i in range(rng.integers(3, 7)):
        length_s = rng.uniform(0.05, 0.09)
        t = time_axis(sample_rate, length_s) / length_s
        f_hz = pitch * (5200 - 2200 * t + 900 * np.sin(2 * np.pi * t))
        note = fade(tone(f_hz, sample_rate, [1, 0.15]), sample_rate, 0.008, 0.02)
        add_at(out, rng.uniform(0.6, 1) * note, sample_rate, 0.17 * i)
    return out


def _two_notes(rng: Generator, sample_rate: int, pitch: float) -> np.ndarray:
    """A great tit: "tea-cher, tea-cher"."""
    out = np.zeros(n_samples(sample_rate, 1.6))
    for i in range(rng.integers(3, 6)):
        for offset_s, f_hz, length_s in ((0, 5200, 0.09), (0.13, 3700, 0.12)):
            glide = np.linspace(1.03, 0.97, n_samples(sample_rate, length_s))
            note = fade(tone(pitch * f_hz * glide, sample_rate, [1, 0.08]), sample_rate, 0.01, 0.03)
            add_at(out, note, sample_rate, 0.3 * i + offset_s)
    return out


def _trill(rng: Generator, sample_rate: int, pitch: float) -> np.ndarray:
    """A finch: fast pulses that fall in pitch, with a flourish at the end."""
    length_s = rng.uniform(0.9, 1.4)
    t = time_axis(sample_rate, length_s)
    rate_hz = rng.uniform(14, 24)
    pulse = (rate_hz * t) % 1.0
    f_hz = pitch * (4800 - 900 * t / length_s + 1100 * (0.5 - pulse))
    swell = 0.4 + 0.6 * t / length_s
    song = tone(f_hz, sample_rate, [1, 0.1]) * np.sin(np.pi * pulse) ** 2 * swell
    return fade(song, sample_rate, 0.05, 0.05)


def _flute(rng: Generator, sample_rate: int, pitch: float) -> np.ndarray:
    """A blackbird: slow whistles, then a squeaky end."""
    out = np.zeros(n_samples(sample_rate, 1.8))
    at_s = 0.0
    for _ in range(rng.integers(3, 6)):
        length_s = rng.uniform(0.14, 0.3)
        t = time_axis(sample_rate, length_s)
        bend = rng.uniform(-0.12, 0.12) * t / length_s + 0.02 * np.sin(2 * np.pi * 18 * t)
        note = tone(pitch * rng.uniform(1700, 2900) * (1 + bend), sample_rate, [1, 0.12, 0.04])
        add_at(out, fade(note, sample_rate, 0.03, 0.05), sample_rate, at_s)
        at_s += length_s + 0.03
    for i in range(3):
        note = tone(np.linspace(5000, 6800, n_samples(sample_rate, 0.05)) * pitch, sample_rate)
        add_at(out, 0.35 * fade(note, sample_rate), sample_rate, at_s + 0.07 * i)
    return out
