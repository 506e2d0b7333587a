"""Voices by formant synthesis: a glottal wave through moving vocal-tract resonances.

Formant frequencies: round values after Peterson and Barney (1952). The talkers say nothing; only
the rhythm, melody and timbre of speech are made.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when they are used
from numpy.random import Generator

from demo_scenes.signals import (
    add_at,
    fade,
    filter_over_time,
    n_samples,
    noise,
    normalise,
    periodic,
    phase_cycles,
    time_axis,
    wander,
)

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


def man(rng: Generator) -> Talker:
    return Talker(rng.uniform(95, 140), rng.uniform(0.96, 1.04), rng.uniform(3.5, 5))


def woman(rng: Generator) -> Talker:
    return Talker(rng.uniform(170, 235), rng.uniform(1.12, 1.2), rng.uniform(3.5, 5), 0.3)


def child(rng: Generator) -> Talker:
    return Talker(rng.uniform(280, 400), rng.uniform(1.3, 1.42), rng.uniform(3, 4.5), 0.5)


def adult(rng: Generator) -> Talker:
    return man(rng) if rng.random() < 0.5 else woman(rng)


def say(rng: Generator, sample_rate: int, duration_s: float, talker: Talker) -> np.ndarray:
    """Phrases of nonsense syllables by one talker, rms about 0.1 to 1."""
    starts, lengths, ends_phrase = _syllables(rng, duration_s, talker)
    n = n_samples(sample_rate, duration_s)
    anchors_s, pitch, loudness, formants = [0.0], [talker.pitch_hz], [0.0], [_VOWELS_HZ[8]]
    consonants = np.zeros(n)
    accent = 1.0
    for start, length, last in zip(starts, lengths, ends_phrase, strict=True):
        vowels = _VOWELS_HZ[rng.integers(len(_VOWELS_HZ), size=2)]
        accent = max(1 - talker.liveliness, accent * rng.uniform(0.9, 1.02))
        peak = talker.pitch_hz * accent * (1 + talker.liveliness * rng.uniform(-0.3, 1) ** 3)
        stress = rng.uniform(0.5, 1.0)
        for position, level, vowel in (
            (0.0, 0.03, vowels[0]),
            (0.25, stress, vowels[0]),
            (0.7, 0.8 * stress, 0.6 * vowels[0] + 0.4 * vowels[1]),
            (0.98, 0.02 if last else 0.12, vowels[1]),
        ):
            anchors_s.append(start + position * length)
            pitch.append(peak * (1 - 0.12 * position * (2 if last else 1)))
            loudness.append(level)
            formants.append(vowel)
        if last:
            accent = 1.0
            anchors_s.append(start + length + 0.02)
            pitch.append(talker.pitch_hz)
            loudness.append(0.0)
            formants.append(vowels[1])
        if rng.random() < 0.7:
            add_at(consonants, _consonant(rng, sample_rate), sample_rate, start - 0.05)

    t = time_axis(sample_rate, duration_s)
    f0_hz = np.interp(t, anchors_s, pitch) * wander(rng, sample_rate, duration_s, 70, 0.96, 1.04)
    breath = 0.3 * noise(rng, sample_rate, duration_s, 800, 6000)
    source = (glottal_wave(f0_hz, sample_rate) + breath) * np.interp(t, anchors_s, loudness)
    tracks = np.array(formants, dtype=float) * talker.tract
    voiced = filter_over_time(source, sample_rate, formant_gain(anchors_s, tracks))
    return voiced / (np.abs(voiced).max() + 1e-9) + 0.06 * consonants


def glottal_wave(f0_hz: np.ndarray, sample_rate: int) -> np.ndarray:
    """Buzz of the vocal folds: harmonics that fall by 6 dB an octave (radiation included)."""
    n_harmonics = max(2, int(min(60, 0.45 * sample_rate / f0_hz.max())))
    k = np.arange(1, n_harmonics + 1)
    return periodic(phase_cycles(f0_hz, sample_rate), 1 / k)


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


def speech(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """One adult talking."""
    return normalise(say(rng, sample_rate, duration_s, adult(rng)))


def conversation(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Two or three adults, sometimes at once."""
    talkers = rng.integers(2, 4)
    turns = wander(rng, sample_rate, duration_s, 0.5, 0, talkers)
    out = np.zeros(n_samples(sample_rate, duration_s))
    for i in range(talkers):
        mine = np.clip(1.4 - np.abs(turns - i - 0.5), 0.05, 1)
        out += mine * say(rng, sample_rate, duration_s, adult(rng))
    return normalise(out)


