"""Road and rail: engines, passing vehicles, traffic, and what vehicles warn with."""

import numpy as np

from demo_scenes.signals import Synth, normalise, periodic, tilt_gain
from demo_scenes.space import pass_by


def engine(
    synth: Synth, firing_hz: np.ndarray, *, cylinders: int = 4, rasp: float = 0.5
) -> np.ndarray:
    """A combustion engine along a curve of its firing frequency, rms about 1.

    The wave repeats once per ``cylinders`` firings, and no two cylinders fire alike: this gives
    the half orders that make it sound like an engine and not like an organ. ``rasp`` is the
    mechanical noise that each firing sets off.
    """
    duration_s = len(firing_hz) / synth.sample_rate
    cycle_hz = firing_hz / cylinders * synth.wander(duration_s, 9, 0.985, 1.015)
    n_harmonics = int(min(60 * cylinders, 0.45 * synth.sample_rate / cycle_hz.max()))
    k = np.arange(1, n_harmonics + 1)
    orders_hz = k * float(np.mean(cycle_hz))
    exhaust = 1 / (1 + (orders_hz / 180) ** 1.4)
    uneven = np.where(k % cylinders == 0, 1.0, synth.uniform(0.05, 0.3, len(k)))
    cycles = synth.phase_cycles(cycle_hz)
    pulses = periodic(cycles, exhaust * uneven, synth.uniform(0, 2 * np.pi, len(k)))
    pulses /= pulses.std()

    clatter_envelope = np.exp(-4 * ((cycles * cylinders) % 1.0))
    clatter = synth.noise(duration_s, 300, 4000, tilt_db_per_octave=-3)
    clatter = clatter[: len(pulses)] * clatter_envelope
    return pulses + rasp * clatter / clatter.std()


def engine_idling(synth: Synth, duration_s: float) -> np.ndarray:
    """A car, van or lorry at idle, now and then with a touch of the throttle."""
    heavy = synth.random() < 0.5
    idle_hz = synth.uniform(20, 27) if heavy else synth.uniform(24, 32)
    firing_hz = idle_hz * synth.wander(duration_s, 1.2, 0.98, 1.03)
    if synth.random() < 0.25:
        firing_hz = firing_hz * (1 + 0.8 * synth.wander(duration_s, 0.4, 0, 1) ** 4)
    wave = engine(synth, firing_hz, cylinders=6 if heavy else 4, rasp=0.6)
    wave = synth.filter(wave, lambda f: tilt_gain(f, 3))  # a tailpipe is small
    fan = synth.noise(duration_s, 80, 1200, tilt_db_per_octave=-3)
    return normalise(wave / wave.std() + 0.25 * fan)


def passing_car(synth: Synth, duration_s: float) -> np.ndarray:
    """One car going by in the clip."""
    speed = synth.uniform(9, 18)
    firing_hz = synth.uniform(55, 95) * synth.wander(duration_s, 0.3, 0.95, 1.05)
    tyres = synth.noise(duration_s, 250, 1800, tilt_db_per_octave=-2, order=1)
    tyres *= synth.wander(duration_s, 15, 0.9, 1.1)
    wave = 0.5 * engine(synth, firing_hz, rasp=0.3) + 1.1 * tyres
    return _driven_past(synth, wave, duration_s, speed, synth.uniform(4, 9))


def passing_truck(synth: Synth, duration_s: float) -> np.ndarray:
    """A lorry or bus going by: slower, lower, louder engine, air brake at times."""
    speed = synth.uniform(6, 12)
    firing_hz = synth.uniform(40, 65) * synth.wander(duration_s, 0.4, 0.9, 1.1)
    tyres = synth.noise(duration_s, 120, 1200, tilt_db_per_octave=-3, order=1)
    wave = engine(synth, firing_hz, cylinders=6, rasp=0.7) + 0.7 * tyres
    wave = _driven_past(synth, wave, duration_s, speed, synth.uniform(5, 10))
    if synth.random() < 0.5:
        hiss = synth.noise(0.7, 2500, 9000) * np.exp(-5 * synth.time_axis(0.7))
        synth.add_at(wave, 0.12 * hiss, synth.uniform(0.2, 0.8) * duration_s)
    return normalise(wave)


