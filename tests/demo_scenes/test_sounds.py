"""Sources of the embedded data sound as they are called; space and mixer do as told."""

import numpy as np
import pytest
import scipy.signal

from demo_scenes import space, vehicles
from demo_scenes.scenes import SOURCES, Layer, Scene, loudest_rms, render
from demo_scenes.signals import Synth, band_gain, periodic

RATE = 32_000
SYNTH = Synth(0, RATE)  # where nothing is drawn


def energy_share(wave: np.ndarray, low_hz: float, high_hz: float, rate: int = RATE) -> float:
    """Share of the energy between two frequencies."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    freqs_hz = np.fft.rfftfreq(len(wave), 1 / rate)
    return power[(freqs_hz >= low_hz) & (freqs_hz < high_hz)].sum() / power.sum()


def peak_frequency_hz(wave: np.ndarray, rate: int = RATE) -> float:
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return np.argmax(power) * rate / len(wave)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(("rate", "duration_s"), [(16_000, 0.3), (44_100, 1.7)])
def test_source_is_a_finite_wave_of_peak_one(name, rate, duration_s):
    wave = SOURCES[name](Synth(1, rate), duration_s)
    assert wave.shape == (round(rate * duration_s),)
    assert np.abs(wave).max() == pytest.approx(1)
    assert abs(wave.mean()) < 1e-6
    again = SOURCES[name](Synth(1, rate), duration_s)
    other = SOURCES[name](Synth(2, rate), duration_s)
    assert np.array_equal(wave, again)
    assert not np.array_equal(wave, other)


@pytest.mark.parametrize(
    ("name", "low_hz", "high_hz", "least"),
    [
        ("siren", 400, 1800, 0.75),
        ("reversing_beeps", 900, 1450, 0.7),
        ("traffic_hum", 0, 300, 0.8),
        ("air_conditioner", 0, 500, 0.8),
        ("bus_ride", 0, 400, 0.8),
        ("city_air", 0, 300, 0.8),
        ("songbird", 1500, 9000, 0.95),
        ("pigeon", 350, 600, 0.9),
        ("speech", 80, 4000, 0.9),
        ("children_playing", 200, 5000, 0.9),
        ("rain", 300, 9000, 0.8),
        ("dog_bark", 250, 5000, 0.9),
    ],
)
def test_source_has_its_energy_where_it_belongs(name, low_hz, high_hz, least):
    for seed in range(3):
        wave = SOURCES[name](Synth(seed, RATE), 4.0)
        assert energy_share(wave, low_hz, high_hz) > least


def test_jackhammer_strikes_at_its_rate():
    wave = SOURCES["jackhammer"](Synth(0, RATE), 4.0)
    envelope = np.add.reduceat(wave**2, np.arange(0, len(wave), 160))  # 200 values a second
    spectrum = np.abs(np.fft.rfft(envelope - envelope.mean()))
    freqs_hz = np.fft.rfftfreq(len(envelope), 1 / 200)
    beat_hz = freqs_hz[np.argmax(spectrum * (freqs_hz > 5))]
    assert 12 < beat_hz < 21


def test_footsteps_and_gunshot_are_events_and_hums_are_steady():
    def crest(name: str) -> float:
        return float(1 / SOURCES[name](Synth(0, RATE), 4.0).std())

    assert min(crest("footsteps"), crest("gunshot")) > 2 * max(
        crest("traffic_hum"), crest("ventilation")
    )


def test_tone_keeps_its_pitch_and_leaves_out_what_would_fold():
    wave = SYNTH.tone(np.full(RATE, 6000.0), [1, 1, 1, 1])  # 3rd and 4th harmonic: above Nyquist
    assert energy_share(wave, 5990, 6010) + energy_share(wave, 11_990, 12_010) > 0.999


def test_periodic_equals_the_sum_of_its_harmonics():
    cycles = SYNTH.phase_cycles(np.full(RATE, 100.0))
    expected = np.sin(2 * np.pi * cycles) + 0.5 * np.sin(6 * np.pi * cycles)
    assert periodic(cycles, [1, 0, 0.5]) == pytest.approx(expected, abs=1e-5)


def test_pass_by_has_the_doppler_shift_of_its_speed_and_the_level_of_its_distance():
    speed, closest_m = 20.0, 5.0
    wave = np.sin(2 * np.pi * 1000 * np.arange(8 * RATE) / RATE)
    heard = space.pass_by(SYNTH, wave, speed_m_per_s=speed, closest_m=closest_m, closest_s=4.0)
    coming, leaving = heard[:RATE], heard[-RATE:]
    c = space.SPEED_OF_SOUND_M_PER_S
    assert peak_frequency_hz(coming) == pytest.approx(1000 * c / (c - speed), abs=3)
    assert peak_frequency_hz(leaving) == pytest.approx(1000 * c / (c + speed), abs=3)
    near = heard[4 * RATE - 400 : 4 * RATE + 400]
    assert np.abs(near).max() == pytest.approx(1 / closest_m, rel=0.05)
    # what is heard first left the source 0.23 s earlier: 80 m + 4.7 m ahead
    first_m = np.hypot(84.7, closest_m)
    expected = space.air_gain(np.array(1000.0), first_m) / first_m
    assert np.abs(coming[:800]).max() == pytest.approx(expected, rel=0.02)


def test_passing_car_falls_in_pitch():
    """The engine's strongest line is lower when the car leaves than when it comes."""
    # a steady whistle instead of the car's own sound, which wanders
    car = vehicles._driven_past(
        Synth(0, RATE), np.sin(2 * np.pi * 500 * np.arange(4 * RATE) / RATE), 4.0,
        speed_m_per_s=15, closest_m=4,
    )  # fmt: skip
    track = [peak_frequency_hz(part) for part in np.split(car, 8)]
    assert track[0] > 510 > 490 > track[-1]
    assert all(np.diff(track) < 5)


