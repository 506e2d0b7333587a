"""Every constant of the signal path, once: rates, bands, Mel front ends, chunk sizes.

Sources: the CENSE noise sensor (third-octave levels), Kong et al. 2020 (PANN), the TensorFlow
models repository (YAMNet), Tailleur et al., DCASE 2023 (how they are put together).
"""

import math
from dataclasses import dataclass

from transcoder.errors import UsageError

CHUNK_DURATION_S = 1
"""Every stage works on single chunks of this length."""


@dataclass(frozen=True)
class ThirdOctaveBands:
    """Fast third-octave levels as the CENSE sensor defines them: one frame each 125 ms."""

    sample_rate: int = 32_000
    frame_length: int = 4096
    hop_length: int = 4000  # 125 ms: "fast"
    n_bands: int = 29
    first_band: int = -17  # band b is centred at 1000 * 10**((b + first_band) / 10) Hz
    tukey_alpha: float = 0.2
    offset_db: float = 26.0  # the sensor's microphone calibration; applied to full-scale audio too
    rms_floor: float = 1e-9  # takes the place of an rms of zero

    @property
    def n_bins(self) -> int:
        """Bins of the one-sided spectrum: 2049."""
        return self.frame_length // 2 + 1

    @property
    def bin_width_hz(self) -> float:
        """7.8125 Hz."""
        return self.sample_rate / self.frame_length

    @property
    def frames_per_chunk(self) -> int:
        """8 frames a second."""
        return self.sample_rate * CHUNK_DURATION_S // self.hop_length

    @property
    def silence_db(self) -> float:
        """Level of a frame without any energy: -154 dB."""
        return 20 * math.log10(self.rms_floor) + self.offset_db

    @property
    def centres_hz(self) -> tuple[float, ...]:
        """Exact centre frequencies, 20 Hz to 12.6 kHz."""
        return tuple(1000 * 10 ** ((b + self.first_band) / 10) for b in range(self.n_bands))


@dataclass(frozen=True)
class MelFrontEnd:
    """The Mel spectrogram that a classifier was trained on."""

    classifier: str
    sample_rate: int
    n_fft: int
    win_length: int
    hop_length: int
    f_min_hz: float
    f_max_hz: float
    mel_scale: str  # "slaney" or "htk"
    mel_norm: str | None  # "slaney" (each filter has unit area) or None (unit peak)
    power: float  # of the STFT magnitude: 1 or 2
    log: str  # "db": 10*log10(max(x, floor)); "ln": ln(x + floor)
    log_floor: float
    frames: int  # of a 1-s chunk that the classifier sees
    n_classes: int
    n_mels: int = 64

    @property
    def samples_per_chunk(self) -> int:
        return self.sample_rate * CHUNK_DURATION_S


THIRD_OCTAVE = ThirdOctaveBands()

PANN = MelFrontEnd(
    classifier="PANN",
    sample_rate=32_000,
    n_fft=1024,
    win_length=1024,
    hop_length=320,
    f_min_hz=50.0,
    f_max_hz=14_000.0,
    mel_scale="slaney",
    mel_norm="slaney",
    power=2.0,
    log="db",
    log_floor=1e-10,
    frames=101,
    n_classes=527,
)

YAMNET = MelFrontEnd(
    classifier="YamNet",
    sample_rate=16_000,
    n_fft=512,
    win_length=400,
    hop_length=160,
    f_min_hz=125.0,
    f_max_hz=7_500.0,
    mel_scale="htk",
    mel_norm=None,
    power=1.0,
    log="ln",
    log_floor=1e-3,
    frames=96,  # of the 101 frames of a second; YAMNet's patch is 0.96 s
    n_classes=521,
)

FRONT_ENDS = {front_end.classifier: front_end for front_end in (PANN, YAMNET)}
"""The classifiers by the names that the published plans and checkpoints use."""


def front_end(classifier: str) -> MelFrontEnd:
    """The Mel front end of ``classifier`` ("PANN" or "YamNet"); `UsageError` for another name."""
    try:
        return FRONT_ENDS[classifier]
    except KeyError:
        allowed = " or ".join(FRONT_ENDS)
        raise UsageError(f"unknown classifier {classifier!r}: choose {allowed}") from None
