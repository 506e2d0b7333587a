"""Log-Mel front ends against the published system and against continuous signals."""

import dataclasses

import numpy as np
import pytest
import torch
from mel_comparison import assert_same_mels

from transcoder.filters import from_log, mel_filters, to_log
from transcoder.mels import LogMel, SlowMel, join_chunks, patches, with_neighbours
from transcoder.pinv import Pinv
from transcoder.settings import PANN, YAMNET
from transcoder.third_octave import ThirdOctave

SIGNALS = ("sine_1k", "sine_100", "white", "impulse", "silence", "sweep")
GOLDEN_KEYS = {"PANN": ("wave_32k", "mel_pann_db"), "YamNet": ("wave_16k", "mel_yamnet_log")}


def direct_stft(waveform, n_fft, hop_length, win_length, window, **_):
    """`torch.stft` as sums over the samples: other rounding, as another processor's FFT has."""
    side = (n_fft - win_length) // 2
    window = torch.nn.functional.pad(window, (side, side))
    frames = waveform.unfold(-1, n_fft, hop_length) * window
    turns = torch.outer(torch.arange(n_fft), torch.arange(n_fft // 2 + 1)) % n_fft / n_fft
    angle = (2 * torch.pi * turns).to(frames.dtype)
    return torch.complex(frames @ angle.cos(), -frames @ angle.sin()).transpose(-1, -2)


@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_filters_are_those_that_librosa_makes(front_end):
    """A second opinion: torchaudio makes ours."""
    import librosa

    expected = librosa.filters.mel(
        sr=front_end.sample_rate,
        n_fft=front_end.n_fft,
        n_mels=front_end.n_mels,
        fmin=front_end.f_min_hz,
        fmax=front_end.f_max_hz,
        htk=front_end.mel_scale == "htk",
        norm=front_end.mel_norm,
        dtype=np.float64,
    )
    found = mel_filters(front_end, n_fft=front_end.n_fft, sample_rate=front_end.sample_rate)
    np.testing.assert_allclose(found, expected, atol=2e-5 * expected.max())


@pytest.mark.parametrize("arithmetic", ["float32", "float64", "other rounding"])
@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
@pytest.mark.parametrize("signal", SIGNALS)
def test_golden(synthetic, signal, front_end, arithmetic, monkeypatch):
    wave, golden = (synthetic[f"{signal}__{key}"] for key in GOLDEN_KEYS[front_end.classifier])
    wave = torch.from_numpy(wave)[None]
    if arithmetic == "float64":
        wave = wave.double()
    if arithmetic == "other rounding":
        monkeypatch.setattr(torch, "stft", direct_stft)
    assert_same_mels(LogMel(front_end.classifier)(wave)[0], golden, front_end)


def wrong_filters(front_end, **changes):
    """The filters of a front end whose edges are others."""
    changed = dataclasses.replace(front_end, **changes)
    return mel_filters(changed, n_fft=front_end.n_fft, sample_rate=front_end.sample_rate)


def louder_filter(front_end):
    filters = wrong_filters(front_end)
    filters[20] *= 1.001
    return filters


MUTATIONS = {
    "scale": {"wave": lambda wave: 1.001 * wave},
    "one filter's gain": {"filters": louder_filter},
    "lowest edge": {"filters": lambda e: wrong_filters(e, f_min_hz=1.001 * e.f_min_hz)},
    "highest edge": {"filters": lambda e: wrong_filters(e, f_max_hz=1.001 * e.f_max_hz)},
    "window's scale": {"window": lambda window: 1.001 * window},
    "window's exponent": {"window": lambda window: window**1.001},
    "window on a pedestal": {"window": lambda window: 0.999 * window + 0.001},
}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_golden_tells_a_thousandth(synthetic, front_end, mutation, monkeypatch):
    """`assert_same_mels` sees a filter, a window or a scale that is wrong by 0.1 %."""
    wave, golden = (synthetic[f"white__{key}"] for key in GOLDEN_KEYS[front_end.classifier])
    wave, wrong = torch.from_numpy(wave)[None], MUTATIONS[mutation]
    transform = LogMel(front_end.classifier)
    assert_same_mels(transform(wave)[0], golden, front_end)
    if "filters" in wrong:
        transform.filters = wrong["filters"](front_end)
    if "window" in wrong:
        hann = torch.hann_window
        monkeypatch.setattr(torch, "hann_window", lambda *a, **k: wrong["window"](hann(*a, **k)))
    if "wave" in wrong:
        wave = wrong["wave"](wave)
    with pytest.raises(AssertionError, match="times the tolerance"):
        assert_same_mels(transform(wave)[0], golden, front_end)


@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_golden_recordings(recording, front_end):
    wave, golden = (recording[key] for key in GOLDEN_KEYS[front_end.classifier])
    chunks = torch.from_numpy(wave).reshape(-1, front_end.samples_per_chunk)
    assert_same_mels(LogMel(front_end.classifier)(chunks), golden, front_end)


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


@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_surrounded_chunks_are_the_continuous_spectrogram(rng, front_end, batch_size):
    samples, reach = front_end.samples_per_chunk, front_end.n_fft // 2
    wave = torch.from_numpy(rng.standard_normal(5 * samples))
    log_mel = LogMel(front_end.classifier)
    batches = wave.reshape(5, samples).split(batch_size)
    mels = torch.cat([log_mel.of_surrounded(x) for x in with_neighbours(batches, reach)])
    continuous = LogMel(front_end.classifier, patch=False)(wave[None])
    for second, patch in enumerate(mels):
        frames = continuous[0, 100 * second :][: front_end.frames]
        torch.testing.assert_close(patch, frames, atol=1e-9, rtol=0)
    torch.testing.assert_close(mels[None], patches(continuous, front_end, 5), atol=1e-9, rtol=0)


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
