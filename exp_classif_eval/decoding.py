"""Sound files to waveforms, in threads that work ahead of what is computed of them."""

import collections
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transcoder.audio import AudioError, prepare, read_audio, second_weights
from transcoder.settings import CHUNK_DURATION_S

TOO_SHORT = f"shorter than {CHUNK_DURATION_S} s"

Waves = dict[int, NDArray[np.float32]]
"""A recording, peak-normalised ``(samples,)``, at each rate that is wanted."""

Decoded = Waves | AudioError

_FILES_AHEAD = 64  # decoded while a batch is computed: some MB each


def decode(
    path: str | os.PathLike, rates: Sequence[int], *, published_sampling: bool = False
) -> Waves:
    """Read, resample and peak-normalise a recording; `AudioError` if it cannot be used.

    A last partial second that is too short to count is cut off (`second_weights`), but not with
    ``published_sampling``.
    """
    waveform, sample_rate = read_audio(path)
    duration_s = waveform.size / sample_rate
    if duration_s < CHUNK_DURATION_S:
        raise AudioError(f"{path}: {TOO_SHORT} ({duration_s:.4f} s)")
    waves = {rate: prepare(waveform, sample_rate, rate) for rate in rates}
    if published_sampling:
        return waves
    heard_s = second_weights(waveform.size, sample_rate).sum(dtype=np.float64)
    return {rate: wave[: round(heard_s * rate)] for rate, wave in waves.items()}


def decode_all(
    paths: Sequence[Path], rates: Sequence[int], *, workers: int, published_sampling: bool = False
) -> Iterator[Decoded]:
    """`decode` each path in order, in threads that work ahead of the reader."""
    # threads: libsndfile and soxr release Python's lock
    with ThreadPoolExecutor(workers) as pool:
        ahead: collections.deque = collections.deque()
        try:
            for path in paths:
                ahead.append(
                    pool.submit(decode, path, rates, published_sampling=published_sampling)
                )
                if len(ahead) > _FILES_AHEAD:
                    yield _result(ahead.popleft())
            while ahead:
                yield _result(ahead.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _result(future) -> Decoded:
    try:
        return future.result()
    except AudioError as error:
        return error
