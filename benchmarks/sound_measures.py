"""How near a sound made from third-octave levels is to the recording, and whether it is clean.

Waveforms are ``(samples,)`` float32 tensors; levels ``(frames, 29)`` dB of the sensor's definition.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from transcoder.settings import THIRD_OCTAVE

HEARD_DB = 60.0
"""Levels further below the recording's loudest band and frame do not count."""

MODULATION_HZ = (1, 2, 4, 8, 16, 32, 64)
"""Centres of the octaves that envelopes are analysed in; sensors know of those up to 4 Hz."""

_CARRIER_HZ = (177, 354, 707, 1414, 2828, 5657)  # octave bands' edges: inside both front ends
_STEP_S = 0.004


def level_error_db(original: Tensor, result: Tensor, bands: slice = slice(None)) -> float:
    """RMS of what the levels of the result miss, where the original's are heard, in dB."""
    original, result = original[:, bands], result[:, bands]
    heard = original > original.max() - HEARD_DB
    return float((result - original)[heard].square().mean().sqrt())


def envelope_correlation(original: Tensor, result: Tensor, bands: slice = slice(None)) -> float:
    """Pearson's correlation over time of the levels in dB, mean over the bands that are heard.

    What lies below the original's floor is lifted to it in both.
    """
    original, result = original[:, bands], result[:, bands]
    floor = original.max() - HEARD_DB
    original, result = original.clamp(min=floor), result.clamp(min=floor)
    varies = original.std(dim=0) > 0
    original, result = (x - x.mean(dim=0) for x in (original[:, varies], result[:, varies]))
    norm = original.norm(dim=0) * result.norm(dim=0)
    return float(((original * result).sum(dim=0) / norm.clamp(min=1e-9)).mean())


def carrier_power(wave: Tensor, rate: int) -> Tensor:
    """Power in five octaves (250 Hz to 4 kHz) each 4 ms: ``(5, steps)``."""
    hop = round(_STEP_S * rate)
    window = torch.hann_window(4 * hop)
    n_fft = window.numel()
    spectrum = torch.stft(wave, n_fft, hop, window=window, return_complex=True).abs().square()
    hz = torch.arange(len(spectrum)) * rate / n_fft
    octaves = pairwise(_CARRIER_HZ)
    return torch.stack([spectrum[(hz >= low) & (hz < high)].sum(dim=0) for low, high in octaves])


def modulation_spectrum(wave: Tensor, rate: int) -> Tensor:
    """Power of the envelopes' modulation by `MODULATION_HZ`, over their mean's: ``(5, 7)`` dB."""
    envelope = carrier_power(wave, rate).sqrt()
    mean = envelope.mean(dim=1, keepdim=True).clamp(min=1e-9)
    n = envelope.shape[1]
    power = 2 * (torch.fft.rfft(envelope / mean - 1).abs() / n).square()
    hz = torch.arange(power.shape[1]) / (n * _STEP_S)
    columns = [
        power[:, (hz >= centre / math.sqrt(2)) & (hz < centre * math.sqrt(2))].sum(dim=1)
        for centre in MODULATION_HZ
    ]
    return 10 * torch.log10(torch.stack(columns, dim=1) + 1e-9)


def modulation_distance_db(original: Tensor, result: Tensor, rate: int, result_rate: int) -> float:
    """Mean distance of the `modulation_spectrum` of two sounds, in dB."""
    distance = modulation_spectrum(original, rate) - modulation_spectrum(result, result_rate)
    return float(distance.abs().mean())


def seam_ratios(wave: Tensor, rate: int) -> tuple[float, float]:
    """How much the spectrum changes where the seconds meet, and where the sensor's frames do.

    Returns
    -------
    seconds
        Change within 8 ms of the borders of seconds, over that at the other frames' borders: 1 if
        seconds leave no seam.
    frames
        Change within 8 ms of the frames' borders over that anywhere: 1 if nothing tells them.
        Onsets do, as the levels only say in which frame they are.
    """
    power = carrier_power(wave, rate)
    level = 10 * torch.log10(power.clamp(min=float(power.max()) * 1e-8 + 1e-20))
    change = level.diff(dim=1).abs().mean(dim=0)
    frame_steps = THIRD_OCTAVE.hop_length / THIRD_OCTAVE.sample_rate / _STEP_S
    borders = (
        (torch.arange(1, int((len(change) - 2) / frame_steps) + 1) * frame_steps).round().long()
    )
    near = torch.stack([change[borders + shift] for shift in (-2, -1, 0, 1)]).mean(dim=0)
    of_second = torch.arange(1, len(near) + 1) % THIRD_OCTAVE.frames_per_chunk == 0
    tiny = 1e-9
    seconds = near[of_second].mean() / near[~of_second].mean().clamp(min=tiny)
    return float(seconds), float(near.mean() / change.mean().clamp(min=tiny))


def click_db(wave: Tensor, rate: int) -> float:
    """Largest second difference over its RMS within 50 ms: 13 dB in noise, far more in a click."""
    jerk = wave.diff(n=2)
    width = 2 * round(0.025 * rate) + 1
    power = torch.nn.functional.avg_pool1d(jerk.square()[None], width, 1, width // 2)[0]
    power = power.clamp(min=float(power.max()) * 1e-8 + 1e-20)  # silence has no clicks
    return 20 * math.log10(float((jerk / power.sqrt()).abs().max()) + 1e-9)


def bands_between(low_hz: float, high_hz: float) -> slice:
    """The third-octave bands whose centres lie within."""
    inside = [b for b, hz in enumerate(THIRD_OCTAVE.centres_hz) if low_hz < hz < high_hz]
    return slice(inside[0], inside[-1] + 1)
