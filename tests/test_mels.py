"""Log-Mel front ends against the published system and against continuous signals."""

import numpy as np
import pytest
import torch

from transcoder.mels import LogMel, SlowMel, from_log, join_chunks, to_log
from transcoder.pinv import Pinv
from transcoder.settings import PANN, YAMNET
from transcoder.third_octave import ThirdOctave

SIGNALS = ("sine_1k", "sine_100", "white", "impulse", "silence", "sweep")


@pytest.mark.parametrize("signal", SIGNALS)
def test_pann_golden(synthetic, signal):
    golden = synthetic[f"{signal}__mel_pann_db"]
    mels = LogMel("PANN")(torch.from_numpy(synthetic[f"{signal}__wave_32k"])[None])[0].numpy()
    depth_db = golden.max(axis=1, keepdims=True) - golden
    np.testing.assert_allclose(mels[depth_db < 70], golden[depth_db < 70], atol=1e-3)
    # the goldens' float32 DFT is itself 1.1e-3 dB off the float64 result in the sweep's last 10 dB
    np.testing.assert_allclose(mels[depth_db < 80], golden[depth_db < 80], atol=1.5e-3)


@pytest.mark.parametrize("signal", SIGNALS)
def test_yamnet_golden(synthetic, signal):
    wave = torch.from_numpy(synthetic[f"{signal}__wave_16k"])[None]
    mels = LogMel("YamNet")(wave)[0]
    np.testing.assert_allclose(mels, synthetic[f"{signal}__mel_yamnet_log"], atol=1e-4)


def test_golden_recordings(recording):
    pann = LogMel("PANN")(torch.from_numpy(recording["wave_32k"]).reshape(-1, 32_000))
    np.testing.assert_allclose(pann, recording["mel_pann_db"], atol=1e-3)
    yamnet = LogMel("YamNet")(torch.from_numpy(recording["wave_16k"]).reshape(-1, 16_000))
    np.testing.assert_allclose(yamnet, recording["mel_yamnet_log"], atol=1e-4)


@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_float32_against_float64(rng, front_end):
    wave = torch.from_numpy(rng.standard_normal((2, front_end.samples_per_chunk)))
    transform = LogMel(front_end.classifier)
    single, double = transform(wave.float()), transform(wave)
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert double.shape == (2, front_end.frames, 64)
    torch.testing.assert_close(single.double(), double, atol=1e-3, rtol=0)


def test_twice_the_amplitude(rng):
    pann = torch.from_numpy(rng.standard_normal((1, 32_000)))
    difference = LogMel("PANN")(2 * pann) - LogMel("PANN")(pann)
    np.testing.assert_allclose(difference, 20 * np.log10(2), atol=1e-9)
    loud = 100 * pann[:, :16_000]  # far above the floor inside YAMNet's logarithm
    difference = LogMel("YamNet")(2 * loud) - LogMel("YamNet")(loud)
    np.testing.assert_allclose(difference, np.log(2), atol=1e-4)


@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_logarithm_and_its_inverse(rng, front_end):
    values = torch.from_numpy(rng.uniform(0.01, 100, 500))
    torch.testing.assert_close(from_log(to_log(values, front_end), front_end), values)
    assert (from_log(to_log(torch.zeros(3), front_end), front_end) <= 1e-10).all()


@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_joined_chunks_follow_the_continuous_spectrogram(rng, front_end):
    samples = front_end.samples_per_chunk
    wave = torch.from_numpy(rng.standard_normal(3 * samples)).float()
    continuous = LogMel(front_end.classifier, patch=False)(wave[None])[0]
    chunks = LogMel(front_end.classifier)(wave.reshape(3, samples))
    joined = join_chunks(chunks, front_end)
    assert joined.shape == continuous.shape == (301, 64)
    # frames away from the borders of the chunks see the same samples
    inner = [100 * k + i for k in range(3) for i in range(3, 95)]
    torch.testing.assert_close(joined[inner], continuous[inner], atol=1e-4, rtol=0)
    assert join_chunks(chunks, front_end, n_samples=front_end.hop_length * 234 + 1).shape[0] == 236


@pytest.mark.parametrize("classifier", ["PANN", "YamNet"])
def test_mel_bands_at_the_third_octave_rate_have_the_level_of_pinv(rng, classifier):
    noise = torch.from_numpy(rng.standard_normal((2, 32_000)))
    slow = SlowMel(classifier)(noise)
    assert slow.shape == (2, 8, 64)
    mels = Pinv(classifier, input_type="mel_freq")(slow)
    by_bands = Pinv(classifier)(ThirdOctave()(noise))
    # one is made of Mel bands, the other of third-octave bands: alike on noise, but for the
    # Tukey window's energy correction that PINV leaves in (0.6 dB) and shared bins
    to_db = 1.0 if classifier == "PANN" else 10 / np.log(10)
    assert ((mels - by_bands).mean() * to_db).abs() < 1.5
