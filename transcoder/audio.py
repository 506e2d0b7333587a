"""From an audio file to a waveform and to the 1-s chunks that every later stage works on."""

import os
from collections.abc import Iterator

import numpy as np

from transcoder.files import atomic_path
from transcoder.settings import CHUNK_DURATION_S, THIRD_OCTAVE
from transcoder.sound_files import AudioError, SoundFile, check_samples, open_sound

MIN_REMAINDER_S = 0.48
"""Half of YAMNet's patch: with less sound than this, a padded chunk says more about silence."""


def read_audio(
    path: str | os.PathLike, *, offset_s: float = 0.0, duration_s: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a sound file, or a part of it, as mono; see `transcoder.sound_files`.

    Returns
    -------
    waveform : (samples,) float32, the mean of the channels, full scale at 1
    sample_rate : int, in Hz

    Raises
    ------
    AudioError
        Unless the file is readable and has at least one sample, all of them finite.
    """
    sound = open_sound(path, offset_s=offset_s, duration_s=duration_s)
    return sound.waveform, sound.sample_rate


def open_recording(
    path: str | os.PathLike, *, offset_s: float = 0.0, duration_s: float | None = None
) -> SoundFile:
    """A sound file, or a part of it, of which third-octave levels can be had: a frame of 125 ms.

    All of it is read once, to say now what is wrong with it.
    """
    sound = open_sound(path, offset_s=offset_s, duration_s=duration_s)
    shortest_s = THIRD_OCTAVE.hop_length / THIRD_OCTAVE.sample_rate
    if not sound.n_samples:
        raise AudioError(f"{path}: holds no samples")
    if sound.n_samples < shortest_s * sound.sample_rate:
        raise AudioError(
            f"{path}: {sound.duration_s:.4f} s of sound are too short, a frame of "
            f"third-octave levels takes {shortest_s:g} s"
        )
    return sound


def check_waveform(waveform: np.ndarray) -> None:
    """Raise `AudioError` unless ``waveform`` has samples and all of them are finite."""
    if waveform.ndim != 1:
        raise AudioError(f"waveform: expected one channel of samples, got shape {waveform.shape}")
    if waveform.size == 0:
        raise AudioError("waveform: holds no samples")
    check_samples(waveform, "waveform")


def resample(waveform: np.ndarray, sample_rate: int, new_sample_rate: int) -> np.ndarray:
    """Resample ``(samples,)`` with soxr at high quality, as the published system does."""
    if sample_rate == new_sample_rate:
        return waveform
    import soxr

    return soxr.resample(waveform, sample_rate, new_sample_rate, quality="HQ")


def peak_normalise(waveform: np.ndarray) -> np.ndarray:
    """Scale so that the largest magnitude is 1; silence stays silence."""
    peak = np.abs(waveform).max(initial=0.0)
    return waveform / peak if peak > 0 else waveform


def prepare(waveform: np.ndarray, sample_rate: int, new_sample_rate: int) -> np.ndarray:
    """What the front ends expect of a whole file: resampled, then peak-normalised."""
    return peak_normalise(resample(waveform, sample_rate, new_sample_rate))


def chunk_batches(
    recording: np.ndarray | SoundFile, sample_rate: int, new_sample_rate: int, batch_size: int
) -> Iterator[np.ndarray]:
    """`prepare` and `to_chunks` in bounded memory: batches ``(chunks, new_sample_rate)``.

    The recording, ``(samples,)`` or a file that is read as it is needed, is resampled twice, once
    for its peak: that costs a few milliseconds a minute, a resampled copy of a long recording
    would cost its memory.
    """
    blocks = _resampled_blocks(recording, sample_rate, new_sample_rate)
    peak = max((np.abs(block).max(initial=0.0) for block in blocks), default=0.0) or 1.0
    batch_samples = batch_size * new_sample_rate * CHUNK_DURATION_S
    pending = np.empty(0, dtype=np.float32)
    for block in _resampled_blocks(recording, sample_rate, new_sample_rate):
        pending = np.concatenate((pending, block))
        while pending.size >= batch_samples:
            yield to_chunks(pending[:batch_samples] / peak, new_sample_rate)
            pending = pending[batch_samples:]
    if pending.size:
        yield to_chunks(pending / peak, new_sample_rate)


def _blocks(recording: np.ndarray | SoundFile, sample_rate: int) -> Iterator[np.ndarray]:
    """The samples of a recording, a minute at a time, or as the file gives them."""
    if isinstance(recording, SoundFile):
        yield from recording.blocks()
        return
    block = 60 * sample_rate
    yield from (recording[start : start + block] for start in range(0, recording.size, block))


def _resampled_blocks(
    recording: np.ndarray | SoundFile, sample_rate: int, new_sample_rate: int
) -> Iterator[np.ndarray]:
    """The samples of `resample`, block by block."""
    blocks = _blocks(recording, sample_rate)
    if sample_rate == new_sample_rate:
        yield from blocks
        return
    import soxr

    block = next(blocks, None)
    if block is None:
        return
    stream = soxr.ResampleStream(sample_rate, new_sample_rate, 1, dtype=block.dtype, quality="HQ")
    for following in blocks:
        yield stream.resample_chunk(block)
        block = following
    yield stream.resample_chunk(block, last=True)


def n_chunks(n_samples: int, sample_rate: int) -> int:
    """Number of 1-s chunks that ``n_samples`` fill, the last one perhaps in part."""
    return -(-n_samples // (sample_rate * CHUNK_DURATION_S))


def second_weights(n_samples: int, sample_rate: int) -> np.ndarray:
    """How much each 1-s chunk of a recording counts in its average: ``(chunks,)``, all but one 1.

    A last partial second is padded with silence, and counts by the share of it that is sound. With
    less than `MIN_REMAINDER_S` of sound it is left out, so that there may be fewer weights than
    `n_chunks`. A recording shorter than a second is a chunk that counts 1.
    """
    second = sample_rate * CHUNK_DURATION_S
    full, remainder = divmod(n_samples, second)
    weights = np.ones(max(full, 1), dtype=np.float32)
    if full and remainder >= MIN_REMAINDER_S * sample_rate:
        return np.append(weights, np.float32(remainder / second))
    return weights


def to_chunks(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Cut ``(samples,)`` into ``(chunks, sample_rate)``; the last second is zero-padded."""
    samples = sample_rate * CHUNK_DURATION_S
    missing = -waveform.size % samples
    if missing:
        waveform = np.pad(waveform, (0, missing))
    return waveform.reshape(-1, samples)


def write_audio(path: str | os.PathLike, waveform: np.ndarray, sample_rate: int) -> None:
    """Write a 32-bit float wav atomically: nothing is rounded or clipped."""
    import soundfile

    with atomic_path(path) as temporary:
        soundfile.write(os.fsencode(temporary), waveform, sample_rate, subtype="FLOAT")
