"""Building sites and buildings: hammers, drills, saws, fans."""

import numpy as np

from demo_scenes.signals import Synth, normalise, periodic, tilt_gain
from demo_scenes.vehicles import engine


def jackhammer(synth: Synth, duration_s: float) -> np.ndarray:
    """A pneumatic breaker: 13 to 20 blows a second on stone, with its compressor."""
    blows_hz = synth.uniform(13, 20) * synth.wander(duration_s, 3, 0.96, 1.04)
    cycles = synth.phase_cycles(blows_hz)
    since_blow_s = (cycles % 1.0) / blows_hz
    blow = np.floor(cycles).astype(int)
    strength = synth.uniform(0.6, 1.0, blow[-1] + 1)[blow]
    crack = synth.noise(duration_s, 300, 9000)
    crack *= strength * np.exp(-since_blow_s / 0.02)
    chisel = [(synth.uniform(900, 3800), 60, 1.0) for _ in range(4)]
    ring = synth.resonate(crack, chisel)
    thump = strength * np.exp(-since_blow_s / 0.015) * np.sin(2 * np.pi * 75 * since_blow_s)
    air = synth.noise(duration_s, 1500, 8000) * (0.3 + np.exp(-since_blow_s / 0.02))
    compressor = engine(synth, np.full(len(crack), synth.uniform(45, 60)), rasp=0.5)
    hits = crack / crack.std() + 0.3 * ring / (ring.std() + 1e-9) + 0.4 * thump / thump.std()
    work = _bouts(synth, duration_s, pause_chance=0.25)
    return normalise(hits * work + 0.15 * air * work + 0.04 * compressor)


def drill(synth: Synth, duration_s: float) -> np.ndarray:
    """A hammer drill in a wall: whining motor, rattling bit."""
    work = _bouts(synth, duration_s, pause_chance=0.35)
    load = synth.wander(duration_s, 2, 0.94, 1.03)
    motor_hz = synth.uniform(260, 420) * (0.5 + 0.5 * work) * load
    k = np.arange(1, 36)
    amplitudes = synth.uniform(0.3, 1, len(k)) / (1 + (k / 9) ** 2)
    whine = synth.tone(motor_hz, amplitudes)
    blows = synth.phase_cycles(synth.uniform(42, 65) * load) % 1.0
    rattle = synth.noise(duration_s, 700, 6500) * np.exp(-5 * blows)
    grit = synth.noise(duration_s, 1200, 9000)
    wave = whine / whine.std() + 0.9 * rattle / rattle.std() + 0.35 * grit
    bright = synth.filter(wave, lambda f: tilt_gain(f, 3))
    return normalise(bright * work**2 + 0.01 * grit)


def circular_saw(synth: Synth, duration_s: float) -> np.ndarray:
    """A table or hand saw: free-running whine that drops and screams in the wood."""
    cut = _bouts(synth, duration_s, pause_chance=0.5)
    blade_hz = synth.uniform(62, 80) * (1 - 0.13 * cut) * synth.wander(duration_s, 3, 0.99, 1.01)
    teeth = int(synth.integers(20, 32))
    cycles = synth.phase_cycles(blade_hz)
    whine = periodic(
        cycles * teeth, [1, 0.5, 0.3][: max(1, int(0.45 * synth.sample_rate / (80 * teeth)))]
    )
    motor = periodic(cycles * 5, 1 / np.arange(1, 13))
    scream = synth.noise(duration_s, 1500, 9000) * (1 + 0.5 * whine)
    wave = whine * (0.5 + 0.7 * cut) + 0.5 * motor + (0.15 + 0.8 * cut) * scream
    return normalise(wave)


def chainsaw(synth: Synth, duration_s: float) -> np.ndarray:
    """A two-stroke saw: idling, then revving into the wood."""
    rev = _bouts(synth, duration_s, pause_chance=0.4)
    firing_hz = 48 + synth.uniform(75, 115) * rev * synth.wander(duration_s, 2, 0.85, 1)
    wave = engine(synth, firing_hz, cylinders=1, rasp=0.8)
    bright = synth.filter(wave, lambda f: tilt_gain(f, 6))
    chain = synth.noise(duration_s, 2000, 8000)
    return normalise(np.tanh(0.7 * bright) * (0.25 + 0.75 * rev) + 0.18 * chain * rev)


def air_conditioner(synth: Synth, duration_s: float) -> np.ndarray:
    """A unit on a wall: fan noise, blade tone, the hum of its motor at the mains frequency."""
    mains_hz = synth.choice([50.0, 60.0])
    t = synth.time_axis(duration_s)
    hum = synth.tone(np.full(len(t), 2 * mains_hz), [1, 0.35, 0.15, 0.08, 0.03])
    hum *= 1 + 0.1 * np.sin(2 * np.pi * synth.uniform(0.5, 2) * t)  # beating motors
    blade_hz = synth.uniform(60, 140)
    blades = synth.tone(np.full(len(t), blade_hz), [1, 0.5, 0.2])
    fan = synth.noise(duration_s, 60, 450, tilt_db_per_octave=-3)
    fan *= 1 + 0.15 * np.sin(2 * np.pi * blade_hz / 5 * t)
    air = synth.noise(duration_s, 500, 4000, tilt_db_per_octave=-4)
    return normalise(hum + 0.4 * blades + 0.8 * fan + synth.uniform(0.08, 0.3) * air)


def ventilation(synth: Synth, duration_s: float) -> np.ndarray:
    """The air of a large building: broad, even, without tones."""
    return normalise(synth.noise(duration_s, 50, 900, tilt_db_per_octave=-4))


def _bouts(synth: Synth, duration_s: float, *, pause_chance: float) -> np.ndarray:
    """Curve between 0 (pause) and 1 (at work); work comes first, so a short clip has it."""
    points_s, level = [0.0], [1.0]
    while points_s[-1] < duration_s:
        length_s = synth.uniform(1.0, 3.0)
        points_s.append(points_s[-1] + length_s)
        level.append(level[-1])
        points_s.append(points_s[-1] + 0.25)
        level.append(0.0 if level[-1] and synth.random() < pause_chance else 1.0)
    return np.interp(synth.time_axis(duration_s), points_s, level)