def test_distance_takes_high_frequencies():
    white = np.random.default_rng(0).standard_normal(RATE)
    near, far = (space.at_distance(SYNTH, white, d) for d in (10, 300))
    assert energy_share(far, 4000, 16_000) < 0.1 * energy_share(near, 4000, 16_000)
    assert energy_share(far, 0, 500) * far.var() == pytest.approx(
        energy_share(near, 0, 500) * near.var(), rel=0.1
    )


def test_reverberation_decays_by_60_db_in_its_time():
    click = np.zeros(2 * RATE)
    click[0] = 1
    tail = space.reverberate(Synth(0, RATE), click, 1.0, 1.0)
    low = SYNTH.filter(tail, lambda f: band_gain(f, 0, 700, order=4))
    level_db = 10 * np.log10(np.array([np.mean(low[a : a + 1600] ** 2) for a in (1600, 27_200)]))
    assert level_db[0] - level_db[1] == pytest.approx(60 * 25_600 / RATE, abs=5)
    assert np.abs(tail[RATE:]).max() < 1e-12


def test_equaliser_changes_only_its_octave():
    white = np.random.default_rng(0).standard_normal(4 * RATE)
    louder = space.equalise(SYNTH, white, (0, 0, 0, 0, 6, 0, 0, 0))
    gain = scipy.signal.welch(louder, RATE)[1] / scipy.signal.welch(white, RATE)[1]
    freqs_hz = scipy.signal.welch(white, RATE)[0]
    assert 10 * np.log10(gain[np.argmin(abs(freqs_hz - 1000))]) == pytest.approx(6, abs=0.5)
    assert 10 * np.log10(gain[np.argmin(abs(freqs_hz - 4000))]) == pytest.approx(0, abs=0.1)


def test_mixer_sets_the_levels_asked_for():
    scene = Scene((Layer("ventilation", 0.0, 0.0), Layer("siren", 12.0, 0.0)), wet=0.0)
    mix = render(Synth(0, RATE), scene, 4.0)
    bed = SOURCES["ventilation"](Synth(0, RATE), 4.0)
    siren = mix - bed / loudest_rms(bed, RATE)
    assert 20 * np.log10(loudest_rms(siren, RATE)) == pytest.approx(12, abs=0.01)