def motorcycle(synth: Synth, duration_s: float) -> np.ndarray:
    """A motorcycle or scooter that pulls away through its gears while it goes by."""
    t = synth.time_axis(duration_s)
    gear_s = synth.uniform(1.5, 2.6)
    sweep = ((t + synth.uniform(0, gear_s)) % gear_s) / gear_s
    firing_hz = synth.uniform(60, 95) * (1 + 0.9 * np.sqrt(sweep))
    wave = engine(synth, firing_hz, cylinders=2, rasp=0.6)
    wave = synth.filter(wave, lambda f: 1 + 2 * np.exp(-(((f - 500) / 300) ** 2)))
    wave = np.tanh(0.8 * wave)
    return _driven_past(synth, wave, duration_s, synth.uniform(7, 13), synth.uniform(4, 9))


def traffic_hum(synth: Synth, duration_s: float) -> np.ndarray:
    """Many vehicles far away: a low, slowly moving roar."""
    roar = synth.noise(duration_s, 35, 260, tilt_db_per_octave=-4)
    roar *= synth.wander(duration_s, 0.5, 0.6, 1.2)
    road = synth.noise(duration_s, 400, 1100, tilt_db_per_octave=-3)
    road *= synth.wander(duration_s, 0.3, 0.05, 0.16)
    hum = 0.3 * engine(synth, np.full(len(roar), synth.uniform(28, 45)), rasp=0.0)
    return normalise(roar + road + hum)


def siren(synth: Synth, duration_s: float) -> np.ndarray:
    """An emergency vehicle: wail, yelp or two tones; standing or driving past."""
    t = synth.time_axis(duration_s)
    kind = synth.choice(["wail", "yelp", "two tones"])
    shift = synth.uniform(0, 4)
    if kind == "two tones":
        low_hz = synth.uniform(430, 560)
        swing = np.sin(2 * np.pi * (t + shift) / synth.uniform(1.1, 1.5))
        frequency_hz = low_hz * 1.335 ** (0.5 + 0.5 * np.tanh(6 * swing))  # a fourth apart
        k = np.arange(1, 12)
        amplitudes = (k % 2) / k  # a square wave
    else:
        rate_hz = synth.uniform(0.18, 0.35) if kind == "wail" else synth.uniform(2.8, 4.2)
        rise = 0.5 - 0.5 * np.cos(2 * np.pi * rate_hz * (t + shift))
        frequency_hz = 620 * (synth.uniform(1.9, 2.3) ** rise)
        amplitudes = 1 / np.arange(1, 13)
    wave = synth.tone(frequency_hz, amplitudes)
    if synth.random() < 0.5:
        wave = pass_by(
            synth,
            wave,
            speed_m_per_s=synth.uniform(12, 20),
            closest_m=synth.uniform(15, 40),
            closest_s=synth.uniform(0.2, 0.8) * duration_s,
        )
    return normalise(wave)


def car_horn(synth: Synth, duration_s: float) -> np.ndarray:
    """Some honks of a two-note horn."""
    root_hz = synth.uniform(330, 440)
    out = synth.silence(duration_s)
    for start_s in synth.event_times(duration_s, 2.0, min_gap_s=0.6):
        length_s = synth.uniform(0.2, 0.9)
        t = synth.time_axis(length_s)
        k = np.arange(1, 31)
        wave = np.zeros(len(t))
        for pitch_hz in (root_hz, root_hz * 1.25):  # a major third, as most cars have it
            bright = k**-0.5 / (1 + (k * pitch_hz / 3200) ** 4) * (1 + 2 * (k * pitch_hz > 1500))
            start_glide = 1 - 0.02 * np.exp(-t / 0.02)
            wave += synth.tone(pitch_hz * start_glide, bright)
        synth.add_at(out, synth.fade(wave, 0.012, 0.03), start_s)
    return normalise(out)


def reversing_beeps(synth: Synth, duration_s: float) -> np.ndarray:
    """The warning tone of a lorry that backs up."""
    t = synth.time_axis(duration_s)
    period_s = synth.uniform(0.8, 1.2)
    on = ((t + synth.uniform(0, 0.2)) % period_s) < 0.5 * period_s
    ramp = np.ones(round(0.012 * synth.sample_rate))
    gate = np.convolve(on, ramp / len(ramp), mode="same")
    return normalise(gate * synth.tone(np.full(len(t), synth.uniform(950, 1350)), [1, 0.1, 0.3]))


def _driven_past(
    synth: Synth, wave: np.ndarray, duration_s: float, speed_m_per_s: float, closest_m: float
) -> np.ndarray:
    moved = pass_by(
        synth,
        wave,
        speed_m_per_s=speed_m_per_s,
        closest_m=closest_m,
        closest_s=synth.uniform(0.3, 0.7) * duration_s,
    )
    return normalise(moved)
