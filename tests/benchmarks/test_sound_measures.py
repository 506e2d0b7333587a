"""The measures of sounds: each tells what it is to tell, and finds nothing where nothing is."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from benchmarks import sound_quality
from benchmarks.sound_measures import (
    MODULATION_HZ,
    bands_between,
    click_db,
    envelope_correlation,
    level_error_db,
    modulation_distance_db,
    modulation_spectrum,
    seam_ratios,
)
from transcoder.settings import PANN, THIRD_OCTAVE, YAMNET

RATE = 32_000


@pytest.fixture
def noise(rng) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal(8 * RATE)).float()


@pytest.fixture
def levels(rng) -> torch.Tensor:
    return torch.from_numpy(rng.uniform(0, 50, (80, 29))).float()


def test_level_error_counts_what_is_heard(levels):
    levels[:, 28] = -40
    other = levels + 3
    other[:, 28] = 200
    assert level_error_db(levels, levels) == 0
    assert level_error_db(levels, other) == pytest.approx(3)
    assert level_error_db(levels, other, slice(0, 3)) == pytest.approx(3)


def test_envelope_correlation_ignores_loudness_and_the_floor(levels):
    assert envelope_correlation(levels, levels + 2) == pytest.approx(1)
    assert envelope_correlation(levels, -levels + 50) == pytest.approx(-1)
    assert abs(envelope_correlation(levels, levels.flip(0))) < 0.2
    levels[:, 5], other = -80, levels.clone()
    other[:, 5] = torch.rand(80) * 5 - 80
    assert envelope_correlation(levels, other) == pytest.approx(1)


@pytest.mark.parametrize("hz", [2, 4, 16])
def test_modulation_is_found_at_its_frequency(noise, hz):
    swell = 1 + 0.8 * torch.sin(2 * torch.pi * hz * torch.arange(noise.numel()) / RATE)
    spectrum = modulation_spectrum(noise * swell, RATE).mean(dim=0)
    assert spectrum.argmax() == MODULATION_HZ.index(hz)
    assert spectrum.max() == pytest.approx(10 * np.log10(0.8**2 / 2), abs=1)
    assert modulation_distance_db(noise, noise * swell, RATE, RATE) > 1.5
    assert modulation_distance_db(noise, noise * 3, RATE, RATE) < 0.01


@pytest.mark.parametrize("border, seconds, frames", [(RATE, True, True), (4000, False, True)])
def test_seams_are_found_where_they_are(noise, border, seconds, frames):
    none = seam_ratios(noise, RATE)
    assert none == pytest.approx((1, 1), abs=0.12)
    hole = torch.ones_like(noise)
    for start in range(border, noise.numel(), border):
        hole[start - 100 : start + 100] = 0.05
    found = seam_ratios(noise * hole, RATE)
    assert (found[0] > 1.3) == seconds
    assert (found[1] > 1.1) == frames


def test_a_click_is_found(noise):
    assert 11 < click_db(noise, RATE) < 15
    clicked = noise.clone()
    clicked[50_000] += 30
    assert click_db(clicked, RATE) > 18
    loud = noise.clone()
    loud[RATE:] *= 100  # an onset is no click
    assert click_db(loud, RATE) < 22


def test_bands_that_the_mels_cover():
    centres = np.array(THIRD_OCTAVE.centres_hz)
    assert centres[bands_between(YAMNET.f_min_hz, YAMNET.f_max_hz)] == pytest.approx(
        [hz for hz in centres if 125 < hz < 7500]
    )
    assert bands_between(PANN.f_min_hz, PANN.f_max_hz).stop == 29


def test_program_compares_the_ways_to_sound(tmp_path, rng, capsys):
    sound = 0.1 * rng.standard_normal(2 * RATE)
    sound[RATE:] *= 0.1
    soundfile.write(tmp_path / "two_steps.wav", sound, RATE)
    (tmp_path / "models").mkdir()
    arguments = [tmp_path / "two_steps.wav", "--models", tmp_path / "models"]
    arguments += ["--table", tmp_path / "table.csv", "--figures", tmp_path / "figures"]
    assert sound_quality.main([str(a) for a in arguments]) == 0
    table = pd.read_csv(tmp_path / "table.csv").set_index("method")
    assert {"original", "true_mels", "pinv", "noise_vocoder"} <= set(table.index)
    assert table.loc["original", "level_error_all_bands_db"] == 0
    assert table.loc["noise_vocoder", "level_error_all_bands_db"] < 0.3
    assert table.loc["noise_vocoder", "envelope_correlation"] > 0.99
    assert (tmp_path / "figures" / "two_steps_sounds.png").stat().st_size > 10_000
    assert "noise_vocoder" in capsys.readouterr().out
