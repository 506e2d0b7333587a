"""Learned Mels with texture: one network that gives classes and sound."""

import math

import torch
from torch import Tensor, nn

from transcoder.direct import LevelEncoder
from transcoder.settings import THIRD_OCTAVE
from transcoder.texture import Envelope, Noise

_QUIETEST_NOISE = 1e-3  # of a Mel point, relative to the noise's scale: a logarithm follows


class Textured(nn.Module):
    """Levels to log-Mels: `Texture` with an envelope and a speckle that are learned.

    ``(batch, 8, 29)`` dB -> ``(batch, frames, 64)``. For each Mel point the network sees the whole
    second and gives a correction of the envelope and an exponent of the noise: 1 leaves the
    speckle of noise, 0 makes it smooth as a tone is. At the beginning both are those of `Texture`.

    Parameters
    ----------
    classifier
        "PANN" or "YamNet".
    width, layers
        Of the `LevelEncoder`.
    seed
        Of the noise; see `transcoder.texture.noise_waves`. In training mode the noise is fresh.
    """

    takes_places = True

    def __init__(self, classifier: str, *, width: int = 192, layers: int = 3, seed: int = 0):
        super().__init__()
        self.envelope = Envelope(classifier)
        self.noise = Noise(classifier, seed=seed)
        self.front_end = self.envelope.front_end
        n_frames = self.front_end.frames
        self.frames_per_token = math.ceil(n_frames / THIRD_OCTAVE.frames_per_chunk)
        self.encoder = LevelEncoder(width, layers)
        self.head = nn.Linear(width, 2 * self.frames_per_token * self.front_end.n_mels)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("noise_log_mean", _mean_log_noise(self.noise), persistent=False)

    def forward(self, levels: Tensor, places: Tensor | None = None, draw: int = 0) -> Tensor:
        """Log-Mels of seconds; arguments as of `Texture.forward`."""
        if self.training:
            noise = self.noise.fresh(len(levels))
        else:
            noise = self.noise(torch.arange(len(levels)) if places is None else places, draw)
        speckle = noise.clamp(min=_QUIETEST_NOISE).log() - self.noise_log_mean
        correction, exponent = self._corrections(levels)
        with torch.autocast(levels.device.type, enabled=False):
            log_mel = self.envelope(levels) + self.noise_log_mean + correction.float()
            log_mel = log_mel + (1 + exponent.float()) * speckle
            if self.front_end.log == "ln":
                return torch.logaddexp(log_mel, log_mel.new_tensor(self.front_end.log_floor).log())
            return (10 / math.log(10) * log_mel).clamp(
                min=10 * math.log10(self.front_end.log_floor)
            )

    def _corrections(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Two ``(batch, frames, 64)``: natural logarithm of a factor, and of an exponent less 1."""
        tokens = self.head(self.encoder(levels))
        points = tokens.unflatten(-1, (self.frames_per_token, 2, self.front_end.n_mels))
        points = points.flatten(1, 2)[:, : self.front_end.frames]
        return points[:, :, 0], points[:, :, 1]


def _mean_log_noise(noise: Noise) -> Tensor:
    """Mean logarithm of the noise in each Mel band: ``(64,)``, over some seconds."""
    return noise(torch.arange(16)).clamp(min=_QUIETEST_NOISE).log().mean(dim=(0, 1))
