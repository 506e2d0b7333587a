"""Voices by formant synthesis: a glottal wave through moving vocal-tract resonances.

Formant frequencies: round values after Peterson and Barney (1952). The talkers say nothing; only
the rhythm, melody and timbre of speech are made.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when they are used

from demo_scenes.signals import Synth, normalise, periodic

_VOWELS_HZ = np.array(  # F1 to F4 of a man
    [
        [270, 2290, 3010, 3600],
        [390, 1990, 2550, 3500],
        [530, 1840, 2480, 3500],
        [660, 1720, 2410, 3500],
        [730, 1090, 2440, 3400],
        [570, 840, 2410, 3300],
        [440, 1020, 2240, 3300],
        [300, 870, 2240, 3300],
        [490, 1350, 1690, 3300],
    ]
)
_BANDWIDTHS_HZ = np.array([70, 100, 140, 220])
_CROWD_RATE = 16_000  # many voices at once need no treble


@dataclass(frozen=True)
class Talker:
    """What tells one voice from another."""

    pitch_hz: float
    tract: float  # formants relative to a man's
    syllables_per_s: float
    liveliness: float = 0.25  # pitch range within a phrase
    pause_s: float = 0.5


def man(synth: Synth) -> Talker:
    return Talker(synth.uniform(95, 140), synth.uniform(0.96, 1.04), synth.uniform(3.5, 5))


def woman(synth: Synth) -> Talker:
    return Talker(synth.uniform(170, 235), synth.uniform(1.12, 1.2), synth.uniform(3.5, 5), 0.3)


def child(synth: Synth) -> Talker:
    return Talker(synth.uniform(280, 400), synth.uniform(1.3, 1.42), synth.uniform(3, 4.5), 0.5)


def adult(synth: Synth) -> Talker:
    return man(synth) if synth.random() < 0.5 else woman(synth)


def say(synth: Synth, duration_s: float, talker: Talker) -> np.ndarray:
    """Phrases of nonsense syllables by one talker, rms about 0.1 to 1."""
    anchors = [(0.0, talker.pitch_hz, 0.0, _VOWELS_HZ[8])]  # time in s, pitch, loudness, formants
    consonants = synth.silence(duration_s)
    accent = 1.0
    for start, length, last in _syllables(synth, duration_s, talker):
        vowels = _VOWELS_HZ[synth.integers(len(_VOWELS_HZ), size=2)]
        accent = max(1 - talker.liveliness, accent * synth.uniform(0.9, 1.02))
        peak = talker.pitch_hz * accent * (1 + talker.liveliness * synth.uniform(-0.3, 1) ** 3)
        stress = synth.uniform(0.5, 1.0)
        for position, level, vowel in (
            (0.0, 0.03, vowels[0]),
            (0.25, stress, vowels[0]),
            (0.7, 0.8 * stress, 0.6 * vowels[0] + 0.4 * vowels[1]),
            (0.98, 0.02 if last else 0.12, vowels[1]),
        ):
            pitch = peak * (1 - 0.12 * position * (2 if last else 1))
            anchors.append((start + position * length, pitch, level, vowel))
        if last:
            accent = 1.0
            anchors.append((start + length + 0.02, talker.pitch_hz, 0.0, vowels[1]))
        if synth.random() < 0.7:
            synth.add_at(consonants, _consonant(synth), start - 0.05)

    anchors_s, pitch, loudness, formants = zip(*anchors, strict=True)
    t = synth.time_axis(duration_s)
    f0_hz = np.interp(t, anchors_s, pitch) * synth.wander(duration_s, 70, 0.96, 1.04)
    breath = 0.3 * synth.noise(duration_s, 800, 6000)
    source = (glottal_wave(synth, f0_hz) + breath) * np.interp(t, anchors_s, loudness)
    tracks = np.array(formants, dtype=float) * talker.tract
    voiced = synth.filter_over_time(source, formant_gain(anchors_s, tracks))
    return voiced / (np.abs(voiced).max() + 1e-9) + 0.06 * consonants


def glottal_wave(synth: Synth, f0_hz: np.ndarray) -> np.ndarray:
    """Buzz of the vocal folds: harmonics that fall by 6 dB an octave (radiation included)."""
    n_harmonics = max(2, int(min(60, 0.45 * synth.sample_rate / f0_hz.max())))
    k = np.arange(1, n_harmonics + 1)
    return periodic(synth.phase_cycles(f0_hz), 1 / k)


def formant_gain(anchors_s, formants_hz: np.ndarray):
    """Filter for `filter_over_time`: resonances (n, 4) that move between their anchors."""

    def gain(freqs_hz: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        total = np.ones((1, 1))
        for i, bandwidth_hz in enumerate(_BANDWIDTHS_HZ):
            centre_hz = np.interp(times_s[0], anchors_s, formants_hz[:, i])[None, :]
            ratio = (freqs_hz / centre_hz) ** 2
            damping = (freqs_hz * bandwidth_hz / centre_hz**2) ** 2
            total = total / np.sqrt((1 - ratio) ** 2 + damping)  # a cascade, as in a vocal tract
        return np.minimum(total, 100) * (1 + (freqs_hz / 3500) ** 4) * (freqs_hz > 60)

    return gain


def speech(synth: Synth, duration_s: float) -> np.ndarray:
    """One adult talking."""
    return normalise(say(synth, duration_s, adult(synth)))


def conversation(synth: Synth, duration_s: float) -> np.ndarray:
    """Two or three adults, sometimes at once."""
    talkers = synth.integers(2, 4)
    turns = synth.wander(duration_s, 0.5, 0, talkers)
    out = synth.silence(duration_s)
    for i in range(talkers):
        mine = np.clip(1.4 - np.abs(turns - i - 0.5), 0.05, 1)
        out += mine * say(synth, duration_s, adult(synth))
    return normalise(out)


def crowd_murmur(synth: Synth, duration_s: float) -> np.ndarray:
    """Dozens of people talking: a few voices, each heard many times at other places in time."""
    return normalise(_many(synth, duration_s, [adult(synth) for _ in range(4)], copies=6))


def children_playing(synth: Synth, duration_s: float) -> np.ndarray:
    """Children's chatter and shouts in a yard."""
    out = _many(synth, duration_s, [child(synth) for _ in range(3)], copies=2)
    out = normalise(out)
    for start_s in np.arange(synth.uniform(0, 0.4), duration_s, synth.uniform(0.6, 1.1)):
        call = shout(synth, synth.uniform(0.3, 0.9))
        synth.add_at(out, synth.uniform(0.15, 0.7) * call, start_s)
    return normalise(out)


