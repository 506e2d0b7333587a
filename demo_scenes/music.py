"""Street music: plucked strings (Karplus and Strong, 1983), bass and drums."""

import functools

import numpy as np
import scipy  # its parts load when they are used

from demo_scenes.signals import Synth, band_gain, normalise

_CHORDS = ((0, 4, 7), (7, 11, 14), (9, 12, 16), (5, 9, 12))  # I V vi IV, semitones above the root
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)  # pentatonic: no wrong notes for the tune
_DAMPING = 0.996  # of a string, in each round


def pluck(synth: Synth, duration_s: float, frequency_hz: float) -> np.ndarray:
    """One plucked string: noise that runs round a damped delay line of one period."""
    period = synth.sample_rate / frequency_hz - 0.5  # the averaging below delays by half a sample
    whole = int(period)
    fraction = period - whole
    excitation = synth.silence(duration_s)
    length = min(whole, len(excitation))
    burst = synth.uniform(-1, 1, length)
    excitation[:length] = scipy.signal.lfilter([0.6, 0.4], [1], burst)
    # loop filter: two-point mean (damping) convolved with linear interpolation (fine tuning)
    loop = _DAMPING * np.convolve([0.5, 0.5], [1 - fraction, fraction])
    feedback = np.concatenate([[1.0], np.zeros(whole - 1), -loop])
    return synth.fade(scipy.signal.lfilter([1.0], feedback, excitation), 0.001, 0.05)


def street_music(synth: Synth, duration_s: float) -> np.ndarray:
    """A guitarist, mostly with bass and drums, somewhere between strumming and picking."""
    beat_s = 60 / synth.uniform(84, 126)
    root_hz = 110 * 2 ** (synth.integers(0, 8) / 12)
    out = synth.silence(duration_s)
    n_beats = int(np.ceil(duration_s / beat_s))
    strummed, with_bass, with_drums = (
        synth.random() < 0.5,
        synth.random() < 0.7,
        synth.random() < 0.6,
    )

    @functools.cache  # each pitch is plucked once and used again, as a sampler does
    def note(semitone: int) -> np.ndarray:
        return pluck(synth, 1.2, root_hz * 2 ** (semitone / 12))

    for beat in range(n_beats):
        chord = _CHORDS[(beat // 4) % len(_CHORDS)]
        at_s = beat * beat_s
        for start_s, semitone, level in _guitar(synth, chord, beat_s, strummed):
            synth.add_at(out, level * note(semitone), at_s + start_s)
        if with_bass and beat % 2 == 0:
            synth.add_at(out, 0.9 * note(chord[0] - 12), at_s)
        if synth.random() < 0.6:
            tune = 12 + int(synth.choice(_SCALE))
            synth.add_at(out, 0.7 * note(tune), at_s + beat_s * synth.choice([0, 0.5]))
    guitar = synth.filter(out, lambda f: band_gain(f, 70, 6500, 1))
    guitar = normalise(guitar)
    if not with_drums:
        return guitar
    return normalise(guitar + 0.6 * drums(synth, duration_s, beat_s))


def drums(synth: Synth, duration_s: float, beat_s: float | None = None) -> np.ndarray:
    """Kick, snare and hi-hat in a plain rock beat."""
    beat_s = 60 / synth.uniform(84, 126) if beat_s is None else beat_s
    out = synth.silence(duration_s)
    kick, snare, hat = (make(synth) for make in (_kick, _snare, _hat))
    for eighth in range(int(np.ceil(2 * duration_s / beat_s))):
        at_s = eighth * beat_s / 2
        synth.add_at(out, synth.uniform(0.15, 0.3) * hat, at_s)
        if eighth % 8 in (0, 4) or (eighth % 8 == 5 and synth.random() < 0.5):
            synth.add_at(out, kick, at_s)
        if eighth % 4 == 2:
            synth.add_at(out, 0.7 * snare, at_s)
    return normalise(out)


def _guitar(synth: Synth, chord, beat_s: float, strummed: bool):
    """(start within the beat, semitone, level) of each string."""
    if strummed:
        strings = (*chord, *(c + 12 for c in chord))
        up = [(beat_s / 2 + 0.012 * i, c, 0.3) for i, c in enumerate(reversed(strings))]
        return [(0.012 * i, c, 0.5) for i, c in enumerate(strings)] + (
            up if synth.random() < 0.6 else []
        )
    return [(beat_s * i / 4, c, 0.7) for i, c in enumerate((*chord, chord[1] + 12))]


def _kick(synth: Synth) -> np.ndarray:
    t = synth.time_axis(0.3)
    phase = 2 * np.pi * (50 * t + 6 * (1 - np.exp(-t / 0.03)) * synth.uniform(0.4, 0.6))
    return np.sin(phase) * np.exp(-t / 0.09)


def _snare(synth: Synth) -> np.ndarray:
    t = synth.time_axis(0.25)
    wires = synth.noise(0.25, 900, 8000) * np.exp(-t / 0.05)
    return 0.5 * wires + 0.6 * np.sin(2 * np.pi * synth.uniform(170, 220) * t) * np.exp(-t / 0.04)


def _hat(synth: Synth) -> np.ndarray:
    t = synth.time_axis(0.08)
    return synth.noise(0.08, min(6000, 0.3 * synth.sample_rate)) * np.exp(-t / 0.02)
