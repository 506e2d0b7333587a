"""Road and rail: engines, passing vehicles, traffic, and what vehicles warn with."""

import numpy as np
from numpy.random import Generator

from demo_scenes.signals import (
    add_at,
    event_times,
    fade,
    filter_spectrum,
    noise,
    normalise,
    periodic,
    phase_cycles,
    soft_noise,
    tilt_gain,
    time_axis,
    tone,
    wander,
)
from demo_scenes.space import pass_by


def engine(
    rng: Generator,
    sample_rate: int,
    firing_hz: np.ndarray,
    *,
    cylinders: int = 4,
    rasp: float = 0.5,
) -> np.ndarray:
    """A combustion engine along a curve of its firing frequency, rms about 1.

    The wave repeats once per ``cylinders`` firings, and no two cylinders fire alike: this gives
    the half orders that make it sound like an engine and not like an organ. ``rasp`` is the
    mechanical noise that each firing sets off.
    """
    duration_s = len(firing_hz) / sample_rate
    cycle_hz = firing_hz / cylinders * wander(rng, sample_rate, duration_s, 9, 0.985, 1.015)
    n_harmonics = int(min(60 * cylinders, 0.45 * sample_rate / cycle_hz.max()))
    k = np.arange(1, n_harmonics + 1)
    orders_hz = k * float(np.mean(cycle_hz))
    exhaust = 1 / (1 + (orders_hz / 180) ** 1.4)
    uneven = np.where(k % cylinders == 0, 1.0, rng.uniform(0.05, 0.3, len(k)))
    cycles = phase_cycles(cycle_hz, sample_rate)
    pulses = periodic(cycles, exhaust * uneven, rng.uniform(0, 2 * np.pi, len(k)))
    pulses /= pulses.std()

    clatter_envelope = np.exp(-4 * ((cycles * cylinders) % 1.0))
    clatter = noise(rng, sample_rate, duration_s, 300, 4000, tilt_db_per_octave=-3)
    clatter = clatter[: len(pulses)] * clatter_envelope
    return pulses + rasp * clatter / clatter.std()