def shout(synth: Synth, duration_s: float) -> np.ndarray:
    """One drawn-out call of a child: high, open, gliding."""
    t = synth.time_axis(duration_s) / duration_s
    f0_hz = synth.uniform(420, 720) * (
        1 + synth.uniform(0.1, 0.5) * np.sin(np.pi * t ** synth.uniform(0.6, 1.5))
    )
    f0_hz *= synth.wander(duration_s, 70, 0.96, 1.04)
    vowels = 1.35 * _VOWELS_HZ[synth.choice([3, 4, 0], size=2)]
    wave = synth.filter_over_time(glottal_wave(synth, f0_hz), formant_gain([0, duration_s], vowels))
    return normalise(synth.fade(wave, 0.05, 0.12))


def _many(synth: Synth, duration_s: float, talkers: list[Talker], copies: int) -> np.ndarray:
    low = Synth(synth, min(synth.sample_rate, _CROWD_RATE))
    out = low.silence(duration_s)
    for talker in talkers:
        voice = say(low, duration_s, talker)
        for _ in range(copies):
            shift = synth.integers(len(out))
            out += synth.uniform(0.3, 1) * np.roll(voice, shift)
    if low.sample_rate < synth.sample_rate:
        out = scipy.signal.resample_poly(out, synth.sample_rate, low.sample_rate)
    n = synth.n_samples(duration_s)
    return np.pad(out, (0, max(0, n - len(out))))[:n]


def _syllables(synth: Synth, duration_s: float, talker: Talker) -> list[tuple[float, float, bool]]:
    """Start, length and "last of its phrase" of each syllable."""
    syllables = []
    at = synth.uniform(0.02, 0.15)
    while at < duration_s:
        n = int(synth.integers(3, 10))
        for i in range(n):
            length = synth.uniform(0.7, 1.4) / talker.syllables_per_s * (1.4 if i == n - 1 else 1)
            syllables.append((at, length, i == n - 1))
            at += length
        at += talker.pause_s * synth.uniform(0.4, 1.8)
    return syllables


def _consonant(synth: Synth) -> np.ndarray:
    """A fricative, or the burst of a plosive."""
    if synth.random() < 0.5:
        low_hz = synth.choice([1800, 3500, 5000])
        hiss = synth.noise(synth.uniform(0.05, 0.12), low_hz, 1.8 * low_hz)
        return synth.uniform(0.3, 1) * synth.fade(hiss, 0.02, 0.02)
    burst = synth.noise(0.03, synth.uniform(300, 2500), 5000)
    return synth.uniform(0.5, 1.2) * synth.fade(burst, 0.002, 0.025)
