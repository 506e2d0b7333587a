"""Mel filters and logarithms, as each classifier's front end has them."""

import torch
from torch import Tensor

from transcoder.errors import UserError
from transcoder.settings import THIRD_OCTAVE, MelFrontEnd

try:
    import torchaudio
except (RuntimeError, OSError) as error:
    # torch and torchaudio of different CUDA builds do not go together
    raise UserError(
        f"torchaudio does not fit torch {torch.__version__} ({str(error).splitlines()[0]}); "
        'install them together: pip install "torch==2.11.0" "torchaudio==2.11.0" '
        '"torchvision==0.26.0" (other builds: docs/hardware.md)'
    ) from error


def mel_filters(front_end: MelFrontEnd, *, n_fft: int, sample_rate: int) -> Tensor:
    """The front end's triangular filters on a spectrum: ``(n_mels, n_fft // 2 + 1)`` float64."""
    filters = torchaudio.functional.melscale_fbanks(
        n_freqs=n_fft // 2 + 1,
        f_min=front_end.f_min_hz,
        f_max=front_end.f_max_hz,
        n_mels=front_end.n_mels,
        sample_rate=sample_rate,
        norm=front_end.mel_norm,
        mel_scale=front_end.mel_scale,
    )
    return filters.T.double()


def to_log(mel: Tensor, front_end: MelFrontEnd) -> Tensor:
    """Mel power (PANN) or magnitude (YAMNet) to dB or to a natural logarithm."""
    if front_end.log == "db":
        return 10 * torch.log10(mel.clamp(min=front_end.log_floor))
    return torch.log(mel + front_end.log_floor)


def from_log(log_mel: Tensor, front_end: MelFrontEnd) -> Tensor:
    """The inverse of `to_log`; never negative."""
    if front_end.log == "db":
        return 10 ** (log_mel / 10)
    return (log_mel.exp() - front_end.log_floor).clamp(min=0)


def energy_scale(front_end: MelFrontEnd) -> float:
    """Power of a Mel front end's STFT over that of the third-octave frames."""
    n, m = front_end.n_fft, THIRD_OCTAVE.frame_length
    return (0.5 * (1 + n / 2) / (1 + m / 2)) ** 2
