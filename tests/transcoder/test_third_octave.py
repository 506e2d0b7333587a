"""Third-octave levels against the published system and against what a band level means."""

import numpy as np
import pytest
import torch

from transcoder.settings import THIRD_OCTAVE
from transcoder.third_octave import ThirdOctave, band_basis, tukey_window

SIGNALS = ("sine_1k", "sine_100", "white", "impulse", "silence", "sweep")


def tone(frequency_hz: float, amplitude: float = 0.5) -> torch.Tensor:
    time_s = torch.arange(THIRD_OCTAVE.sample_rate, dtype=torch.float64) / THIRD_OCTAVE.sample_rate
    return amplitude * torch.sin(2 * torch.pi * frequency_hz * time_s)


def test_window_and_bands_are_the_published_ones(synthetic):
    np.testing.assert_allclose(tukey_window(), synthetic["tukey_window"], atol=1e-15)
    np.testing.assert_array_equal(band_basis(), synthetic["third_octave_basis"])
    correction = 1 / np.sqrt(np.mean(tukey_window() ** 2))
    assert correction == pytest.approx(float(synthetic["energy_correction"]), rel=1e-12)


@pytest.mark.parametrize("signal", SIGNALS)
def test_golden_float64(synthetic, signal):
    levels = ThirdOctave()(torch.from_numpy(synthetic[f"{signal}__wave_32k"]).double())
    np.testing.assert_allclose(levels, synthetic[f"{signal}__third_octave_db"], atol=1e-6)


@pytest.mark.parametrize("signal", SIGNALS)
def test_golden_float32_within_80_db_of_the_loudest_band(synthetic, signal):
    golden = synthetic[f"{signal}__third_octave_db"]
    levels = ThirdOctave()(torch.from_numpy(synthetic[f"{signal}__wave_32k"]))
    assert levels.dtype == torch.float32
    audible = golden > golden.max(axis=1, keepdims=True) - 80
    np.testing.assert_allclose(levels.numpy()[audible], golden[audible], atol=1e-3)


def test_golden_recordings(recording):
    chunks = torch.from_numpy(recording["wave_32k"]).reshape(-1, 32_000)
    np.testing.assert_allclose(ThirdOctave()(chunks), recording["third_octave_db"], atol=1e-3)
    levels = ThirdOctave()(chunks.double())
    np.testing.assert_allclose(levels, recording["third_octave_db"], atol=1e-6)


@pytest.mark.parametrize("band", range(0, THIRD_OCTAVE.n_bands, 4))
def test_a_tone_lies_in_its_band(band):
    levels = ThirdOctave()(tone(THIRD_OCTAVE.centres_hz[band]))
    # in the lowest bands a 512-ms... window is too short to tell neighbours apart
    allowed = 1 if band < 5 else 0
    assert (levels.argmax(dim=1) - band).abs().max() <= allowed


def test_level_of_a_full_scale_tone_is_minus_3_db_plus_the_offset():
    level = ThirdOctave()(tone(1000.0, amplitude=1.0))[1:-1, 17]
    expected = 20 * np.log10(1 / np.sqrt(2)) + THIRD_OCTAVE.offset_db
    assert level.numpy() == pytest.approx(expected, abs=0.1)


def test_twice_the_amplitude_is_6_db_more(rng):
    wave = torch.from_numpy(rng.standard_normal((3, 32_000)))
    difference = ThirdOctave()(2 * wave) - ThirdOctave()(wave)
    np.testing.assert_allclose(difference, 20 * np.log10(2), atol=1e-9)


def test_batch_equals_loop(rng):
    waves = torch.from_numpy(rng.standard_normal((4, 2, 32_000)))
    transform = ThirdOctave()
    batch = transform(waves)
    assert batch.shape == (4, 2, 8, 29)
    for i in range(4):
        torch.testing.assert_close(batch[i, 1], transform(waves[i, 1]))


@pytest.mark.parametrize(
    "samples, frames", [(1, 1), (4000, 1), (4001, 2), (32_000, 8), (32_001, 9)]
)
def test_any_length(rng, samples, frames):
    levels = ThirdOctave()(torch.from_numpy(rng.standard_normal(samples)))
    assert levels.shape == (frames, 29)
    assert levels.isfinite().all()


def test_silence_is_the_floor():
    levels = ThirdOctave()(torch.zeros(32_000))
    assert (levels == THIRD_OCTAVE.silence_db).all()


def test_mel_frame_rate_variant_agrees_with_the_sensor_on_a_steady_tone():
    levels = ThirdOctave(hop_length=320)(tone(1000.0))
    assert levels.shape == (101, 29)
    steady = ThirdOctave()(tone(1000.0))[3, 17]
    torch.testing.assert_close(levels[20:80, 17], steady.expand(60), atol=0.05, rtol=0)


def test_buffers_stay_out_of_checkpoints():
    assert not ThirdOctave().state_dict()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_cpu(rng):
    waves = torch.from_numpy(rng.standard_normal((2, 32_000))).float()
    on_gpu = ThirdOctave().cuda()(waves.cuda()).cpu()
    torch.testing.assert_close(on_gpu, ThirdOctave()(waves), atol=1e-3, rtol=0)
