"""Inside vehicles and large halls: rails, doors, announcements, trolleys, tills."""

import numpy as np

from demo_scenes.signals import Synth, band_gain, normalise
from demo_scenes.vehicles import engine
from demo_scenes.voices import say, woman


def train_ride(synth: Synth, duration_s: float) -> np.ndarray:
    """Inside a metro: rolling noise, rail joints in pairs, the motors' song."""
    speed = synth.wander(duration_s, 0.15, 0.4, 1.0)
    rolling = synth.noise(duration_s, 60, 900, tilt_db_per_octave=-3)
    roar = synth.noise(duration_s, 500, 3000, tilt_db_per_octave=-4) * speed
    k = np.arange(1, 9)
    motors = synth.tone(synth.uniform(220, 420) * speed, synth.uniform(0.2, 1, 8) / k)
    out = rolling * (0.4 + 0.6 * speed) + 0.35 * roar + 0.2 * motors
    joints = np.floor(synth.phase_cycles(0.9 * speed)).astype(int)
    for start in np.flatnonzero(np.diff(joints)):
        for axle_s in (0.0, 0.17):
            clack = synth.noise(0.15, 80, 2200) * synth.decay(0.15, 0.12)
            synth.add_at(out, 2.2 * clack, start / synth.sample_rate + axle_s)
    return normalise(out)


def tram_ride(synth: Synth, duration_s: float) -> np.ndarray:
    """Inside a tram: softer rails, a rising and falling inverter tone, a squeal in a bend."""
    speed = synth.wander(duration_s, 0.2, 0.25, 1.0)
    rolling = synth.noise(duration_s, 40, 500, tilt_db_per_octave=-3)
    inverter = synth.tone(1000 * speed + 150, [1, 0.4, 0.3, 0.1])
    out = rolling * (0.4 + 0.6 * speed) + 0.12 * inverter
    if synth.random() < 0.6:
        length_s = synth.uniform(0.8, 2)
        wheel_hz = synth.uniform(2200, 3400) * synth.wander(length_s, 6, 0.99, 1.01)
        squeal = synth.fade(synth.tone(wheel_hz, [1, 0.4, 0.2]), 0.2, 0.4)
        synth.add_at(out, 0.25 * squeal, synth.uniform(0, 0.8) * duration_s)
    return normalise(out)


def bus_ride(synth: Synth, duration_s: float) -> np.ndarray:
    """Inside a bus: the diesel through the floor, and panels that rattle along."""
    firing_hz = synth.uniform(32, 50) * synth.wander(duration_s, 0.4, 0.7, 1.35)
    diesel = engine(synth, firing_hz, cylinders=6, rasp=0.25)
    floor = synth.filter(diesel, lambda f: band_gain(f, 20, 400, 1))
    road = synth.noise(duration_s, 40, 500, tilt_db_per_octave=-4)
    rattle = synth.noise(duration_s, 1500, 5000)
    rattle *= np.maximum(0, synth.wander(duration_s, 14, -1.2, 1)) ** 2
    return normalise(floor + 0.7 * road + 0.12 * rattle)


def announcement(synth: Synth, duration_s: float) -> np.ndarray:
    """A gong of three notes, then a voice from small loudspeakers."""
    out = synth.silence(duration_s)
    start_s = synth.uniform(0, 0.15) * duration_s
    root_hz = synth.uniform(420, 620)
    for i, ratio in enumerate((1.5, 1.25, 1.0)):
        bell = synth.tone(np.full(synth.n_samples(1.2), root_hz * ratio), [1, 0.3, 0.2])
        bell = synth.fade(bell * synth.decay(1.2, 1.5))
        synth.add_at(out, 0.35 * bell, start_s + 0.45 * i)
    voice_s = max(0.2, duration_s - start_s - 1.8)
    voice = normalise(say(synth, voice_s, woman(synth)))
    synth.add_at(out, voice, start_s + 1.8)
    return normalise(synth.filter(out, lambda f: band_gain(f, 350, 4500, 2)))


def trolley(synth: Synth, duration_s: float) -> np.ndarray:
    """A suitcase or trolley on tiles: small hard wheels, a click at each joint."""
    rumble = synth.noise(duration_s, 150, 2500, tilt_db_per_octave=-2)
    rumble *= synth.wander(duration_s, 12, 0.5, 1)
    joints = synth.phase_cycles(np.full(len(rumble), synth.uniform(4, 7))) % 1.0
    clicks = synth.noise(duration_s, 600, 5000) * np.exp(-25 * joints)
    near = np.sin(np.pi * np.linspace(0.05, 0.95, len(rumble)))  # it comes and goes
    return normalise((rumble + 1.5 * clicks) * near)


def till_beeps(synth: Synth, duration_s: float) -> np.ndarray:
    """A supermarket scanner, or the doors of a train: short electronic beeps."""
    out = synth.silence(duration_s)
    pitch_hz = synth.uniform(1400, 2600)
    for start_s in synth.event_times(duration_s, 1.4, min_gap_s=0.5):
        beep = synth.tone(np.full(synth.n_samples(0.12), pitch_hz), [1, 0, 0.3])
        synth.add_at(out, synth.fade(beep, 0.004, 0.01), start_s)
    return normalise(out)


def dishes(synth: Synth, duration_s: float) -> np.ndarray:
    """Cups and plates of a café: short clinks of glass and china."""
    out = synth.silence(duration_s)
    for start_s in synth.event_times(duration_s, 0.7):
        click = synth.silence(0.25)
        synth.add_at(click, synth.noise(0.004, 1000), 0)
        modes = [(synth.uniform(2200, 7000), 25, 1.0) for _ in range(3)]
        clink = synth.fade(synth.resonate(click, modes), 0.0005, 0.05)
        synth.add_at(out, synth.uniform(0.3, 1) * clink / (np.abs(clink).max() + 1e-9), start_s)
    return normalise(out)
