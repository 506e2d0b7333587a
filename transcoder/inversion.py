"""Mels to audio: non-negative Mel-to-STFT, then fast Griffin-Lim."""

import torch
import torchaudio
from torch import Tensor

from transcoder.filters import from_log, mel_filters
from transcoder.settings import MelFrontEnd, front_end

_UPDATES = 30  # leaves below 0.1 dB on recordings; Griffin-Lim's own error is five times that
_MOMENTUM = 0.99  # of fast Griffin-Lim: Perraudin et al., WASPAA 2013
_BLOCK_S = 30  # longer spectrograms are inverted piece by piece, so that memory stays bounded
_OVERLAP_S = 0.5  # crossfade between pieces


def mels_to_wave(
    log_mels: Tensor, classifier: str, *, iterations: int = 32, seed: int = 0
) -> Tensor:
    """Invert log-Mel spectrograms of a whole recording.

    Parameters
    ----------
    log_mels
        ``(batch, time, 64)``, one frame each 10 ms: dB for "PANN", natural logarithm for
        "YamNet" (see `transcoder.mels.join_chunks`).
    iterations
        Griffin-Lim iterations: a Mel spectrogram has no phase, and each one improves the guess.
    seed
        Of the random phase that Griffin-Lim starts from.

    Returns
    -------
    ``(batch, (time - 1) * hop)`` samples at the front end's rate (32 or 16 kHz), on the level of
    the Mels.
    """
    end = front_end(classifier)
    block = _BLOCK_S * end.sample_rate // end.hop_length
    overlap = round(_OVERLAP_S * end.sample_rate) // end.hop_length
    devices = [log_mels.device] if log_mels.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        wave = _invert(log_mels[:, : block + 1], end, iterations)
        for start in range(block - overlap, log_mels.shape[1] - 1 - overlap, block - overlap):
            piece = _invert(log_mels[:, start : start + block + 1], end, iterations)
            wave = _crossfade(wave, piece, overlap * end.hop_length)
    return wave


def mel_to_magnitude(log_mels: Tensor, front_end: MelFrontEnd) -> Tensor:
    """The STFT magnitudes behind Mels: ``(batch, time, 64)`` -> ``(batch, n_fft // 2 + 1, time)``.

    Non-negative least divergence (Kullback-Leibler) by multiplicative updates: unlike least
    squares it weighs soft bands as much as loud ones, as a logarithmic spectrogram does.

    Source: Lee and Seung, "Algorithms for non-negative matrix factorization", NIPS 2000.
    """
    filters = mel_filters(front_end, n_fft=front_end.n_fft, sample_rate=front_end.sample_rate)
    filters = filters.to(log_mels)
    tiny = torch.finfo(log_mels.dtype).tiny
    mels = from_log(log_mels, front_end).transpose(1, 2)
    weights = filters.sum(dim=0).unsqueeze(1).clamp(min=tiny)
    spectrum = mels.new_ones(len(mels), len(weights), mels.shape[2])
    for _ in range(_UPDATES):
        ratio = mels / (filters @ spectrum).clamp(min=tiny)
        spectrum = spectrum * (filters.T @ ratio) / weights
    return spectrum.sqrt() if front_end.power == 2 else spectrum


def _invert(log_mels: Tensor, end: MelFrontEnd, iterations: int) -> Tensor:
    length = (log_mels.shape[1] - 1) * end.hop_length
    # the STFT reflects half a window at the borders: a shorter piece is prolonged for it
    missing = max(0, end.n_fft // end.hop_length + 1 - log_mels.shape[1])
    log_mels = torch.cat((log_mels, log_mels[:, -1:].expand(-1, missing, -1)), dim=1)
    wave = torchaudio.functional.griffinlim(
        mel_to_magnitude(log_mels, end),
        window=torch.hann_window(end.win_length, device=log_mels.device),
        n_fft=end.n_fft,
        hop_length=end.hop_length,
        win_length=end.win_length,
        power=1.0,
        n_iter=iterations,
        momentum=_MOMENTUM,
        length=(log_mels.shape[1] - 1) * end.hop_length,
        rand_init=True,
    )
    return wave[:, :length]


def _crossfade(before: Tensor, after: Tensor, samples: int) -> Tensor:
    """Join two waveforms over ``samples``; equal power, as their phases are unrelated."""
    angle = torch.linspace(0, torch.pi / 2, samples, device=before.device)
    middle = before[:, -samples:] * angle.cos() + after[:, :samples] * angle.sin()
    return torch.cat((before[:, :-samples], middle, after[:, samples:]), dim=1)
