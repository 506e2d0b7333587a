"""Roads heard from a distance, and what is far away: weather, and the city that is always there.

A noise sensor hears roads most of the day: many vehicles, each a little different. Their spectrum
is that of the standard for noise barriers (EN 1793-3, normalised road traffic), whose A weighting
is taken off again.
"""

import numpy as np

from demo_scenes.signals import Synth, band_gain, normalise, tilt_gain
from demo_scenes.space import air_gain, pass_by, reverberate
from demo_scenes.vehicles import engine

_HZ = (31, 63, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500,
       3150, 4000, 5000, 8000, 16000)  # fmt: skip
# levels of third-octaves, the ends below 100 Hz and above 5 kHz by our own judgement
_ROAD_DB = (0, 1, -0.9, -3.9, -4.6, -5.1, -6.4, -7.4, -8.2, -8.8, -9.1, -8.2, -8, -9.6, -11,
            -12.2, -14.3, -16.2, -17, -18.5, -26, -40)  # fmt: skip
_TILT_DB_PER_OCTAVE = (-5.0, 1.0)
_ROOM_SHARE = 0.6


def rain(synth: Synth, duration_s: float) -> np.ndarray:
    """Steady rain: a hiss of small drops and the patter of large ones nearby."""
    hiss = synth.noise(duration_s, 500, 9000, tilt_db_per_octave=-4, order=1)
    drops = synth.silence(duration_s)
    n_drops = int(duration_s * synth.uniform(60, 200))
    where = synth.integers(len(drops), size=n_drops)
    np.add.at(drops, where, synth.exponential(1, n_drops) ** 2 * synth.choice([-1, 1], n_drops))
    patter = synth.filter(drops, lambda f: band_gain(f, 800, 5000, 1))
    return normalise(hiss + 1.2 * patter / (patter.std() + 1e-9))


def wind(synth: Synth, duration_s: float) -> np.ndarray:
    """Gusts: low roar, with a whistle that follows their strength."""
    gust = synth.wander(duration_s, 0.6, 0.15, 1)
    roar = synth.noise(duration_s, 20, 350, tilt_db_per_octave=-3) * gust
    hiss = synth.noise(duration_s, 300, 5000, tilt_db_per_octave=-5)
    frame_gust = gust[:: max(1, synth.sample_rate // 100)]
    frame_s = np.arange(len(frame_gust)) / 100

    def whistle(freqs_hz: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        centre_hz = 350 + 550 * np.interp(times_s, frame_s, frame_gust)
        return 1 / (1 + ((freqs_hz - centre_hz) / 180) ** 2)

    return normalise(roar + 0.8 * synth.filter_over_time(hiss, whistle) * gust)


def city_air(synth: Synth, duration_s: float) -> np.ndarray:
    """The sum of everything too far away to be named: an even rumble without any event."""
    rumble = synth.noise(duration_s, 30, 250, tilt_db_per_octave=-3)
    air = synth.noise(duration_s, 250, 6000, tilt_db_per_octave=-6)
    return normalise(rumble + 0.25 * air)


def busy_road(synth: Synth, duration_s: float) -> np.ndarray:
    """A road with one to six vehicles near, at several distances, and more of them far away."""
    out = synth.silence(duration_s)
    heavy_share = synth.uniform(0, 0.6)
    for _ in range(synth.integers(1, 7)):
        wave = _vehicle(synth, duration_s + 2, heavy=synth.random() < heavy_share)
        passing = pass_by(
            synth,
            wave,
            speed_m_per_s=synth.uniform(6, 16),
            closest_m=np.exp(synth.uniform(*np.log((4, 40)))),
            closest_s=synth.uniform(-2, duration_s + 2),
        )
        out += 10 ** (synth.uniform(-6, 6) / 20) * passing[: len(out)]
    far = _road_noise(synth, duration_s)
    far *= synth.wander(duration_s, 0.4, 0.7, 1.2) * 10 ** (synth.uniform(-25, -8) / 20)
    out = out / (out.std() + 1e-9) + far
    tilt = synth.uniform(*_TILT_DB_PER_OCTAVE)
    out = synth.filter(out, lambda f: tilt_gain(f, tilt, from_hz=60))
    if synth.random() < _ROOM_SHARE:
        out = reverberate(synth, out, synth.uniform(0.3, 1.2), synth.uniform(0, 0.6))
    return normalise(out)


def distant_road(synth: Synth, duration_s: float) -> np.ndarray:
    """Traffic behind houses, 50 to 300 m away: no vehicle stands out."""
    wave = _road_noise(synth, duration_s)
    wave *= synth.wander(duration_s, synth.uniform(0.3, 0.8), 0.5, 1.2)
    distance_m = synth.uniform(50, 300)
    return normalise(synth.filter(wave, lambda f: air_gain(f, distance_m)))


def _vehicle(synth: Synth, duration_s: float, *, heavy: bool) -> np.ndarray:
    """Motor and tyres of one vehicle as it hears itself; a heavy one's motor is the louder part."""
    firing_hz = synth.uniform(40, 70) if heavy else synth.uniform(45, 100)
    firing_hz = firing_hz * synth.wander(duration_s, 0.3, 0.9, 1.1)
    cylinders = 6 if heavy else 4
    motor = engine(synth, firing_hz, cylinders=cylinders, rasp=synth.uniform(0.1, 0.6))
    motor_db = synth.uniform(-6, 8) if heavy else synth.uniform(-12, 2)
    tyres = _road_noise(synth, duration_s)
    tyres *= synth.wander(duration_s, 12, 0.85, 1.15)
    return 10 ** (motor_db / 20) * motor / motor.std() + tyres[: len(motor)]


def _road_noise(synth: Synth, duration_s: float) -> np.ndarray:
    """Noise with the spectrum of a road, rms 1."""
    tilt = synth.uniform(-2, 1)
    white = synth.standard_normal(synth.n_samples(duration_s))
    wave = synth.filter(white, lambda f: _road_gain(f) * tilt_gain(f, tilt))
    return wave / wave.std()


def _road_gain(freqs_hz: np.ndarray) -> np.ndarray:
    """Magnitude that gives white noise the levels of a road."""
    hz = np.maximum(freqs_hz, 20)
    level_db = np.interp(np.log(hz), np.log(_HZ), _ROAD_DB)
    return 10 ** (level_db / 20) / np.sqrt(hz / 1000)  # bands grow as wide as they are high
