"""Archives that are arrays: .npy and .npz, ``(time, 29)`` or ``(chunks, time, 29)``."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.lib import format as npy_format
from numpy.typing import ArrayLike, NDArray

from archives.frames import ALL_BANDS, BLOCK_FRAMES, NO_CLOCK, Archive, ArchiveError, Block
from archives.options import ReadOptions
from archives.stamps import to_seconds
from transcoder.doors import reading
from transcoder.settings import THIRD_OCTAVE

TIME_ARRAYS = ("time", "times", "timestamp")
"""Names of an array of time stamps beside the levels, one for each frame; the first one counts."""

_MOST_FRAMES = 10**10  # fifteen years of frames every 50 ms; beyond, a shape is damaged
_LONGEST_STAMP = 1000  # bytes
_LONGEST_HEADER = 10_000  # bytes: a shape and a type


def open_npy(path: Path, _options: ReadOptions | None = None) -> Archive:
    """A ``.npy`` file, read through a memory map."""
    with reading(path, "cannot be read as .npy", ArchiveError):
        array = npy_format.open_memmap(path, mode="r", max_header_size=_LONGEST_HEADER)
    n_frames = check_levels(array.shape, array.dtype, str(path))
    return in_blocks(path, n_frames, lambda: _slices(array, n_frames), None)


def open_npz(path: Path, options: ReadOptions) -> Archive:
    """A ``.npz`` file: the array ``options.data_set``, or the only one beside the times.

    Unpacked as it is read, times too, whatever its length.
    """
    with reading(path, "cannot be read as .npz", ArchiveError), zipfile.ZipFile(path) as file:
        names = [name.removesuffix(".npy") for name in file.namelist()]
    name = _choose(names, options.data_set, str(path))
    where = f"{path}, array {name!r}"
    with _member(path, name) as (_, shape, dtype):
        n_frames = check_levels(shape, dtype, where)
    time_name = next((known for known in TIME_ARRAYS if known in names), None)
    stamps = None
    if time_name is not None:
        time_where = f"{path}, array {time_name!r}"
        with _member(path, time_name) as (_, shape, dtype):
            check_stamps(shape, dtype, n_frames, time_where)
        stamps = Stamps(lambda: _unpacked(path, time_name), time_where)
    return in_blocks(path, n_frames, lambda: _unpacked(path, name), stamps)


class Stamps:
    """Time stamps beside levels, as pieces of `BLOCK_FRAMES`: read as the levels are.

    ``pieces()`` gives them from the start; ``clock`` is that of the first ones.
    """

    def __init__(self, pieces: Callable[[], Iterator[ArrayLike]], where: str):
        self._pieces = pieces
        self._where = where
        self.clock = self._seconds(next(pieces()), 0)[1]

    def seconds(self) -> Iterator[NDArray[np.float64]]:
        """Seconds of each frame, piece by piece."""
        first_row = 0
        for piece in self._pieces():
            times, clock = self._seconds(piece, first_row)
            if clock != self.clock:
                raise ArchiveError(
                    f"{self._where}, frame {first_row}: time stamps change from {self.clock} to "
                    f"{clock}"
                )
            first_row += len(times)
            yield times

    def _seconds(self, piece: ArrayLike, first_row: int) -> tuple[NDArray[np.float64], str]:
        stamps = np.asarray(piece)
        if stamps.dtype.kind in "SO":
            stamps = np.array(
                [s.decode() if isinstance(s, bytes) else str(s) for s in stamps.tolist()]
            )
        return to_seconds(
            pd.Series(stamps), time_format=None, first_row=first_row, where=self._where
        )


def in_blocks(
    path: Path,
    n_frames: int,
    pieces: Callable[[], Iterator[NDArray]],
    stamps: Stamps | None,
) -> Archive:
    """An archive whose levels, and stamps, come in pieces of `BLOCK_FRAMES`."""

    def blocks() -> Iterator[Block]:
        times = stamps.seconds() if stamps else None
        for levels in pieces():
            yield Block(next(times) if times else None, np.asarray(levels, dtype=np.float32))

    clock = stamps.clock if stamps else NO_CLOCK
    return Archive(
        path, blocks, clock, ALL_BANDS, n_frames, {"bands": f"{len(ALL_BANDS)}, an array"}
    )


def check_levels(shape: tuple[int, ...], dtype: np.dtype, where: str) -> int:
    """Number of frames of an array; `ArchiveError` unless it holds levels."""
    n_bands = THIRD_OCTAVE.n_bands
    if len(shape) not in (2, 3) or shape[-1] != n_bands:
        raise ArchiveError(
            f"{where}: has shape {tuple(shape)}; levels are (time, {n_bands}) or "
            f"(chunks, time, {n_bands}) (fewer bands: as a table with named columns)"
        )
    if dtype.kind not in "fiu":
        raise ArchiveError(f"{where}: holds {dtype}, not levels in dB")
    n_frames = 1
    for length in shape[:-1]:
        n_frames *= length
    if not 0 <= n_frames <= _MOST_FRAMES:
        raise ArchiveError(f"{where}: cannot have shape {tuple(shape)}: its header is damaged")
    if not n_frames:
        raise ArchiveError(f"{where}: holds no frames")
    return n_frames


def check_stamps(shape: tuple[int, ...], dtype: np.dtype, n_frames: int, where: str) -> None:
    """Raise `ArchiveError` unless an array has a stamp for each frame."""
    if shape != (n_frames,):
        raise ArchiveError(f"{where}: has shape {shape} for {n_frames} frames")
    if dtype.itemsize > _LONGEST_STAMP:
        raise ArchiveError(f"{where}: its stamps have {dtype.itemsize} bytes: no time stamps do")


def frames_of(data, start: int, stop: int) -> NDArray:
    """Frames ``start`` to ``stop`` of an array of levels with two or three axes.

    Only what is asked for is read, however the array is laid out.
    """
    if data.ndim == 2:
        return data[start:stop]
    per_chunk, parts = data.shape[1], []
    while start < stop:
        chunk, first = divmod(start, per_chunk)
        last = min(per_chunk, first + stop - start)
        parts.append(data[chunk, first:last])
        start += last - first
    return np.concatenate(parts)


def _slices(array: NDArray, n_frames: int) -> Iterator[NDArray]:
    for start in range(0, n_frames, BLOCK_FRAMES):
        yield frames_of(array, start, min(start + BLOCK_FRAMES, n_frames))


def _choose(names: list[str], data_set: str, where: str) -> str:
    if data_set in names:
        return data_set
    others = [name for name in names if name not in TIME_ARRAYS]
    if len(others) != 1:
        raise ArchiveError(
            f"{where}: no array {data_set!r}; say which with --dataset: it has "
            f"{', '.join(names) or 'none'}"
        )
    return others[0]


@contextmanager
def _member(path: Path, name: str) -> Iterator[tuple[BinaryIO, tuple[int, ...], np.dtype]]:
    """An array of a ``.npz`` file: the stream behind its header, its shape and its type."""
    where = f"{path}, array {name!r}"
    with reading(where, "cannot be read", ArchiveError), zipfile.ZipFile(path) as file:
        stream = file.open(f"{name}.npy")
    with stream:
        with reading(where, "cannot be read", ArchiveError):
            version = npy_format.read_magic(stream)
            is_first = version == (1, 0)
            read = npy_format.read_array_header_1_0 if is_first else (
                npy_format.read_array_header_2_0
            )  # fmt: skip
            shape, is_fortran, dtype = read(stream, max_header_size=_LONGEST_HEADER)
        if is_fortran and len(shape) > 1:
            raise ArchiveError(f"{where}: is stored column by column; save it in C order")
        if dtype.hasobject:
            raise ArchiveError(f"{where}: holds Python objects, which are not read")
        yield stream, shape, dtype


def _unpacked(path: Path, name: str) -> Iterator[NDArray]:
    """An array of a ``.npz`` file in pieces of `BLOCK_FRAMES`: ``(n, 29)`` levels, or stamps."""
    where, n_bands, done = f"{path}, array {name!r}", THIRD_OCTAVE.n_bands, 0
    with _member(path, name) as (stream, shape, dtype):
        width = 1 if len(shape) == 1 else n_bands
        n_frames = int(np.prod(shape)) // width
        while done < n_frames:
            count = min(BLOCK_FRAMES, n_frames - done)
            size = count * width * dtype.itemsize
            with reading(f"{where}, frame {done}", "is damaged", ArchiveError):
                data = stream.read(size)
            if len(data) < size:
                raise ArchiveError(f"{where}: is cut short after frame {done}")
            values = np.frombuffer(data, dtype)
            yield values if len(shape) == 1 else values.reshape(count, n_bands)
            done += count
