"""Archives in HDF5: arrays of levels, or rows of named fields as the CENSE network stores them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archives.arrays import TIME_ARRAYS, check_levels, first_line, times_beside
from archives.frames import ALL_BANDS, BLOCK_FRAMES, NO_CLOCK, Archive, ArchiveError, Block
from archives.options import ReadOptions
from archives.tables import table_archive

_DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError)  # what h5py raises on it
_LONGEST_ATTRIBUTE = 1000  # characters that go into the results


def open_hdf5(path: Path, options: ReadOptions) -> Archive:
    """The data set ``options.data_set``, or all of that name in the groups below (a day each).

    It holds levels, with times in `TIME_ARRAYS` beside it; or a field for the time and for each
    band. The attributes of the file go with the archive.
    """
    try:
        file = h5py.File(path, "r")
        found = _data_sets(file)
        attributes = {key: str(value)[:_LONGEST_ATTRIBUTE] for key, value in file.attrs.items()}
    except _DAMAGED as error:
        raise ArchiveError(f"{path}: cannot be read as HDF5: {first_line(error)}") from None
    name = options.data_set.strip("/")
    data_sets = [found[key] for key in sorted(found) if key == name or key.endswith(f"/{name}")]
    if not data_sets:
        raise ArchiveError(
            f"{path}: no data set {options.data_set!r}; say which with --dataset: it has "
            f"{', '.join(found) or 'none'}"
        )
    if data_sets[0].dtype.names:
        archive = _compound(path, data_sets, options)
    else:
        archive = _plain(path, data_sets)
    return replace(archive, attributes=attributes)


def _data_sets(file: h5py.File) -> dict[str, h5py.Dataset]:
    found: dict[str, h5py.Dataset] = {}

    def add(name: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    file.visititems(add)
    return found


def _compound(path: Path, data_sets: list[h5py.Dataset], options: ReadOptions) -> Archive:
    """Rows with a field for the time and one for each band."""
    names = list(data_sets[0].dtype.names)
    for data in data_sets:
        if list(data.dtype.names or ()) != names:
            raise ArchiveError(f"{path}, data set {data.name!r}: has other fields than the first")

    def frames() -> Iterator[tuple[pd.DataFrame, int]]:
        for data in data_sets:
            for start in range(0, len(data), BLOCK_FRAMES):
                rows = _read(path, data, start, start + BLOCK_FRAMES)
                columns = {n: _column(rows[name]) for n, name in enumerate(names)}
                yield pd.DataFrame(columns), start

    n_frames = sum(map(len, data_sets))
    if not n_frames:
        raise ArchiveError(f"{path}, data set {data_sets[0].name!r}: holds no frames")
    return table_archive(path, frames, names, options, n_frames)


def _plain(path: Path, data_sets: list[h5py.Dataset]) -> Archive:
    """Arrays ``(time, 29)`` or ``(chunks, time, 29)``."""
    parts = []
    for data in data_sets:
        where = f"{path}, data set {data.name.strip('/')!r}"
        n_frames = check_levels(data.shape, data.dtype, where)
        times = None
        for name in TIME_ARRAYS:
            if name in data.parent:
                stamps = _read(path, data.parent[name], 0, None)
                times = times_beside(stamps, n_frames, f"{path}, data set {name!r}")
        parts.append((data, n_frames, times))
    clocks = {times[1] if times else NO_CLOCK for _, _, times in parts}
    if len(clocks) > 1:
        raise ArchiveError(f"{path}: only some of its data sets have times beside them")

    def blocks() -> Iterator[Block]:
        for data, n_frames, times in parts:
            for start in range(0, n_frames, BLOCK_FRAMES):
                stop = min(start + BLOCK_FRAMES, n_frames)
                levels = _frames(path, data, start, stop).astype(np.float32)
                yield Block(times[0][start:stop] if times else None, levels)

    return Archive(path, blocks, clocks.pop(), ALL_BANDS, sum(part[1] for part in parts))


def _frames(path: Path, data: h5py.Dataset, start: int, stop: int) -> NDArray:
    """Frames ``start`` to ``stop`` of a two- or three-dimensional data set."""
    if data.ndim == 2:
        return _read(path, data, start, stop)
    per_chunk = data.shape[1]
    first = start // per_chunk
    chunks = _read(path, data, first, -(-stop // per_chunk)).reshape(-1, data.shape[2])
    return chunks[start - first * per_chunk : stop - first * per_chunk]


def _read(path: Path, data: h5py.Dataset, start: int, stop: int | None) -> NDArray:
    try:
        return data[start:stop]
    except _DAMAGED as error:
        name = data.name.strip("/")
        raise ArchiveError(
            f"{path}, data set {name!r}, frame {start}: {first_line(error)}"
        ) from None


def _column(values: NDArray) -> NDArray:
    """A field as pandas takes it: bytes are text."""
    if values.dtype.kind == "S" or (values.dtype.kind == "O" and len(values)):
        return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values])
    return values
