"""Inside vehicles and large halls: rails, doors, announcements, trolleys, tills."""

import numpy as np
from numpy.random import Generator

from demo_scenes.signals import (
    add_at,
    band_gain,
    decay,
    event_times,
    fade,
    filter_spectrum,
    n_samples,
    noise,
    normalise,
    phase_cycles,
    resonate,
    tone,
    wander,
)
from demo_scenes.vehicles import engine
from demo_scenes.voices import say, woman


def train_ride(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Inside a metro: rolling noise, rail joints in pairs, the motors' song."""
    speed = wander(rng, sample_rate, duration_s, 0.15, 0.4, 1.0)
    rolling = noise(rng, sample_rate, duration_s, 60, 900, tilt_db_per_octave=-3)
    roar = noise(rng, sample_rate, duration_s, 500, 3000, tilt_db_per_octave=-4) * speed
    k = np.arange(1, 9)
    motors = tone(rng.uniform(220, 420) * speed, sample_rate, rng.uniform(0.2, 1, 8) / k)
    out = rolling * (0.4 + 0.6 * speed) + 0.35 * roar + 0.2 * motors
    joints = np.floor(phase_cycles(0.9 * speed, sample_rate)).astype(int)
    for start in np.flatnonzero(np.diff(joints)):
        for axle_s in (0.0, 0.17):
            clack = noise(rng, sample_rate, 0.15, 80, 2200) * decay(sample_rate, 0.15, 0.12)
            add_at(out, 2.2 * clack, sample_rate, start / sample_rate + axle_s)
    return normalise(out)


def tram_ride(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Inside a tram: softer rails, a rising and falling inverter tone, a squeal in a bend."""
    speed = wander(rng, sample_rate, duration_s, 0.2, 0.25, 1.0)
    rolling = noise(rng, sample_rate, duration_s, 40, 500, tilt_db_per_octave=-3)
    inverter = tone(1000 * speed + 150, sample_rate, [1, 0.4, 0.3, 0.1])
    out = rolling * (0.4 + 0.6 * speed) + 0.12 * inverter
    if rng.random() < 0.6:
        length_s = rng.uniform(0.8, 2)
        wheel_hz = rng.uniform(2200, 3400) * wander(rng, sample_rate, length_s, 6, 0.99, 1.01)
        squeal = fade(tone(wheel_hz, sample_rate, [1, 0.4, 0.2]), sample_rate, 0.2, 0.4)
        add_at(out, 0.25 * squeal, sample_rate, rng.uniform(0, 0.8) * duration_s)
    return normalise(out)


def bus_ride(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Inside a bus: the diesel through the floor, and panels that rattle along."""
    firing_hz = rng.uniform(32, 50) * wander(rng, sample_rate, duration_s, 0.4, 0.7, 1.35)
    diesel = engine(rng, sample_rate, firing_hz, cylinders=6, rasp=0.25)
    floor = filter_spectrum(diesel, sample_rate, lambda f: band_gain(f, 20, 400, 1))
    road = noise(rng, sample_rate, duration_s, 40, 500, tilt_db_per_octave=-4)
    rattle = noise(rng, sample_rate, duration_s, 1500, 5000)
    rattle *= np.maximum(0, wander(rng, sample_rate, duration_s, 14, -1.2, 1)) ** 2
    return normalise(floor + 0.7 * road + 0.12 * rattle)


def announcement(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A gong of three notes, then a voice from small loudspeakers."""
    out = np.zeros(n_samples(sample_rate, duration_s))
    start_s = rng.uniform(0, 0.15) * duration_s
    root_hz = rng.uniform(420, 620)
    for i, ratio in enumerate((1.5, 1.25, 1.0)):
        bell = tone(
            np.full(n_samples(sample_rate, 1.2), root_hz * ratio), sample_rate, [1, 0.3, 0.2]
        )
        bell = fade(bell * decay(sample_rate, 1.2, 1.5), sample_rate)
        add_at(out, 0.35 * bell, sample_rate, start_s + 0.45 * i)
    voice_s = max(0.2, duration_s - start_s - 1.8)
    voice = normalise(say(rng, sample_rate, voice_s, woman(rng)))
    add_at(out, voice, sample_rate, start_s + 1.8)
    return normalise(filter_spectrum(out, sample_rate, lambda f: band_gain(f, 350, 4500, 2)))


def trolley(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A suitcase or trolley on tiles: small hard wheels, a click at each joint."""
    rumble = noise(rng, sample_rate, duration_s, 150, 2500, tilt_db_per_octave=-2)
    rumble *= wander(rng, sample_rate, duration_s, 12, 0.5, 1)
    joints = phase_cycles(np.full(len(rumble), rng.uniform(4, 7)), sample_rate) % 1.0
    clicks = noise(rng, sample_rate, duration_s, 600, 5000) * np.exp(-25 * joints)
    near = np.sin(np.pi * np.linspace(0.05, 0.95, len(rumble)))  # it comes and goes
    return normalise((rumble + 1.5 * clicks) * near)


def till_beeps(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """A supermarket scanner, or the doors of a train: short electronic beeps."""
    out = np.zeros(n_samples(sample_rate, duration_s))
    pitch_hz = rng.uniform(1400, 2600)
    for start_s in event_times(rng, duration_s, 1.4, min_gap_s=0.5):
        beep = tone(np.full(n_samples(sample_rate, 0.12), pitch_hz), sample_rate, [1, 0, 0.3])
        add_at(out, fade(beep, sample_rate, 0.004, 0.01), sample_rate, start_s)
    return normalise(out)


def dishes(rng: Generator, sample_rate: int, duration_s: float) -> np.ndarray:
    """Cups and plates of a café: short clinks of glass and china."""
    out = np.zeros(n_samples(sample_rate, duration_s))
    for start_s in event_times(rng, duration_s, 0.7):
        click = np.zeros(n_samples(sample_rate, 0.25))
        add_at(click, noise(rng, sample_rate, 0.004, 1000), sample_rate, 0)
        modes = [(rng.uniform(2200, 7000), 25, 1.0) for _ in range(3)]
        clink = fade(resonate(click, sample_rate, modes), sample_rate, 0.0005, 0.05)
        add_at(
            out, rng.uniform(0.3, 1) * clink / (np.abs(clink).max() + 1e-9), sample_rate, start_s
        )
    return normalise(out)
