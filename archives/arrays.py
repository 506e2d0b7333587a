"""Archives that are arrays: .npy and .npz, ``(time, 29)`` or ``(chunks, time, 29)``."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archives.frames import ALL_BANDS, BLOCK_FRAMES, NO_CLOCK, Archive, ArchiveError, Block
from archives.stamps import to_seconds
from transcoder.settings import THIRD_OCTAVE

TIME_ARRAYS = ("time", "times", "timestamp")
"""Names of an array of time stamps beside the levels, one for each frame."""


def open_npy(path: Path) -> Archive:
    """A ``.npy`` file, read through a memory map."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ArchiveError(f"{path}: cannot be read as .npy: {first_line(error)}") from None
    n_frames = check_levels(array.shape, array.dtype, str(path))
    flat = array.reshape(n_frames, THIRD_OCTAVE.n_bands)
    return _archive(path, n_frames, lambda start, stop: flat[start:stop], None)


def open_npz(path: Path, data_set: str) -> Archive:
    """A ``.npz`` file: the array ``data_set``, or the only one beside the times.

    Unpacked as it is read, whatever its length.
    """
    try:
        with zipfile.ZipFile(path) as file:
            names = [name.removesuffix(".npy") for name in file.namelist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise ArchiveError(f"{path}: cannot be read as .npz: {first_line(error)}") from None
    name = _choose(names, data_set, str(path))
    where = f"{path}, array {name!r}"
    shape, _, dtype = _npz_header(path, name, where)
    n_frames = check_levels(shape, dtype, where)
    times = None
    for time_name in set(names) & set(TIME_ARRAYS):
        with np.load(path, allow_pickle=False) as arrays:
            times = times_beside(arrays[time_name], n_frames, f"{path}, array {time_name!r}")
    return Archive(
        path=path,
        blocks=lambda: _npz_blocks(path, name, where, times),
        clock=times[1] if times else NO_CLOCK,
        bands=ALL_BANDS,
        n_frames=n_frames,
    )


def _archive(
    path: Path,
    n_frames: int,
    read: Callable[[int, int], NDArray],
    times: tuple[NDArray[np.float64], str] | None,
) -> Archive:
    """An archive whose frames ``read(start, stop)`` gives in any order."""

    def blocks() -> Iterator[Block]:
        for start in range(0, n_frames, BLOCK_FRAMES):
            stop = min(start + BLOCK_FRAMES, n_frames)
            levels = np.asarray(read(start, stop), dtype=np.float32)
            yield Block(times[0][start:stop] if times else None, levels)

    return Archive(path, blocks, times[1] if times else NO_CLOCK, ALL_BANDS, n_frames)


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
    n_frames = int(np.prod(shape[:-1]))
    if not n_frames:
        raise ArchiveError(f"{where}: holds no frames")
    return n_frames


def times_beside(stamps: NDArray, n_frames: int, where: str) -> tuple[NDArray[np.float64], str]:
    import pandas as pd

    if stamps.shape != (n_frames,):
        raise ArchiveError(f"{where}: has shape {stamps.shape} for {n_frames} frames")
    if stamps.dtype.kind in "SO":
        stamps = np.array([s.decode() if isinstance(s, bytes) else str(s) for s in stamps])
    return to_seconds(pd.Series(stamps), time_format=None, first_row=0, where=where)


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


def _npz_header(path: Path, name: str, where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    with zipfile.ZipFile(path) as file:
        try:
            with file.open(f"{name}.npy") as stream:
                return _read_header(stream)
        except (ValueError, zlib.error, zipfile.BadZipFile, KeyError) as error:
            raise ArchiveError(f"{where}: {first_line(error)}") from None


def _read_header(stream) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)


def _npz_blocks(
    path: Path, name: str, where: str, times: tuple[NDArray, str] | None
) -> Iterator[Block]:
    n_bands, done = THIRD_OCTAVE.n_bands, 0
    with zipfile.ZipFile(path) as file, file.open(f"{name}.npy") as stream:
        shape, is_fortran, dtype = _read_header(stream)
        if is_fortran and len(shape) > 1:
            raise ArchiveError(f"{where}: is stored column by column; save it in C order")
        n_frames = int(np.prod(shape[:-1]))
        while done < n_frames:
            count = min(BLOCK_FRAMES, n_frames - done)
            size = count * n_bands * dtype.itemsize
            try:
                data = stream.read(size)
            except (zlib.error, zipfile.BadZipFile, EOFError) as error:
                raise ArchiveError(f"{where}, frame {done}: {first_line(error)}") from None
            if len(data) < size:
                raise ArchiveError(f"{where}: is cut short after frame {done}")
            levels = np.frombuffer(data, dtype).reshape(count, n_bands).astype(np.float32)
            yield Block(times[0][done : done + count] if times else None, levels)
            done += count


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
