"""Texture: third-octave levels to Mels with the speckle of noise, without learning.

PINV answers with the expected spectrogram, which is smooth. Nothing in nature is: a steady noise
has Mels that scatter from frame to frame, and classifiers trained on recordings hear nothing in
smooth ones. Here the Mels of a white noise are shaped by the levels, as a noise vocoder shapes the
noise itself.
"""

import numpy as np
import torch
from torch import Tensor, nn

from transcoder.filters import from_log, to_log
from transcoder.mels import LogMel
from transcoder.pinv import Pinv
from transcoder.settings import THIRD_OCTAVE
from transcoder.third_octave import band_basis

QUIETEST_DB = -150.0
"""Levels below are raised to it. Noise of such levels is under both classifiers' ``log_floor``; and
how an onset rises from silence must not depend on the number that a sensor has for silence."""

_SILENT = 1e-20  # keeps the logarithm of an empty band finite; far below every log_floor


def white_noise_levels() -> Tensor:
    """Expected levels of white noise with a variance of 1: ``(29,)`` float64 dB.

    A bin's expected power is ``sum(window**2)``, which the sensor's energy correction turns to
    ``frame_length``, and its scale to ``2 / frame_length``. A bin that two bands share counts in
    both, here as in the sensor.
    """
    n_bins = torch.from_numpy(band_basis()).sum(dim=1)
    return 10 * torch.log10(2 * n_bins / THIRD_OCTAVE.frame_length) + THIRD_OCTAVE.offset_db


def transcode(model: nn.Module, levels: Tensor, places: Tensor, draw: int = 0) -> Tensor:
    """Mels that any transcoder makes of ``levels (batch, 8, 29)``: see `Texture.forward`.

    ``places`` and ``draw`` matter to those with texture alone.
    """
    if getattr(model, "takes_places", False):
        return model(levels, places, draw)
    return model(levels)


def noise_waves(places: Tensor, n_samples: int, *, seed: int, draw: int) -> Tensor:
    """White noise with a variance of 1 for seconds of a recording: ``(len(places), n_samples)``.

    A second's noise depends on its place, the seed and the draw alone, by a counter-based
    generator: whatever the batches, the device and the processor, it is the same.
    """
    waves = np.empty((len(places), n_samples), dtype=np.float32)
    for wave, place in zip(waves, places.tolist(), strict=True):
        bits = np.random.Philox(key=seed, counter=[0, 0, draw, place])
        np.random.Generator(bits).standard_normal(out=wave, dtype=np.float32)
    return torch.from_numpy(waves)


class Noise(nn.Module):
    """Mels of white noise, not logarithmic, for seconds: ``-> (batch, frames, 64)``.

    The noise has a variance of 1 at the sensor's rate; at the classifier's, where noise of the
    same density has less, ``rate / 32000``.

    Parameters
    ----------
    classifier
        "PANN" or "YamNet".
    seed
        Of the noise; see `noise_waves`.
    """

    def __init__(self, classifier: str, *, seed: int = 0):
        super().__init__()
        self.seed = seed
        self.log_mel = LogMel(classifier)

    def forward(self, places: Tensor, draw: int = 0) -> Tensor:
        """The noise of seconds at ``places (batch,)`` of a recording, on the CPU or a GPU."""
        waves = noise_waves(
            places, self.log_mel.front_end.samples_per_chunk, seed=self.seed, draw=draw
        )
        return self._mels(waves.to(self.log_mel.filters.device))

    def fresh(self, n: int) -> Tensor:
        """Noise that was never there before, from torch's generator, as training wants it."""
        shape = (n, self.log_mel.front_end.samples_per_chunk)
        return self._mels(torch.randn(shape, device=self.log_mel.filters.device))

    def _mels(self, waves: Tensor) -> Tensor:
        end = self.log_mel.front_end
        with torch.autocast(waves.device.type, enabled=False):
            density = end.sample_rate / THIRD_OCTAVE.sample_rate
            return from_log(self.log_mel(waves * density**0.5), end)


