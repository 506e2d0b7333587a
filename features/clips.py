"""One clip to its paired features: third-octave levels and Mels of each second."""

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from features.files import levels_name, mels_name
from transcoder.audio import AudioError, prepare, read_audio, to_chunks
from transcoder.errors import UsageError
from transcoder.mels import LogMel, SlowMel
from transcoder.pinv import INPUT_TYPES
from transcoder.settings import CHUNK_DURATION_S, FRONT_ENDS, PANN, THIRD_OCTAVE, ThirdOctaveBands
from transcoder.third_octave import ThirdOctave

CLIP_DURATION_S = 10
"""What the clips of TAU last; others are used, but reported."""

MAX_DURATION_S = 60
"""Longer files are no clips: peak normalisation and memory both count on short ones."""


@dataclass(frozen=True)
class FeatureConfig:
    """What is computed and how it is stored; checks itself (`UsageError`)."""

    input_type: str = "third_octave"  # or "mel_time", "mel_freq": see transcoder.pinv.Pinv
    classifiers: tuple[str, ...] = tuple(FRONT_ENDS)  # whose Mels are stored
    frame_length: int = THIRD_OCTAVE.frame_length  # of the third-octave frames, in samples
    hop_length: int = THIRD_OCTAVE.hop_length
    dtype: str = "float32"  # or "float16"

    def __post_init__(self) -> None:
        if self.input_type not in INPUT_TYPES:
            raise UsageError(f"unknown input {self.input_type!r}: choose from {INPUT_TYPES}")
        if self.dtype not in ("float32", "float16"):
            raise UsageError(f"unknown type {self.dtype!r}: choose float32 or float16")
        if not 64 <= self.frame_length <= THIRD_OCTAVE.sample_rate or self.frame_length % 2:
            raise UsageError(
                f"frame length {self.frame_length}: give an even number of samples, 64 to "
                f"{THIRD_OCTAVE.sample_rate}"
            )
        if not 1 <= self.hop_length <= self.frame_length:
            raise UsageError(
                f"hop length {self.hop_length}: give 1 to the frame length ({self.frame_length})"
            )
        if self.input_type != "third_octave" and self.hop_length != THIRD_OCTAVE.hop_length:
            raise UsageError(f"the hop length of {self.input_type} cannot be chosen")
        if self.input_type == "mel_freq" and self.frame_length != THIRD_OCTAVE.frame_length:
            raise UsageError("the frame length of mel_freq cannot be chosen")


@dataclass(frozen=True)
class Extractor:
    """Chunks ``(chunks, samples)`` at ``sample_rate`` to features ``(chunks, frames, bands)``."""

    sample_rate: int
    module: nn.Module


def extractors(config: FeatureConfig) -> dict[str, Extractor]:
    """One extractor for each dataset of the feature file."""
    found = {}
    for name in config.classifiers:
        found[mels_name(name)] = Extractor(FRONT_ENDS[name].sample_rate, LogMel(name))
        if config.input_type == "mel_freq":
            levels = SlowMel(name)
        else:
            bands = ThirdOctaveBands(frame_length=config.frame_length, hop_length=config.hop_length)
            hop_length = PANN.hop_length if config.input_type == "mel_time" else None
            levels = ThirdOctave(bands, hop_length)
        found[levels_name(name, config.input_type)] = Extractor(THIRD_OCTAVE.sample_rate, levels)
    # the sounds are float32, so that each call would convert the filters
    return {name: Extractor(e.sample_rate, e.module.float()) for name, e in found.items()}


@torch.no_grad()
def row_shapes(extractors: dict[str, Extractor]) -> dict[str, tuple[int, ...]]:
    """The shape of one second's features for each extractor."""
    return {
        name: tuple(e.module(torch.zeros(1, e.sample_rate * CHUNK_DURATION_S)).shape[1:])
        for name, e in extractors.items()
    }


@torch.no_grad()
def clip_features(
    path: str | os.PathLike, extractors: dict[str, Extractor]
) -> tuple[dict[str, np.ndarray], str]:
    """Features of each second of a file.

    A file of any length up to `MAX_DURATION_S` is rounded to whole seconds: a last part of half a
    second or more is completed with silence, a shorter one is left out.

    Returns
    -------
    features : by extractor, ``(seconds, frames, bands)`` float32
    note : what is odd about the clip, or an empty text

    Raises
    ------
    AudioError
        If the file cannot be used: unreadable, without samples, not finite, silent, shorter than
        half a second, too long.
    """
    waveform, sample_rate = read_audio(path, duration_s=MAX_DURATION_S + 1)
    seconds, note = _usable_seconds(waveform.size, sample_rate, name=str(path))
    if np.ptp(waveform) == 0:
        raise AudioError(f"{path}: is silent: all its samples are {waveform[0]:g}")
    chunks = {}
    for rate in {e.sample_rate for e in extractors.values()}:
        try:
            prepared = prepare(waveform, sample_rate, rate)
        except (ValueError, RuntimeError) as error:
            raise AudioError(
                f"{path}: cannot be resampled from {sample_rate} Hz: {error}"
            ) from None
        samples = seconds * rate
        prepared = np.pad(prepared[:samples], (0, max(0, samples - prepared.size)))
        chunks[rate] = torch.from_numpy(to_chunks(prepared, rate))
    return {name: e.module(chunks[e.sample_rate]).numpy() for name, e in extractors.items()}, note


def _usable_seconds(n_samples: int, sample_rate: int, *, name: str) -> tuple[int, str]:
    """How many 1-s chunks a clip gives, and what is odd about it."""
    duration_s = n_samples / sample_rate
    if duration_s > MAX_DURATION_S:
        raise AudioError(f"{name}: lasts longer than {MAX_DURATION_S} s: cut it into clips first")
    seconds = int(duration_s + 0.5)
    if seconds == 0:
        raise AudioError(f"{name}: lasts {duration_s:.3f} s: too short")
    notes = []
    if n_samples != CLIP_DURATION_S * sample_rate:
        note = f"lasts {duration_s:.3f} s, not {CLIP_DURATION_S} s: {seconds} used"
        if duration_s < seconds:
            note += ", the last one completed with silence"
        notes.append(note)
    if sample_rate < THIRD_OCTAVE.sample_rate:
        notes.append(f"sampled at {sample_rate} Hz: silent above half of that")
    return seconds, "; ".join(notes)
