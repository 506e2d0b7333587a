"""Rain, wind, and the far city that is always there."""

import numpy as np
from numpy.random import Generator

from demo_scenes.signals import (
    band_gain,
    filter_over_time,
    filter_spectrum,
    n_samples,
    noise,
    normalise,
    soft_noise,
    wander,
)


def rain(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Steady rain: a hiss of small drops and the patter of large ones nearby."""
    hiss = soft_noise(rng, sample_rate, duration_s, (500, 9000), -4)
    drops = np.zeros(n_samples(sample_rate, duration_s))
    n_drops = int(duration_s * rng.uniform(60, 200))
    where = rng.integers(len(drops), size=n_drops)
    np.add.at(drops, where, rng.exponential(1, n_drops) ** 2 * rng.choice([-1, 1], n_drops))
    patter = filter_spectrum(drops, sample_rate, lambda f: band_gain(f, 800, 5000, 1))
    return normalise(hiss + 1.2 * patter / (patter.std() + 1e-9))


def wind(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Gusts: low roar, with a whistle that follows their strength."""
    gust = wander(rng, sample_rate, duration_s, 0.6, 0.15, 1)
    roar = noise(rng, sample_rate, duration_s, 20, 350, tilt_db_per_octave=-3) * gust
    hiss = noise(rng, sample_rate, duration_s, 300, 5000, tilt_db_per_octave=-5)
    frame_gust = gust[:: max(1, sample_rate // 100)]
    frame_s = np.arange(len(frame_gust)) / 100

    def whistle(freqs_hz: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        centre_hz = 350 + 550 * np.interp(times_s, frame_s, frame_gust)
        return 1 / (1 + ((freqs_hz - centre_hz) / 180) ** 2)

    return normalise(roar + 0.8 * filter_over_time(hiss, sample_rate, whistle) * gust)


def city_air(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """The sum of everything too far away to be named: an even rumble without any event."""
    rumble = noise(rng, sample_rate, duration_s, 30, 250, tilt_db_per_octave=-3)
    air = noise(rng, sample_rate, duration_s, 250, 6000, tilt_db_per_octave=-6)
    return normalise(rumble + 0.25 * air)
