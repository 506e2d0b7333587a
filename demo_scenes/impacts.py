"""Single blows: steps, hammering, bangs."""

import numpy as np

from demo_scenes.signals import Synth, normalise


def footsteps(synth: Synth, duration_s: float) -> np.ndarray:
    """One person walking: heel, then sole, on a hard or a gritty ground."""
    out = synth.silence(duration_s)
    step_s = synth.uniform(0.48, 0.62)
    hard = synth.random() < 0.6
    body = [(synth.uniform(90, 160), 60, 1.5), (synth.uniform(300, 600), 150, 1.0)]
    sole_hz = synth.uniform(1200, 2200) if hard else synth.uniform(2500, 4000)
    at_s = synth.uniform(0, 0.1)
    while at_s < duration_s:
        heel = synth.noise(0.12, 60, sole_hz) * synth.decay(0.12, 0.09)
        heel = heel + synth.resonate(heel, body)
        scrape = synth.noise(0.16, sole_hz, 2.5 * sole_hz)
        scrape = synth.fade(scrape, 0.02, 0.12) * (0.12 if hard else 0.5)
        level = synth.uniform(0.7, 1)
        synth.add_at(out, level * synth.fade(heel, 0.001, 0.02), at_s)
        synth.add_at(out, level * scrape, at_s + 0.06)
        at_s += step_s * synth.uniform(0.95, 1.05)
    return normalise(out)


def hammering(synth: Synth, duration_s: float) -> np.ndarray:
    """A hand hammer on wood or metal: rows of sharp blows."""
    metal = synth.random() < 0.5
    modes = [
        (
            synth.uniform(350, 900) * (2.2**i if metal else 1.7**i),
            12 if metal else 90,
            0.9 / (i + 1),
        )
        for i in range(4)
    ]
    out = synth.silence(duration_s)
    for row_s in synth.event_times(duration_s, 3.0, min_gap_s=2.5):
        gap_s = synth.uniform(0.3, 0.5)
        for i in range(synth.integers(3, 7)):
            click = synth.silence(0.5)
            burst = synth.noise(0.02, 300, 9000) * synth.decay(0.02, 0.015)
            synth.add_at(click, burst, 0)
            blow = 0.5 * click + 6 * synth.resonate(click, modes)
            blow = synth.fade(blow, 0.0005, 0.1)
            synth.add_at(out, synth.uniform(0.6, 1) * blow, row_s + i * gap_s)
    return normalise(out)


def gunshot(synth: Synth, duration_s: float) -> np.ndarray:
    """One to three bangs: a blast wave, its boom, and echoes from house fronts."""
    out = synth.silence(duration_s)
    echoes = [(float(e), float(10 ** (-e * 2))) for e in synth.uniform(0.05, 0.5, 5)]
    for start_s in synth.event_times(min(duration_s, synth.uniform(0.3, 3)), 1.2, min_gap_s=0.8):
        bang = _bang(synth)
        synth.add_at(out, bang, start_s)
        for delay_s, gain in echoes:
            synth.add_at(out, 0.12 * gain * bang, start_s + delay_s)
    return normalise(out)


def _bang(synth: Synth) -> np.ndarray:
    length_s = 1.5
    t = synth.time_axis(length_s)
    blast = (1 - t / 0.0015) * np.exp(-t / 0.0015)  # Friedlander's blast wave
    crack = synth.noise(length_s, 200, 9000, tilt_db_per_octave=-3) * np.exp(-t / 0.08)
    boom = synth.noise(length_s, 40, 400, tilt_db_per_octave=-3) * np.exp(-t / 0.12)
    tail = synth.noise(length_s, 80, 4000, tilt_db_per_octave=-4) * np.exp(-t / 0.3)
    return 2 * blast + 0.8 * crack + 0.5 * boom + 0.2 * tail
