"""PINV: third-octave levels to Mels without learning, through a pseudo-inverse of the bands.

The chain bands -> 2049-bin spectrum -> Mel bands is linear, and so is the interpolation in time:
both are folded into two small matrices, and no 2049-wide tensor ever exists.
"""

import functools
from importlib import resources

import numpy as np
import torch
from torch import Tensor, nn

from transcoder.filters import energy_scale, from_log, mel_filters, to_log
from transcoder.settings import FRONT_ENDS, THIRD_OCTAVE, front_end
from transcoder.third_octave import band_basis

_MATRICES = "pinv_matrices.npz"


def pseudo_inverse(*, exact: bool = False) -> Tensor:
    """``relu(pinv(band_basis()))``: bands to spectrum, ``(2049, 29)`` float64.

    By default the pseudo-inverse is taken in float32, as the published system did. Its rounding
    leaves thousands of tiny positive entries that leak loud bands into empty ones, and the
    published checkpoints were trained with that leak. Rounding differs between linear-algebra
    libraries, so programs use the matrices shipped in ``pinv_matrices.npz``; ``exact=True`` takes
    the float64 pseudo-inverse, without a leak.
    """
    basis = torch.from_numpy(band_basis())
    if exact:
        inverse = torch.linalg.pinv(basis)
        # entries shrink from band to band; what lies below this is the rounding of float64
        return torch.where(inverse > 1e-12, inverse, 0.0)
    return torch.linalg.pinv(basis.float(), rcond=1e-15).relu().double()


def fold(classifier: str, inverse: Tensor) -> Tensor:
    """Band powers to Mel powers: Mel filters times ``inverse (2049, 29)``: ``(64, 29)`` float64."""
    filters = mel_filters(
        front_end(classifier),
        n_fft=THIRD_OCTAVE.frame_length,
        sample_rate=THIRD_OCTAVE.sample_rate,
    )
    return filters @ inverse


def write_matrices(path) -> None:
    """Write the folded matrices that the package ships; see `pseudo_inverse` for why."""
    inverse = pseudo_inverse()
    np.savez(path, **{name: fold(name, inverse).numpy() for name in FRONT_ENDS})


@functools.cache
def _shipped_matrices() -> dict[str, np.ndarray]:
    with (resources.files("transcoder") / _MATRICES).open("rb") as file:
        return dict(np.load(file))


def time_interpolation(n_in: int, n_out: int) -> Tensor:
    """Linear interpolation with half-pixel centres as a matrix: ``(n_out, n_in)`` float64."""
    rows = torch.eye(n_in, dtype=torch.float64).unsqueeze(0)
    return nn.functional.interpolate(rows, size=n_out, mode="linear", align_corners=False)[0].T


class Pinv(nn.Module):
    """Levels to log-Mels: ``(batch, frames_in, bands) -> (batch, frames, 64)``, differentiable.

    Another number of frames than a chunk's is stretched in time to the chunk, as published.

    Parameters
    ----------
    classifier
        "PANN" (101 frames of dB) or "YamNet" (96 frames of natural logarithm).
    input_type
        ``"third_octave"``: ``(batch, 8, 29)`` dB, the sensor's levels.
        ``"mel_time"``: ``(batch, frames, 29)`` dB, third-octave bands at the Mel frame rate.
        ``"mel_freq"``: ``(batch, 8, 64)`` log-Mel bands at the third-octave frame rate.
    exact
        Use the float64 pseudo-inverse instead of the published one (see `pseudo_inverse`).
    magnitude
        YAMNet's filters were made for magnitudes, but the published system applies them to power:
        trained checkpoints depend on it. True takes the square root first.

    Source: Tailleur et al., DCASE 2023, section 3.
    """

    def __init__(
        self,
        classifier: str,
        *,
        input_type: str = "third_octave",
        exact: bool = False,
        magnitude: bool = False,
    ):
        super().__init__()
        self.front_end = front_end(classifier)
        self.input_type = input_type
        self.magnitude = magnitude
        frames_in, self.bands_in = input_shape(classifier, input_type)
        if exact:
            matrix = fold(classifier, pseudo_inverse(exact=True))
        else:
            matrix = torch.from_numpy(_shipped_matrices()[classifier])
        # from (10**((level - offset) / 20) * frame_length / sqrt(2))**2 on the Mel STFT's scale;
        # the window's energy correction is not undone: the checkpoints were trained so
        power = 10 ** (-THIRD_OCTAVE.offset_db / 10) * THIRD_OCTAVE.frame_length**2 / 2
        bands_to_mels = (matrix * power * energy_scale(self.front_end)).T.contiguous()
        time = time_interpolation(frames_in, self.front_end.frames)
        self.register_buffer("bands_to_mels", bands_to_mels, persistent=False)
        self.register_buffer("time", time, persistent=False)

    def forward(self, levels: Tensor) -> Tensor:
        # mixed precision would cost whole dB here, and there is nothing to gain
        with torch.autocast(levels.device.type, enabled=False):
            if levels.dtype not in (torch.float32, torch.float64):
                levels = levels.float()
            if self.input_type == "mel_freq":
                mels = from_log(levels, self.front_end)
            else:
                mels = 10 ** (levels / 10) @ self.bands_to_mels.to(levels.dtype)
            if self.input_type != "mel_time":
                mels = self._time(mels.shape[-2]).to(mels) @ mels
            if self.magnitude:
                mels = mels.sqrt()
            return to_log(mels, self.front_end)

    def _time(self, n_frames: int) -> Tensor:
        if n_frames == self.time.shape[1]:
            return self.time
        return time_interpolation(n_frames, self.front_end.frames)


INPUT_TYPES = ("third_octave", "mel_time", "mel_freq")


def input_shape(classifier: str, input_type: str) -> tuple[int, int]:
    """Frames and bands of one chunk of a transcoder's input."""
    shapes = {
        "third_octave": (THIRD_OCTAVE.frames_per_chunk, THIRD_OCTAVE.n_bands),
        "mel_time": (front_end(classifier).frames, THIRD_OCTAVE.n_bands),
        "mel_freq": (THIRD_OCTAVE.frames_per_chunk, front_end(classifier).n_mels),
    }
    if input_type not in shapes:
        raise ValueError(f"unknown input type {input_type!r}: choose from {INPUT_TYPES}")
    return shapes[input_type]
