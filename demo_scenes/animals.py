"""Birds of several kinds, and dogs."""

import numpy as np

from demo_scenes.signals import Synth, normalise
from demo_scenes.voices import formant_gain, glottal_wave


def songbird(synth: Synth, duration_s: float) -> np.ndarray:
    """One singing bird; its kind of song is drawn."""
    song = (_chirps, _two_notes, _trill, _flute)[synth.integers(4)]
    out = synth.silence(duration_s)
    pitch = synth.uniform(0.9, 1.15)  # one bird keeps its pitch
    for start_s in synth.event_times(duration_s, synth.uniform(1.2, 2.0), min_gap_s=0.8):
        phrase = song(synth, pitch)
        synth.add_at(out, synth.uniform(0.6, 1) * phrase, start_s)
    return normalise(out)


def bird_chorus(synth: Synth, duration_s: float) -> np.ndarray:
    """Several birds, near and far."""
    birds = [songbird(synth, duration_s) for _ in range(synth.integers(3, 6))]
    levels = 10 ** (-synth.uniform(0, 18, len(birds)) / 20)
    return normalise(levels @ np.array(birds))


def pigeon(synth: Synth, duration_s: float) -> np.ndarray:
    """Cooing."""
    out = synth.silence(duration_s)
    for start_s in synth.event_times(duration_s, 2.5, min_gap_s=1.8):
        for offset_s, length_s, pitch in ((0, 0.25, 1.0), (0.35, 0.55, 1.08), (1.0, 0.3, 0.97)):
            t = synth.time_axis(length_s)
            f_hz = 430 * pitch * (1 + 0.06 * np.sin(np.pi * t / length_s))
            throat = 1 + 0.4 * np.sin(2 * np.pi * 26 * t)
            coo = synth.fade(synth.tone(f_hz, [1, 0.15, 0.05]) * throat, 0.06, 0.1)
            synth.add_at(out, coo, start_s + offset_s)
    return normalise(out)


def crow(synth: Synth, duration_s: float) -> np.ndarray:
    """Caws: a rough harmonic call, twice or three times in a row."""
    out = synth.silence(duration_s)
    for start_s in synth.event_times(duration_s, 3.0, min_gap_s=2.0):
        for i in range(synth.integers(2, 4)):
            length_s = synth.uniform(0.25, 0.4)
            t = synth.time_axis(length_s) / length_s
            rough = synth.wander(length_s, 90, 0.9, 1.1)
            f0_hz = (520 + 120 * np.sin(np.pi * t)) * rough
            call = glottal_wave(synth, f0_hz) + 0.3 * synth.noise(length_s)
            throat = np.array([[1100.0, 1700, 2600, 4200]] * 2)
            call = synth.filter_over_time(call, formant_gain([0, length_s], throat))
            call = normalise(synth.fade(call, 0.04, 0.08))
            synth.add_at(out, call, start_s + 0.55 * i)
    return normalise(out)


def dog_bark(synth: Synth, duration_s: float) -> np.ndarray:
    """One dog, barking in bouts."""
    size = synth.uniform(0, 1)  # 0 small, 1 large
    out = synth.silence(duration_s)
    for start_s in synth.event_times(duration_s, 1.6, min_gap_s=1.0):
        for i in range(synth.integers(1, 4)):
            gap_s = synth.uniform(0.35, 0.5)
            synth.add_at(out, _bark(synth, size), start_s + i * gap_s)
    return normalise(out)


def _bark(synth: Synth, size: float) -> np.ndarray:
    length_s = synth.uniform(0.16, 0.24)
    t = synth.time_axis(length_s) / length_s
    f0_hz = (620 - 330 * size) * (0.75 + 0.6 * np.sin(np.pi * np.minimum(1, 1.3 * t + 0.12)) ** 1.5)
    f0_hz *= synth.wander(length_s, 120, 0.93, 1.07)
    breath = synth.noise(length_s, 500, 6000, tilt_db_per_octave=-3)
    source = glottal_wave(synth, f0_hz) + 0.35 * breath
    mouth = (1.35 - 0.5 * size) * np.array(
        [[500.0, 1300, 2500, 3700], [850, 1500, 2700, 3900], [450, 1100, 2400, 3600]]
    )
    gain = formant_gain([0, 0.4 * length_s, length_s], mouth)
    wave = synth.filter_over_time(source, gain, frame_s=0.016)
    return synth.uniform(0.7, 1) * normalise(synth.fade(wave, 0.015, 0.07))


def _chirps(synth: Synth, pitch: float) -> np.ndarray:
    """A sparrow: a row of short falling chirps."""
    out = synth.silence(1.1)
    for i in range(synth.integers(3, 7)):
        length_s = synth.uniform(0.05, 0.09)
        t = synth.time_axis(length_s) / length_s
        f_hz = pitch * (5200 - 2200 * t + 900 * np.sin(2 * np.pi * t))
        note = synth.fade(synth.tone(f_hz, [1, 0.15]), 0.008, 0.02)
        synth.add_at(out, synth.uniform(0.6, 1) * note, 0.17 * i)
    return out


def _two_notes(synth: Synth, pitch: float) -> np.ndarray:
    """A great tit: "tea-cher, tea-cher"."""
    out = synth.silence(1.6)
    for i in range(synth.integers(3, 6)):
        for offset_s, f_hz, length_s in ((0, 5200, 0.09), (0.13, 3700, 0.12)):
            glide = np.linspace(1.03, 0.97, synth.n_samples(length_s))
            note = synth.fade(synth.tone(pitch * f_hz * glide, [1, 0.08]), 0.01, 0.03)
            synth.add_at(out, note, 0.3 * i + offset_s)
    return out


def _trill(synth: Synth, pitch: float) -> np.ndarray:
    """A finch: fast pulses that fall in pitch, with a flourish at the end."""
    length_s = synth.uniform(0.9, 1.4)
    t = synth.time_axis(length_s)
    rate_hz = synth.uniform(14, 24)
    pulse = (rate_hz * t) % 1.0
    f_hz = pitch * (4800 - 900 * t / length_s + 1100 * (0.5 - pulse))
    swell = 0.4 + 0.6 * t / length_s
    song = synth.tone(f_hz, [1, 0.1]) * np.sin(np.pi * pulse) ** 2 * swell
    return synth.fade(song, 0.05, 0.05)


def _flute(synth: Synth, pitch: float) -> np.ndarray:
    """A blackbird: slow whistles, then a squeaky end."""
    out = synth.silence(1.8)
    at_s = 0.0
    for _ in range(synth.integers(3, 6)):
        length_s = synth.uniform(0.14, 0.3)
        t = synth.time_axis(length_s)
        bend = synth.uniform(-0.12, 0.12) * t / length_s + 0.02 * np.sin(2 * np.pi * 18 * t)
        note = synth.tone(pitch * synth.uniform(1700, 2900) * (1 + bend), [1, 0.12, 0.04])
        synth.add_at(out, synth.fade(note, 0.03, 0.05), at_s)
        at_s += length_s + 0.03
    for i in range(3):
        note = synth.tone(np.linspace(5000, 6800, synth.n_samples(0.05)) * pitch)
        synth.add_at(out, 0.35 * synth.fade(note), at_s + 0.07 * i)
    return out
