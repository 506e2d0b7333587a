"""Street music: plucked strings (Karplus and Strong, 1983), bass and drums."""

import numpy as np
import scipy  # its parts load when they are used
from numpy.random import Generator

from demo_scenes.signals import (
    add_at,
    band_gain,
    fade,
    filter_spectrum,
    n_samples,
    noise,
    normalise,
    time_axis,
)

_CHORDS = ((0, 4, 7), (7, 11, 14), (9, 12, 16), (5, 9, 12))  # I V vi IV, semitones above the root
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)  # pentatonic: no wrong notes for the tune


def pluck(
    rng: Generator, sample_rate: int, duration_s: float, frequency_hz: float, damping: float = 0.996
) -> np.ndarray:
    """One plucked string: noise that runs round a damped delay line of one period."""
    period = sample_rate / frequency_hz - 0.5  # the averaging below delays by half a sample
    whole = int(period)
    fraction = period - whole
    excitation = np.zeros(n_samples(sample_rate, duration_s))
    length = min(whole, len(excitation))
    burst = rng.uniform(-1, 1, length)
    excitation[:length] = scipy.signal.lfilter([0.6, 0.4], [1], burst)
    # loop filter: two-point mean (damping) convolved with linear interpolation (fine tuning)
    loop = damping * np.convolve([0.5, 0.5], [1 - fraction, fraction])
    feedback = np.concatenate([[1.0], np.zeros(whole - 1), -loop])
    return fade(scipy.signal.lfilter([1.0], feedback, excitation), sample_rate, 0.001, 0.05)


def street_music(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A guitarist, mostly with bass and drums, somewhere between strumming and picking."""
    beat_s = 60 / rng.uniform(84, 126)
    root_hz = 110 * 2 ** (rng.integers(0, 8) / 12)
    out = np.zeros(n_samples(sample_rate, duration_s))
    n_beats = int(np.ceil(duration_s / beat_s))
    strummed, with_bass, with_drums = rng.random() < 0.5, rng.random() < 0.7, rng.random() < 0.6
    notes = _StringCache(rng, sample_rate, root_hz)
    for beat in range(n_beats):
        chord = _CHORDS[(beat // 4) % len(_CHORDS)]
        at_s = beat * beat_s
        for start_s, semitone, level in _guitar(rng, chord, beat_s, strummed):
            add_at(out, level * notes(semitone), sample_rate, at_s + start_s)
        if with_bass and beat % 2 == 0:
            add_at(out, 0.9 * notes(chord[0] - 12), sample_rate, at_s)
        if rng.random() < 0.6:
            tune = 12 + int(rng.choice(_SCALE))
            add_at(out, 0.7 * notes(tune), sample_rate, at_s + beat_s * rng.choice([0, 0.5]))
    guitar = filter_spectrum(out, sample_rate, lambda f: band_gain(f, 70, 6500, 1))
    guitar = normalise(guitar)
    return (
        normalise(guitar + 0.6 * drums(rng, sample_rate, duration_s, beat_s))
        if with_drums
        else guitar
    )


def drums(
    rng: Generator, sample_rate: int, duration_s: float, beat_s: float | None = None
) -> np.ndarray:
    """Kick, snare and hi-hat in a plain rock beat."""
    beat_s = 60 / rng.uniform(84, 126) if beat_s is None else beat_s
    out = np.zeros(n_samples(sample_rate, duration_s))
    kick, snare, hat = (make(rng, sample_rate) for make in (_kick, _snare, _hat))
    for eighth in range(int(np.ceil(2 * duration_s / beat_s))):
        at_s = eighth * beat_s / 2
        add_at(out, rng.uniform(0.15, 0.3) * hat, sample_rate, at_s)
        if eighth % 8 in (0, 4) or (eighth % 8 == 5 and rng.random() < 0.5):
            add_at(out, kick, sample_rate, at_s)
        if eighth % 4 == 2:
            add_at(out, 0.7 * snare, sample_rate, at_s)
    return normalise(out)


class _StringCache:
    """Each pitch is plucked once and used again, as a sampler does."""

    def __init__(self, rng: Generator, sample_rate: int, root_hz: float) -> None:
        self._rng, self._sample_rate, self._root_hz = rng, sample_rate, root_hz
        self._notes: dict[int, np.ndarray] = {}

    def __call__(self, semitone: int) -> np.ndarray:
        if semitone not in self._notes:
            frequency_hz = self._root_hz * 2 ** (semitone / 12)
            self._notes[semitone] = pluck(self._rng, self._sample_rate, 1.2, frequency_hz)
        return self._notes[semitone]


def _guitar(rng: Generator, chord, beat_s: float, strummed: bool):
    """(start within the beat, semitone, level) of each string."""
    if strummed:
        strings = (*chord, *(c + 12 for c in chord))
        up = [(beat_s / 2 + 0.012 * i, c, 0.3) for i, c in enumerate(reversed(strings))]
        return [(0.012 * i, c, 0.5) for i, c in enumerate(strings)] + (
            up if rng.random() < 0.6 else []
        )
    return [(beat_s * i / 4, c, 0.7) for i, c in enumerate((*chord, chord[1] + 12))]


def _kick(rng: Generator, sample_rate: int) -> np.ndarray:
    t = time_axis(sample_rate, 0.3)
    phase = 2 * np.pi * (50 * t + 6 * (1 - np.exp(-t / 0.03)) * rng.uniform(0.4, 0.6))
    return np.sin(phase) * np.exp(-t / 0.09)


def _snare(rng: Generator, sample_rate: int) -> np.ndarray:
    t = time_axis(sample_rate, 0.25)
    wires = noise(rng, sample_rate, 0.25, 900, 8000) * np.exp(-t / 0.05)
    return 0.5 * wires + 0.6 * np.sin(2 * np.pi * rng.uniform(170, 220) * t) * np.exp(-t / 0.04)


def _hat(rng: Generator, sample_rate: int) -> np.ndarray:
    t = time_axis(sample_rate, 0.08)
    return noise(rng, sample_rate, 0.08, min(6000, 0.3 * sample_rate)) * np.exp(-t / 0.02)
