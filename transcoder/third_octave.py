"""Waveform to fast third-octave levels, as the CENSE noise sensor computes them.

Source: github.com/nicolas-f/noisesensor, ``acoustic_indicators``. The trained transcoders depend
on every oddity here (see `band_basis` and `ThirdOctaveBands.offset_db`).
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from transcoder.settings import THIRD_OCTAVE, ThirdOctaveBands


def tukey_window(bands: ThirdOctaveBands = THIRD_OCTAVE) -> np.ndarray:
    """The sensor's Tukey window, ``(frame_length,)`` float64.

    Not SciPy's: the sensor divides by ``frame_length`` instead of ``frame_length - 1`` and rounds
    the borders of the flat part down.
    """
    n, alpha = bands.frame_length, bands.tukey_alpha
    position = np.arange(n) / n
    window = np.ones(n)
    rise = int(alpha / 2 * n)
    fall = n - rise
    angle = 2 * np.pi / alpha
    window[:rise] = 0.5 * (1 + np.cos(angle * (position[:rise] - alpha / 2)))
    window[fall:] = 0.5 * (1 + np.cos(angle * (position[fall:] - 1 + alpha / 2)))
    return window


def band_basis(bands: ThirdOctaveBands = THIRD_OCTAVE) -> np.ndarray:
    """Which FFT bins belong to which band: ``(n_bands, n_bins)`` float64 of 0 and 1.

    Both borders are rounded up and belong to the band, so that neighbours share a bin: the
    sensor counts it so.
    """
    basis = np.zeros((bands.n_bands, bands.n_bins))
    for row, centre in zip(basis, bands.centres_hz, strict=True):
        first = math.ceil(centre * 10 ** (-1 / 20) / bands.bin_width_hz)
        last = math.ceil(centre * 10 ** (1 / 20) / bands.bin_width_hz)
        row[first : last + 1] = 1
    return basis


class ThirdOctave(nn.Module):
    """Waveforms to third-octave levels, batched.

    ``(..., samples)`` at 32 kHz, full scale 1 -> ``(..., frames, 29)`` in dB; one second gives 8
    frames of 125 ms. Computes in the type and on the device of its input; the buffers are
    float64, so float64 input gives float64 accuracy.

    Parameters
    ----------
    bands
        The definition of the bands and frames.
    hop_length
        Samples between frames, when other than the sensor's 4000. Frames are then centred on
        multiples of the hop over a reflected border, as the frames of a Mel spectrogram are: the
        ``urban_mel_time`` ablation (``hop_length=320``: 101 frames a second).
    """

    def __init__(self, bands: ThirdOctaveBands = THIRD_OCTAVE, hop_length: int | None = None):
        super().__init__()
        self.bands = bands
        self.hop_length = hop_length or bands.hop_length
        self.centred = hop_length is not None
        window = tukey_window(bands)
        correction = 1 / math.sqrt(np.mean(window**2))
        # the sensor's order of operations: sqrt(sum(power) / 2) / (frame_length / 2) * correction
        scale = correction / (bands.frame_length / 2) / math.sqrt(2)
        self.register_buffer("window", torch.from_numpy(window * scale), persistent=False)
        basis = torch.from_numpy(band_basis(bands).T.copy())
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        mean_square = power_frames(
            waveform, self.window.to(waveform.dtype), self.hop_length, centred=self.centred
        ) @ self.basis.to(waveform.dtype)
        # rms <= 0 alone takes the floor, as in the sensor: a smaller positive level stays
        floor = self.bands.rms_floor**2
        mean_square = torch.where(mean_square > 0, mean_square, floor)
        return 10 * torch.log10(mean_square) + self.bands.offset_db


def power_frames(waveform: Tensor, window: Tensor, hop_length: int, *, centred: bool) -> Tensor:
    """Power spectra ``|rfft(window * frame)|**2`` of ``(..., samples)``: ``(..., frames, bins)``.

    Not centred: a frame starts at each multiple of the hop, the end is zero-padded to a full
    frame. Centred: one frame around each multiple of the hop, the borders reflected.
    """
    frame_length = window.numel()
    samples = waveform.shape[-1]
    if centred:
        half = frame_length // 2
        flat = waveform.reshape(-1, 1, samples)
        padded = nn.functional.pad(flat, (half, half), mode="reflect")
        padded = padded.reshape(*waveform.shape[:-1], -1)
    else:
        frames = -(-samples // hop_length)
        padded = nn.functional.pad(
            waveform, (0, (frames - 1) * hop_length + frame_length - samples)
        )
    spectrum = torch.fft.rfft(padded.unfold(-1, frame_length, hop_length) * window)
    return spectrum.real.square() + spectrum.imag.square()
