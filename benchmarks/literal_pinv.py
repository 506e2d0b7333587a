"""The baseline of PINV's benchmark: the published chain spelled out, 2049 bins wide."""

from torch import Tensor, nn

from transcoder.filters import energy_scale, mel_filters, to_log
from transcoder.pinv import pseudo_inverse
from transcoder.settings import THIRD_OCTAVE, front_end


class LiteralPinv(nn.Module):
    """``(batch, 8, 29)`` dB -> ``(batch, frames, 64)`` by way of ``(batch, 2049, frames)``."""

    def __init__(self, classifier: str):
        super().__init__()
        self.front_end = front_end(classifier)
        filters = mel_filters(
            self.front_end, n_fft=THIRD_OCTAVE.frame_length, sample_rate=THIRD_OCTAVE.sample_rate
        )
        self.register_buffer("inverse", pseudo_inverse().float())
        self.register_buffer("filters", filters.float())

    def forward(self, levels: Tensor) -> Tensor:
        rms = 10 ** ((levels - THIRD_OCTAVE.offset_db) / 20)
        power = (rms * THIRD_OCTAVE.frame_length * 2**0.5 / 2) ** 2
        spectrum = self.inverse @ (power * energy_scale(self.front_end)).transpose(1, 2)
        spectrum = nn.functional.interpolate(
            spectrum, size=self.front_end.frames, mode="linear", align_corners=False
        )
        return to_log((self.filters @ spectrum).transpose(1, 2), self.front_end)
