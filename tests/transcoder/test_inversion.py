"""Mels to audio: how well the audio's own Mels come back."""

import numpy as np
import pytest
import torch

from transcoder.filters import from_log, mel_filters, to_log
from transcoder.inversion import mel_to_magnitude, mels_to_wave
from transcoder.mels import LogMel, join_chunks
from transcoder.settings import PANN, YAMNET
from transcoder.transcode import Transcoder


def regeneration_error_db(log_mels: torch.Tensor, front_end, **options) -> float:
    """RMS of what the regenerated audio's log-Mels miss, in dB, level included."""
    wave = mels_to_wave(log_mels[None], front_end.classifier, **options)
    again = LogMel(front_end.classifier, patch=False)(wave)[0]
    to_db = 1.0 if front_end.log == "db" else 20 / np.log(10)
    return float((again - log_mels).square().mean().sqrt()) * to_db


@pytest.mark.parametrize("name", ["birds.wav", "street_traffic-barcelona-162-4949-a.wav"])
@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_recordings_come_back_within_1_db(reference, name, front_end):
    from transcoder.audio import read_audio

    wave, rate = read_audio(reference / "audio" / name)
    mels = Transcoder(front_end.classifier).true_mels(wave, rate)
    assert regeneration_error_db(join_chunks(mels, front_end), front_end) < 1


@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_magnitudes_have_the_mels_they_came_from(rng, front_end):
    noise = torch.from_numpy(rng.standard_normal((2, front_end.sample_rate))).float()
    log_mels = LogMel(front_end.classifier, patch=False)(noise)
    magnitude = mel_to_magnitude(log_mels, front_end)
    assert magnitude.shape == (2, front_end.n_fft // 2 + 1, 101)
    assert (magnitude >= 0).all()
    filters = mel_filters(
        front_end, n_fft=front_end.n_fft, sample_rate=front_end.sample_rate
    ).float()
    again = to_log(filters @ magnitude**front_end.power, front_end).transpose(1, 2)
    to_db = 1.0 if front_end.log == "db" else 20 / np.log(10)
    assert ((again - log_mels).square().mean().sqrt() * to_db) < 0.3


@pytest.mark.parametrize("front_end", [PANN, YAMNET], ids=lambda e: e.classifier)
def test_magnitudes_are_nearer_to_their_mels_than_librosas(rng, front_end):
    """A second opinion on the harder half of the inversion; the phases are made up in both."""
    import librosa

    noise = torch.from_numpy(rng.standard_normal((1, front_end.sample_rate // 2))).float()
    log_mels = LogMel(front_end.classifier, patch=False)(noise)
    filters = mel_filters(front_end, n_fft=front_end.n_fft, sample_rate=front_end.sample_rate)
    theirs = librosa.feature.inverse.mel_to_stft(
        from_log(log_mels[0], front_end).T.numpy().astype(np.float64),
        sr=front_end.sample_rate,
        n_fft=front_end.n_fft,
        power=front_end.power,
        fmin=front_end.f_min_hz,
        fmax=front_end.f_max_hz,
        htk=front_end.mel_scale == "htk",
        norm=front_end.mel_norm,
    )
    errors = []
    for magnitude in (mel_to_magnitude(log_mels, front_end)[0].double(), torch.from_numpy(theirs)):
        again = to_log(filters @ magnitude**front_end.power, front_end).T
        errors.append(float((again - log_mels[0]).square().mean().sqrt()))
    assert errors[0] < errors[1] + 0.05


def test_seed_decides_the_audio_and_leaves_torch_alone(rng):
    mels = torch.from_numpy(rng.uniform(-40, 20, (1, 50, 64))).float()
    state = torch.get_rng_state()
    first = mels_to_wave(mels, "PANN", iterations=2, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, mels_to_wave(mels, "PANN", iterations=2, seed=1))
    assert not torch.equal(first, mels_to_wave(mels, "PANN", iterations=2, seed=2))


@pytest.mark.parametrize("seconds", [0.01, 1, 30, 30.01, 30.5, 61.3])
def test_pieces_of_a_long_recording_join(rng, seconds):
    frames = round(seconds * 100) + 1
    steady = torch.from_numpy(rng.uniform(-1, 1, 64)).float().expand(1, frames, 64)
    wave = mels_to_wave(steady, "YamNet", iterations=1)
    assert wave.shape == (1, (frames - 1) * YAMNET.hop_length)
    if seconds > 30:
        level = wave[0, 16_000:-16_000].unfold(0, 8000, 8000).square().mean(dim=1).log10() * 10
        assert level.max() - level.min() < 1.5  # no hole and no bump where pieces meet


def test_floor_becomes_silence():
    mels = torch.full((1, 101, 64), -100.0)
    assert mels_to_wave(mels, "PANN", iterations=2).abs().max() < 1e-4
