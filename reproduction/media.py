"""Figures and sounds as data URIs, small enough to travel inside the report."""

import base64
import io
import math
from dataclasses import dataclass
from pathlib import Path

from transcoder.audio import read_audio
from transcoder.errors import UserError

MAX_SOUND_DURATION_S = 30.0
_MAX_IMAGE_WIDTH = 1400  # pixels: the widest figures are still sharp on a desktop screen
_WEBP_QUALITY = 75  # a figure of 1400 pixels takes about 40 kB


@dataclass(frozen=True)
class Image:
    """A picture in the page, with its size in pixels so that the text below never jumps."""

    uri: str
    width: int
    height: int

    @property
    def is_panorama(self) -> bool:
        """Too wide to be read at a phone's width: scrolls inside its box there."""
        return self.width > 2 * self.height


@dataclass(frozen=True)
class EmbeddedSound:
    """A sound in the page, and what was done to it so that it can be played there."""

    uri: str
    attenuation_db: float  # 0 unless its peak was above full scale
    is_cut: bool  # only the first `MAX_SOUND_DURATION_S` are in the page


def embed_image(path: Path) -> Image:
    """Compress a picture to WebP; `UserError` if the file is none."""
    from PIL import Image as Picture

    try:
        with Picture.open(path) as file:
            picture = file.convert("RGB")
    except (OSError, SyntaxError) as error:  # Pillow's PNG reader raises SyntaxError
        raise UserError(f"{path}: cannot be read as a picture: {error}") from None
    picture.thumbnail((_MAX_IMAGE_WIDTH, _MAX_IMAGE_WIDTH * 4))
    data = io.BytesIO()
    picture.save(data, "WEBP", quality=_WEBP_QUALITY, method=4)
    return Image(_data_uri("image/webp", data), *picture.size)


def embed_sound(path: Path) -> EmbeddedSound:
    """Compress a sound to mono MP3, its peak at most at full scale; `UserError` if unreadable.

    The levels of quieter sounds are kept, so that the versions of a recording stay comparable.
    """
    import soundfile

    waveform, sample_rate = read_audio(path)
    peak = max(1.0, float(abs(waveform).max()))
    kept = waveform[: round(MAX_SOUND_DURATION_S * sample_rate)]
    data = io.BytesIO()
    soundfile.write(data, kept / peak, sample_rate, format="MP3")
    is_cut = kept.size < waveform.size
    return EmbeddedSound(_data_uri("audio/mpeg", data), 20 * math.log10(peak), is_cut)


def _data_uri(media_type: str, data: io.BytesIO) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data.getvalue()).decode('ascii')}"