def crowd_murmur(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Dozens of people talking: a few voices, each heard many times at other places in time."""
    return normalise(_many(rng, sample_rate, duration_s, [adult(rng) for _ in range(4)], copies=6))


def children_playing(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Children's chatter and shouts in a yard."""
    out = _many(rng, sample_rate, duration_s, [child(rng) for _ in range(3)], copies=2)
    out = normalise(out)
    for start_s in np.arange(rng.uniform(0, 0.4), duration_s, rng.uniform(0.6, 1.1)):
        call = shout(rng, sample_rate, rng.uniform(0.3, 0.9))
        add_at(out, rng.uniform(0.15, 0.7) * call, sample_rate, start_s)
    return normalise(out)


def shout(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """One drawn-out call of a child: high, open, gliding."""
    t = time_axis(sample_rate, duration_s) / duration_s
    f0_hz = rng.uniform(420, 720) * (
        1 + rng.uniform(0.1, 0.5) * np.sin(np.pi * t ** rng.uniform(0.6, 1.5))
    )
    f0_hz *= wander(rng, sample_rate, duration_s, 70, 0.96, 1.04)
    vowels = 1.35 * _VOWELS_HZ[rng.choice([3, 4, 0], size=2)]
    wave = filter_over_time(
        glottal_wave(f0_hz, sample_rate), sample_rate, formant_gain([0, duration_s], vowels)
    )
    return normalise(fade(wave, sample_rate, 0.05, 0.12))


def _many(
    rng: Generator, sample_rate: int, duration_s: float, talkers: list[Talker], copies: int
) -> np.ndarray:
    rate = min(sample_rate, _CROWD_RATE)
    out = np.zeros(n_samples(rate, duration_s))
    for talker in talkers:
        voice = say(rng, rate, duration_s, talker)
        for _ in range(copies):
            shift = rng.integers(len(out))
            out += rng.uniform(0.3, 1) * np.roll(voice, shift)
    resampled = scipy.signal.resample_poly(out, sample_rate, rate) if rate < sample_rate else out
    n = n_samples(sample_rate, duration_s)
    return np.pad(resampled, (0, max(0, n - len(resampled))))[:n]


def _syllables(rng: Generator, duration_s: float, talker: Talker):
    """Start, length and "last of its phrase" of each syllable."""
    starts, lengths, ends_phrase = [], [], []
    at = rng.uniform(0.02, 0.15)
    while at < duration_s:
        n = int(rng.integers(3, 10))
        for i in range(n):
            length = rng.uniform(0.7, 1.4) / talker.syllables_per_s * (1.4 if i == n - 1 else 1)
            starts.append(at)
            lengths.append(length)
            ends_phrase.append(i == n - 1)
            at += length
        at += talker.pause_s * rng.uniform(0.4, 1.8)
    return starts, lengths, ends_phrase


def _consonant(rng: Generator, sample_rate: int) -> np.ndarray:
    """A fricative, or the burst of a plosive."""
    if rng.random() < 0.5:
        low_hz = rng.choice([1800, 3500, 5000])
        hiss = noise(rng, sample_rate, rng.uniform(0.05, 0.12), low_hz, 1.8 * low_hz)
        return rng.uniform(0.3, 1) * fade(hiss, sample_rate, 0.02, 0.02)
    burst = noise(rng, sample_rate, 0.03, rng.uniform(300, 2500), 5000)
    return rng.uniform(0.5, 1.2) * fade(burst, sample_rate, 0.002, 0.025)
