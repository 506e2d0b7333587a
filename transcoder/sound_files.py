"""Sound files piece by piece, as they come: what their headers say is not believed.

A header may lie about the length, or not know it (FLAC that was written into a pipe), so a file is
read forwards to where its sound ends, and nothing is allocated for what has not come yet.
"""

import math
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from transcoder.doors import first_line, is_out_of_memory, why_no_file
from transcoder.errors import UserError

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Sampling rates in Hz: below there is nothing to classify, above are only damaged headers."""

LOUDEST = 2.0**32
"""Full scale is 1; files of floats may have that of 32-bit integers, larger ones are damaged."""

_UNKNOWN = 1 << 62  # libsndfile's length of a file that does not say it
_BLOCK_SAMPLES = 1 << 20  # of all channels together


class AudioError(UserError):
    """An audio file or waveform that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class SoundFile:
    """A part of a sound file; made by `open_sound`.

    Attributes
    ----------
    path
    sample_rate : in Hz
    start, stop : the part, in samples; ``stop`` None: to the end
    """

    path: Path
    sample_rate: int
    start: int
    stop: int | None

    def blocks(self) -> Iterator[np.ndarray]:
        """The part as mono ``(samples,)`` float32, in pieces of up to some megabytes.

        Raises
        ------
        AudioError
            Where the file is damaged, or a sample is not finite; or if it ends before ``start``.
        """
        position = 0
        for block in self._from_start():
            first, last = self.start - position, position + len(block)
            if self.stop is not None:
                block = block[: max(0, self.stop - position)]
            if first > 0:
                block = block[first:]
            position = last
            if len(block):
                check_samples(block, str(self.path), max(self.start, last - len(block)))
                yield block
            if self.stop is not None and position >= self.stop:
                return
        if position < self.start:
            raise AudioError(
                f"{self.path}: offset {self.start / self.sample_rate:g} s lies outside the file "
                f"({position / self.sample_rate:.2f} s long)"
            )

    def _from_start(self) -> Iterator[np.ndarray]:
        import soundfile

        class Forwards(soundfile.SoundFile):
            def seekable(self) -> bool:
                """No: soundfile would seek after each piece, where some files cannot."""
                return False

        position, frames = 0, 0
        try:
            with Forwards(os.fsencode(self.path)) as file:
                size = max(1, _BLOCK_SAMPLES // file.channels)
                frames = file.frames
                while True:
                    samples = file.read(size, dtype="float32", always_2d=True)
                    if not len(samples):
                        break
                    position += len(samples)
                    yield samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
        except (soundfile.LibsndfileError, RuntimeError, OSError, TypeError, ValueError) as error:
            raise _unreadable(self.path, error) from None
        if position < frames < _UNKNOWN:
            raise AudioError(
                f"{self.path}: is damaged: {frames / self.sample_rate:.2f} s of sound by its "
                f"header, {position / self.sample_rate:.2f} s could be read"
            )

    @cached_property
    def n_samples(self) -> int:
        """How many samples the part has, as counted."""
        return sum(len(block) for block in self.blocks())

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.sample_rate

    @cached_property
    def waveform(self) -> np.ndarray:
        """All of it, ``(samples,)`` float32."""
        blocks = list(self.blocks())
        if not blocks:
            raise AudioError(f"{self.path}: holds no samples")
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def open_sound(
    path: str | os.PathLike, *, offset_s: float = 0.0, duration_s: float | None = None
) -> SoundFile:
    """Open a part of a sound file: wav (any bit depth), flac, ogg, mp3, what libsndfile reads.

    Raises
    ------
    AudioError
        If it is none, its sampling rate cannot be true, or the part is no part.
    """
    import soundfile

    path = Path(path)
    why = why_no_file(path)
    if why is not None:
        raise AudioError(f"{path}: {why}" if "no such" in why else f"{path}: {why} of sound")
    try:
        info = soundfile.info(os.fsencode(path))  # names may be no text
    except (soundfile.LibsndfileError, RuntimeError, OSError, TypeError, ValueError) as error:
        raise _unreadable(path, error) from None  # TypeError: a .raw file
    rate = info.samplerate
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"{path}: its sampling rate of {rate} Hz is not between {LOWEST_RATE} and "
            f"{HIGHEST_RATE}: its header is damaged, or it is no sound"
        )
    longest_s = _UNKNOWN / rate
    if not 0 <= offset_s < longest_s:
        raise AudioError(f"{path}: offset {offset_s:g} s lies outside the file")
    if duration_s is not None and not duration_s > 0:
        raise AudioError(f"{path}: a duration of {duration_s:g} s is none")
    start = round(offset_s * rate)
    is_all = duration_s is None or duration_s > longest_s
    return SoundFile(path, rate, start, None if is_all else start + round(duration_s * rate))


def check_samples(samples: np.ndarray, name: str, first: int = 0) -> None:
    """Raise `AudioError` unless all ``(samples,)`` are finite and none is absurdly loud.

    ``first`` is the number of the first of them.
    """
    if samples.size and samples.max() <= LOUDEST and samples.min() >= -LOUDEST:
        return  # NaN is neither
    is_good = np.abs(samples) <= LOUDEST
    if is_good.all():
        return
    place = int(np.argmin(is_good))
    n_bad, value = samples.size - int(is_good.sum()), float(samples[place])
    if math.isfinite(value):
        what = f"a sample is {value:g}, where full scale is 1"
    else:
        what = f"{n_bad} samples are NaN or infinite"
    raise AudioError(f"{name}: {what} (the first is sample {first + place}); repair the file first")


def _unreadable(path: Path, error: Exception) -> AudioError:
    if is_out_of_memory(error):
        return AudioError(f"{path}: there is not enough memory to read it")
    reason = str(getattr(error, "error_string", None) or first_line(error)).rstrip(".")
    return AudioError(f"{path}: cannot be read as sound: {reason}{_conversion(path)}")


def _conversion(path: Path) -> str:
    """How to make a wav of a sound file in another format, to be put behind an error."""
    if path.suffix.lower() == ".wav":
        return ""
    words = ("ffmpeg", "-i", str(path), str(path.with_suffix(".wav")))
    return f"; if it is sound, convert it first: {shlex.join(words)}"