class Envelope(nn.Module):
    """How much louder than white noise of variance 1: ``(batch, 8, 29)`` dB -> Mels' logarithm.

    ``(batch, frames, 64)``, natural logarithm of a factor on the noise's Mels: PINV of the levels
    over PINV of `white_noise_levels`. PINV's energy scale, the window's correction that it does
    not undo, filters over magnitudes in place of powers, and the bins that bands share are in
    both, and cancel. So white noise is exact. The spectrum of coloured noise slopes within a
    filter, which levels do not tell: pink noise is within 0.4 dB and brown noise within 0.8 dB,
    but in PANN's lowest band, a single bin that the ones below leak into: 0.9 and 2.3 dB.

    In time it is interpolated between the centres of the sensor's frames, in dB as sounds decay;
    then each frame's energy is set to what the sensor measured. So an onset stays as loud as it
    was, where PINV's linear interpolation smears it over two frames and halves it.
    """

    def __init__(self, classifier: str):
        super().__init__()
        pinv = Pinv(classifier, exact=True)
        self.front_end = pinv.front_end
        matrix = pinv.bands_to_mels
        white = 10 ** (white_noise_levels() / 10) @ matrix
        self.register_buffer("bands_to_mels", matrix / white, persistent=False)
        before, weight, frame = _time_axis(self.front_end.frames)
        self.register_buffer("before", before, persistent=False)
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("frame", frame, persistent=False)
        one_hot = nn.functional.one_hot(frame, THIRD_OCTAVE.frames_per_chunk).double()
        self.register_buffer("mean_of_frame", (one_hot / one_hot.sum(dim=0)).T, persistent=False)

    def forward(self, levels: Tensor) -> Tensor:
        with torch.autocast(levels.device.type, enabled=False):
            levels = levels if levels.dtype == torch.float64 else levels.float()
            levels = levels.clamp(min=QUIETEST_DB)
            power = 10 ** (levels / 10) @ self.bands_to_mels.to(levels.dtype) + _SILENT
            log_power = power.log()
            weight = self.weight.to(levels.dtype)
            smooth = torch.lerp(log_power[:, self.before], log_power[:, self.before + 1], weight)
            measured = self.mean_of_frame.to(levels.dtype) @ smooth.exp()
            smooth = smooth + (log_power - measured.log())[:, self.frame]
            return smooth / 2 if self.front_end.power == 1 else smooth


def _time_axis(n_frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each Mel frame: the level frame before it, the weight of the next one, its own one.

    A Mel frame is centred on its multiple of 10 ms, a level frame on half its length.
    """
    bands, hop_s = THIRD_OCTAVE, 0.01
    at = torch.arange(n_frames, dtype=torch.float64) * hop_s * bands.sample_rate
    position = (at - bands.frame_length / 2) / bands.hop_length
    position = position.clamp(0, bands.frames_per_chunk - 1)
    before = position.long().clamp(max=bands.frames_per_chunk - 2)
    frame = (at / bands.hop_length).long().clamp(max=bands.frames_per_chunk - 1)
    return before, (position - before).view(-1, 1), frame


class Texture(nn.Module):
    """Levels to log-Mels with texture: ``(batch, 8, 29)`` dB -> ``(batch, frames, 64)``.

    The Mels of white noise times `Envelope`: noise of any level comes out as a recording of it
    would.

    Parameters
    ----------
    classifier
        "PANN" or "YamNet".
    seed
        Of the noise; see `noise_waves`.
    """

    takes_places = True
    """`forward` wants to know which seconds of a recording it gets."""

    def __init__(self, classifier: str, *, seed: int = 0):
        super().__init__()
        self.envelope = Envelope(classifier)
        self.noise = Noise(classifier, seed=seed)
        self.front_end = self.envelope.front_end

    def forward(self, levels: Tensor, places: Tensor | None = None, draw: int = 0) -> Tensor:
        """Log-Mels of seconds.

        Parameters
        ----------
        levels
            ``(batch, 8, 29)`` dB.
        places
            ``(batch,)`` integers, which seconds of their recording these are; by default the
            first ones.
        draw
            Number of the noise, from 0: others give other Mels for the same levels.
        """
        if places is None:
            places = torch.arange(len(levels))
        return to_log(self.envelope(levels).exp() * self.noise(places, draw), self.front_end)