def engine_idling(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A car, van or lorry at idle, now and then with a touch of the throttle."""
    heavy = rng.random() < 0.5
    idle_hz = rng.uniform(20, 27) if heavy else rng.uniform(24, 32)
    firing_hz = idle_hz * wander(rng, sample_rate, duration_s, 1.2, 0.98, 1.03)
    if rng.random() < 0.25:
        firing_hz = firing_hz * (1 + 0.8 * wander(rng, sample_rate, duration_s, 0.4, 0, 1) ** 4)
    wave = engine(rng, sample_rate, firing_hz, cylinders=6 if heavy else 4, rasp=0.6)
    wave = filter_spectrum(wave, sample_rate, lambda f: tilt_gain(f, 3))  # a tailpipe is small
    fan = noise(rng, sample_rate, duration_s, 80, 1200, tilt_db_per_octave=-3)
    return normalise(wave / wave.std() + 0.25 * fan)


def passing_car(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """One car going by in the clip."""
    speed = rng.uniform(9, 18)
    firing_hz = rng.uniform(55, 95) * wander(rng, sample_rate, duration_s, 0.3, 0.95, 1.05)
    tyres = soft_noise(rng, sample_rate, duration_s, (250, 1800), -2)
    tyres *= wander(rng, sample_rate, duration_s, 15, 0.9, 1.1)
    wave = 0.5 * engine(rng, sample_rate, firing_hz, rasp=0.3) + 1.1 * tyres
    return _driven_past(rng, wave, sample_rate, duration_s, speed, rng.uniform(4, 9))


def passing_truck(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A lorry or bus going by: slower, lower, louder engine, air brake at times."""
    speed = rng.uniform(6, 12)
    firing_hz = rng.uniform(40, 65) * wander(rng, sample_rate, duration_s, 0.4, 0.9, 1.1)
    tyres = soft_noise(rng, sample_rate, duration_s, (120, 1200), -3)
    wave = engine(rng, sample_rate, firing_hz, cylinders=6, rasp=0.7) + 0.7 * tyres
    wave = _driven_past(rng, wave, sample_rate, duration_s, speed, rng.uniform(5, 10))
    if rng.random() < 0.5:
        hiss = noise(rng, sample_rate, 0.7, 2500, 9000) * np.exp(-5 * time_axis(sample_rate, 0.7))
        add_at(wave, 0.12 * hiss, sample_rate, rng.uniform(0.2, 0.8) * duration_s)
    return normalise(wave)


def motorcycle(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A motorcycle or scooter that pulls away through its gears while it goes by."""
    t = time_axis(sample_rate, duration_s)
    gear_s = rng.uniform(1.5, 2.6)
    sweep = ((t + rng.uniform(0, gear_s)) % gear_s) / gear_s
    firing_hz = rng.uniform(60, 95) * (1 + 0.9 * np.sqrt(sweep))
    wave = engine(rng, sample_rate, firing_hz, cylinders=2, rasp=0.6)
    wave = filter_spectrum(wave, sample_rate, lambda f: 1 + 2 * np.exp(-(((f - 500) / 300) ** 2)))
    wave = np.tanh(0.8 * wave)
    return _driven_past(rng, wave, sample_rate, duration_s, rng.uniform(7, 13), rng.uniform(4, 9))


def traffic_hum(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Many vehicles far away: a low, slowly moving roar."""
    roar = noise(rng, sample_rate, duration_s, 35, 260, tilt_db_per_octave=-4)
    roar *= wander(rng, sample_rate, duration_s, 0.5, 0.6, 1.2)
    road = noise(rng, sample_rate, duration_s, 400, 1100, tilt_db_per_octave=-3)
    road *= wander(rng, sample_rate, duration_s, 0.3, 0.05, 0.16)
    hum = 0.3 * engine(rng, sample_rate, np.full(len(roar), rng.uniform(28, 45)), rasp=0.0)
    return normalise(roar + road + hum)


def siren(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """An emergency vehicle: wail, yelp or two tones; standing or driving past."""
    t = time_axis(sample_rate, duration_s)
    kind = rng.choice(["wail", "yelp", "two tones"])
    shift = rng.uniform(0, 4)
    if kind == "two tones":
        low_hz = rng.uniform(430, 560)
        swing = np.sin(2 * np.pi * (t + shift) / rng.uniform(1.1, 1.5))
        frequency_hz = low_hz * 1.335 ** (0.5 + 0.5 * np.tanh(6 * swing))  # a fourth apart
        k = np.arange(1, 12)
        amplitudes = (k % 2) / k  # a square wave
    else:
        rate_hz = rng.uniform(0.18, 0.35) if kind == "wail" else rng.uniform(2.8, 4.2)
        rise = 0.5 - 0.5 * np.cos(2 * np.pi * rate_hz * (t + shift))
        frequency_hz = 620 * (rng.uniform(1.9, 2.3) ** rise)
        amplitudes = 1 / np.arange(1, 13)
    wave = tone(frequency_hz, sample_rate, amplitudes)
    if rng.random() < 0.5:
        wave = pass_by(
            wave,
            sample_rate,
            speed_m_per_s=rng.uniform(12, 20),
            closest_m=rng.uniform(15, 40),
            closest_s=rng.uniform(0.2, 0.8) * duration_s,
        )
    return normalise(wave)


def car_horn(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Some honks of a two-note horn."""
    root_hz = rng.uniform(330, 440)
    out = np.zeros(len(time_axis(sample_rate, duration_s)))
    for start_s in event_times(rng, duration_s, 2.0, min_gap_s=0.6):
        length_s = rng.uniform(0.2, 0.9)
        t = time_axis(sample_rate, length_s)
        k = np.arange(1, 31)
        wave = np.zeros(len(t))
        for pitch_hz in (root_hz, root_hz * 1.25):  # a major third, as most cars have it
            bright = k**-0.5 / (1 + (k * pitch_hz / 3200) ** 4) * (1 + 2 * (k * pitch_hz > 1500))
            start_glide = 1 - 0.02 * np.exp(-t / 0.02)
            wave += tone(pitch_hz * start_glide, sample_rate, bright)
        add_at(out, fade(wave, sample_rate, 0.012, 0.03), sample_rate, start_s)
    return normalise(out)


def reversing_beeps(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """The warning tone of a lorry that backs up."""
    t = time_axis(sample_rate, duration_s)
    period_s = rng.uniform(0.8, 1.2)
    on = ((t + rng.uniform(0, 0.2)) % period_s) < 0.5 * period_s
    ramp = np.ones(round(0.012 * sample_rate))
    gate = np.convolve(on, ramp / len(ramp), mode="same")
    return normalise(
        gate * tone(np.full(len(t), rng.uniform(950, 1350)), sample_rate, [1, 0.1, 0.3])
    )


def _driven_past(
    rng: Generator,
    wave: np.ndarray,
    sample_rate: int,
    duration_s: float,
    speed_m_per_s: float,
    closest_m: float,
) -> np.ndarray:
    moved = pass_by(
        wave,
        sample_rate,
        speed_m_per_s=speed_m_per_s,
        closest_m=closest_m,
        closest_s=rng.uniform(0.3, 0.7) * duration_s,
    )
    return normalise(moved)
