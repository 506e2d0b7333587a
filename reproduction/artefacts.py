"""What the steps of the reproduction left, gathered for the report.

Figures and sounds become data URIs, small enough to travel inside it.

A section without artefacts names the command that makes them; a file that cannot be read is named
in its section, and the rest is shown all the same.
"""

import base64
import csv
import datetime
import io
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reproduction.runner import StepRecord
from reproduction.wording import figure_caption
from transcoder.audio import read_audio
from transcoder.errors import UserError
from transcoder.names import METHODS, NOISE_VOCODER, PAPER_METHODS, TRUE_MELS, wav_name

VERSIONS = {
    "original": ("Original", "the recording itself"),
    TRUE_MELS: ("Regenerated", "from its true Mel spectrogram: what the inversion alone loses"),
    "pinv": (METHODS["pinv"], "from third-octave levels, by pseudo-inverse"),
    "cnn_mels": (METHODS["cnn_mels"], "from third-octave levels, trained on Mel spectrograms"),
    "cnn_logits": (
        METHODS["cnn_logits"],
        "from third-octave levels, trained on the classifier's output",
    ),
    "texture": ("Texture", "from third-octave levels: white noise shaped by them"),
    "textured": ("Textured CNN", "the same, by a CNN that was trained on mixtures"),
    NOISE_VOCODER: ("Noise vocoder", "noise that has the third-octave levels, without Mels"),
}
"""Sounds that generate_audio.py makes -> title and explanation, in the order of listening."""

_MELS_HEARD = {"original": TRUE_MELS, TRUE_MELS: ""}
"""The classes heard in the true Mels are the original's; the regenerated sound's are unknown."""

_N_CLASSES = 5

MAX_SOUND_DURATION_S = 30.0
_MAX_IMAGE_WIDTH = 1400  # pixels: the widest figures are still sharp on a desktop screen
_WEBP_QUALITY = 75  # a figure of 1400 pixels takes about 40 kB


@dataclass(frozen=True)
class Section:
    """Artefacts of one kind; ``missing`` tells how to make them if there are none."""

    items: tuple[Any, ...] = ()
    missing: str = ""
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """The run log: what ran, where, how long."""

    started: datetime.datetime
    mode: str
    provenance: dict[str, str]
    steps: tuple[dict, ...]

    @property
    def seconds(self) -> float:
        return sum(step["seconds"] for step in self.steps)

    @property
    def peak_memory_mb(self) -> float:
        return max((step["peak_memory_mb"] for step in self.steps), default=0.0)


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


@dataclass(frozen=True)
class Figure:
    caption: str
    image: Image
    folder: str  # figures of one folder are shown together


@dataclass(frozen=True)
class Version:
    """One of a recording's sounds; without ``sound`` it was not generated."""

    title: str
    explanation: str
    sound: EmbeddedSound | None
    classes: tuple[tuple[str, float], ...]  # name and probability, most probable first


@dataclass(frozen=True)
class SoundExample:
    """A recording and the sounds that generate_audio.py made of it."""

    name: str
    versions: tuple[Version, ...]
    spectrograms: Image | None
    classifier: str


def gather(paths: Iterable[Path], read: Callable[[Path], Any], missing: str) -> Section:
    """Read each of ``paths``; what cannot be read is named instead."""
    items, damaged = [], []
    for path in paths:
        try:
            items.append(read(path))
        except UserError as error:
            damaged.append(str(error))
    return Section(tuple(items), "" if items or damaged else missing, tuple(damaged))


def read_run_log(path: Path) -> Run:
    """The log that reproduce.py keeps; `UserError` if it is damaged."""
    try:
        log = json.loads(path.read_text(encoding="utf-8"))
        started = datetime.datetime.fromisoformat(log["started"])
        steps = tuple(asdict(StepRecord.of(entry)) for entry in log.get("steps", ()))
        return Run(started, log["mode"], dict(log["provenance"]), steps)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message = f"{path}: is no run log; run reproduce.py again to write a new one"
        raise UserError(message) from None


def read_figure(path: Path) -> Figure:
    """A picture with a caption made of its file name."""
    return Figure(figure_caption(path), embed_image(path), path.parent.name)


def read_recording(original: Path) -> SoundExample:
    """The folder of ``<name>_original.wav`` as generate_audio.py writes it."""
    folder, name = original.parent, original.name.removesuffix("_original.wav")
    classes, classifier = _read_classes(folder / f"{name}_classes.csv")
    versions = []
    for made, (title, explanation) in VERSIONS.items():
        wav = folder / wav_name(name, made)
        if not wav.is_file() and made not in PAPER_METHODS:
            continue  # the absence of the paper's transcoders is shown
        heard = classes.get(_MELS_HEARD.get(made, made), ())
        sound = embed_sound(wav) if wav.is_file() else None
        versions.append(Version(title, explanation, sound, tuple(heard[:_N_CLASSES])))
    figure = folder / f"{name}_spectrograms.png"
    spectrograms = embed_image(figure) if figure.is_file() else None
    # a second classifier's folder is called name_PANN
    title = folder.name if folder.name.startswith(name) else name
    return SoundExample(title.replace("_", " "), tuple(versions), spectrograms, classifier)


def _read_classes(path: Path) -> tuple[dict[str, list[tuple[str, float]]], str]:
    """The top classes of each kind of Mels, and who heard them; empty without the file."""
    if not path.is_file():
        return {}, ""
    classes: dict[str, list[tuple[str, float]]] = {}
    classifier = ""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                heard = (row["class"], float(row["probability"]))
                classes.setdefault(row["mels"], []).append(heard)
                classifier = row["classifier"]
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: is no list of classes; run generate_audio.py again") from None
    return classes, classifier


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
