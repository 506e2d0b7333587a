"""Roads heard from a distance: many vehicles, each a little different, and what is far away.

A noise sensor hears this most of the day. The spectrum is that of the standard for noise
barriers (EN 1793-3, normalised road traffic), whose A weighting is taken off again.
"""

import numpy as np
from numpy.random import Generator

from demo_scenes.signals import filter_spectrum, n_samples, normalise, wander
from demo_scenes.space import air_gain, pass_by, reverberate
from demo_scenes.vehicles import engine

_HZ = (31, 63, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500,
       3150, 4000, 5000, 8000, 16000)  # fmt: skip
# levels of third-octaves, the ends below 100 Hz and above 5 kHz by our own judgement
_ROAD_DB = (0, 1, -0.9, -3.9, -4.6, -5.1, -6.4, -7.4, -8.2, -8.8, -9.1, -8.2, -8, -9.6, -11,
            -12.2, -14.3, -16.2, -17, -18.5, -26, -40)  # fmt: skip
_TILT_DB_PER_OCTAVE = (-5.0, 1.0)
_ROOM_SHARE = 0.6


def busy_road(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A road with one to six vehicles near, at several distances, and more of them far away."""
    out = np.zeros(n_samples(sample_rate, duration_s))
    heavy_share = rng.uniform(0, 0.6)
    for _ in range(rng.integers(1, 7)):
        wave = _vehicle(rng, sample_rate, duration_s + 2, heavy=rng.random() < heavy_share)
        passing = pass_by(
            wave,
            sample_rate,
            speed_m_per_s=rng.uniform(6, 16),
            closest_m=np.exp(rng.uniform(*np.log((4, 40)))),
            closest_s=rng.uniform(-2, duration_s + 2),
        )
        out += 10 ** (rng.uniform(-6, 6) / 20) * passing[: len(out)]
    far = _road_noise(rng, sample_rate, duration_s)
    far *= wander(rng, sample_rate, duration_s, 0.4, 0.7, 1.2) * 10 ** (rng.uniform(-25, -8) / 20)
    out = out / (out.std() + 1e-9) + far
    tilt = rng.uniform(*_TILT_DB_PER_OCTAVE)
    out = filter_spectrum(out, sample_rate, lambda f: _tilted(f, tilt, from_hz=60))
    if rng.random() < _ROOM_SHARE:
        out = reverberate(rng, out, sample_rate, rng.uniform(0.3, 1.2), rng.uniform(0, 0.6))
    return normalise(out)


def distant_road(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Traffic behind houses, 50 to 300 m away: no vehicle stands out."""
    wave = _road_noise(rng, sample_rate, duration_s)
    wave *= wander(rng, sample_rate, duration_s, rng.uniform(0.3, 0.8), 0.5, 1.2)
    distance_m = rng.uniform(50, 300)
    return normalise(filter_spectrum(wave, sample_rate, lambda f: air_gain(f, distance_m)))


def _vehicle(rng: Generator, sample_rate: int, duration_s: float, *, heavy: bool) -> np.ndarray:
    """Motor and tyres of one vehicle as it hears itself; a heavy one's motor is the louder part."""
    firing_hz = rng.uniform(40, 70) if heavy else rng.uniform(45, 100)
    firing_hz = firing_hz * wander(rng, sample_rate, duration_s, 0.3, 0.9, 1.1)
    cylinders = 6 if heavy else 4
    motor = engine(rng, sample_rate, firing_hz, cylinders=cylinders, rasp=rng.uniform(0.1, 0.6))
    motor_db = rng.uniform(-6, 8) if heavy else rng.uniform(-12, 2)
    tyres = _road_noise(rng, sample_rate, duration_s)
    tyres *= wander(rng, sample_rate, duration_s, 12, 0.85, 1.15)
    return 10 ** (motor_db / 20) * motor / motor.std() + tyres[: len(motor)]


def _road_noise(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Noise with the spectrum of a road, rms 1."""
    tilt = rng.uniform(-2, 1)
    white = rng.standard_normal(n_samples(sample_rate, duration_s))
    wave = filter_spectrum(white, sample_rate, lambda f: _road_gain(f) * _tilted(f, tilt))
    return wave / wave.std()


def _road_gain(freqs_hz: np.ndarray) -> np.ndarray:
    """Magnitude that gives white noise the levels of a road."""
    hz = np.maximum(freqs_hz, 20)
    level_db = np.interp(np.log(hz), np.log(_HZ), _ROAD_DB)
    return 10 ** (level_db / 20) / np.sqrt(hz / 1000)  # bands grow as wide as they are high


def _tilted(freqs_hz: np.ndarray, db_per_octave: float, *, from_hz: float = 20) -> np.ndarray:
    return 10 ** (db_per_octave * np.log2(np.maximum(freqs_hz, from_hz) / 1000) / 20)
