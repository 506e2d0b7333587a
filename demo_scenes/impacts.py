"""Single blows: steps, hammering, bangs."""

import numpy as np
from numpy.random import Generator

from demo_scenes.signals import (
    add_at,
    decay,
    event_times,
    fade,
    n_samples,
    noise,
    normalise,
    resonate,
    time_axis,
)


def footsteps(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """One person walking: heel, then sole, on a hard or a gritty ground."""
    out = np.zeros(n_samples(sample_rate, duration_s))
    step_s = rng.uniform(0.48, 0.62)
    hard = rng.random() < 0.6
    body = [(rng.uniform(90, 160), 60, 1.5), (rng.uniform(300, 600), 150, 1.0)]
    sole_hz = rng.uniform(1200, 2200) if hard else rng.uniform(2500, 4000)
    at_s = rng.uniform(0, 0.1)
    while at_s < duration_s:
        heel = noise(rng, sample_rate, 0.12, 60, sole_hz) * decay(sample_rate, 0.12, 0.09)
        heel = heel + resonate(heel, sample_rate, body)
        scrape = noise(rng, sample_rate, 0.16, sole_hz, 2.5 * sole_hz)
        scrape = fade(scrape, sample_rate, 0.02, 0.12) * (0.12 if hard else 0.5)
        level = rng.uniform(0.7, 1)
        add_at(out, level * fade(heel, sample_rate, 0.001, 0.02), sample_rate, at_s)
        add_at(out, level * scrape, sample_rate, at_s + 0.06)
        at_s += step_s * rng.uniform(0.95, 1.05)
    return normalise(out)


def hammering(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A hand hammer on wood or metal: rows of sharp blows."""
    metal = rng.random() < 0.5
    modes = [
        (rng.uniform(350, 900) * (2.2**i if metal else 1.7**i), 12 if metal else 90, 0.9 / (i + 1))
        for i in range(4)
    ]
    out = np.zeros(n_samples(sample_rate, duration_s))
    for row_s in event_times(rng, duration_s, 3.0, min_gap_s=2.5):
        gap_s = rng.uniform(0.3, 0.5)
        for i in range(rng.integers(3, 7)):
            click = np.zeros(n_samples(sample_rate, 0.5))
            burst = noise(rng, sample_rate, 0.02, 300, 9000) * decay(sample_rate, 0.02, 0.015)
            add_at(click, burst, sample_rate, 0)
            blow = 0.5 * click + 6 * resonate(click, sample_rate, modes)
            blow = fade(blow, sample_rate, 0.0005, 0.1)
            add_at(out, rng.uniform(0.6, 1) * blow, sample_rate, row_s + i * gap_s)
    return normalise(out)


def gunshot(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """One to three bangs: a blast wave, its boom, and echoes from house fronts."""
    out = np.zeros(n_samples(sample_rate, duration_s))
    echoes = [(float(e), float(10 ** (-e * 2))) for e in rng.uniform(0.05, 0.5, 5)]
    for start_s in event_times(rng, min(duration_s, rng.uniform(0.3, 3)), 1.2, min_gap_s=0.8):
        bang = _bang(rng, sample_rate)
        add_at(out, bang, sample_rate, start_s)
        for delay_s, gain in echoes:
            add_at(out, 0.12 * gain * bang, sample_rate, start_s + delay_s)
    return normalise(out)


def _bang(rng: Generator, sample_rate: int) -> np.ndarray:
    length_s = 1.5
    t = time_axis(sample_rate, length_s)
    blast = (1 - t / 0.0015) * np.exp(-t / 0.0015)  # Friedlander's blast wave
    crack = noise(rng, sample_rate, length_s, 200, 9000, tilt_db_per_octave=-3) * np.exp(-t / 0.08)
    boom = noise(rng, sample_rate, length_s, 40, 400, tilt_db_per_octave=-3) * np.exp(-t / 0.12)
    tail = noise(rng, sample_rate, length_s, 80, 4000, tilt_db_per_octave=-4) * np.exp(-t / 0.3)
    return 2 * blast + 0.8 * crack + 0.5 * boom + 0.2 * tail
