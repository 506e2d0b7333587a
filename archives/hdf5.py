"""Archives in HDF5: arrays of levels, or rows of named fields as the CENSE network stores them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archives.arrays import (
    TIME_ARRAYS,
    Stamps,
    check_levels,
    check_stamps,
    frames_of,
    in_blocks,
)
from archives.frames import BLOCK_FRAMES, Archive, ArchiveError
from archives.options import ReadOptions
from archives.tables import table_archive
from transcoder.doors import reading
from transcoder.hdf5_files import own_dataset

_LONGEST_ATTRIBUTE = 1000  # characters that go into the results
_LARGEST_CHUNK = 1 << 28  # bytes: a day of levels takes 80 MB; HDF5 unpacks a chunk as a whole
_LARGEST_ROW = 1 << 16  # bytes of a compound row: a time and some columns take some hundred


def open_hdf5(path: Path, options: ReadOptions) -> Archive:
    """The data set ``options.data_set``, or all of that name in the groups below (a day each).

    It holds levels, with times in `TIME_ARRAYS` beside it; or a field for the time and for each
    band. The attributes of the file go with the archive.
    """
    with reading(path, "cannot be read as HDF5", ArchiveError):
        with h5py.File(path, "r") as file:
            largest = max((_chunk_bytes(data) for data in _data_sets(file).values()), default=0)
        if largest > _LARGEST_CHUNK:
            raise ArchiveError(
                f"{path}: has chunks of {largest / 1e6:.0f} MB, each of which must be in memory: "
                "store it with smaller ones (h5repack -l CHUNK=4096x29)"
            )
        # room for a chunk, or it would be unpacked again for every block that it has
        file = h5py.File(path, "r", rdcc_nbytes=max(1 << 20, 2 * largest))
        found = _data_sets(file)
        attributes = {key: _text(value) for key, value in file.attrs.items()}
    whose = attributes.get(options.sensor_column or "")
    if whose is not None:
        options = replace(options, sensor_column=None)
    name = options.data_set.strip("/")
    chosen = [key for key in sorted(found) if key == name or key.endswith(f"/{name}")]
    if not chosen:
        raise ArchiveError(
            f"{path}: no data set {options.data_set!r}; say which with --dataset: it has "
            f"{', '.join(found) or 'none'}"
        )
    data_sets = [own_dataset(file, key, ArchiveError) for key in chosen]
    read = _compound if data_sets[0].dtype.names else _plain
    if read is _plain and options.sensor_column is not None:
        raise ArchiveError(
            f"{path}: no attribute {options.sensor_column!r}; it has "
            f"{', '.join(attributes) or 'none'}"
        )
    archive = replace(read(path, data_sets, options), attributes=attributes)
    return archive if whose is None else replace(archive, sensors=lambda: [whose])


def _chunk_bytes(data: h5py.Dataset) -> int:
    return int(np.prod(data.chunks or (1,), dtype=np.int64)) * data.dtype.itemsize


def _text(value) -> str:
    """An attribute as it goes into the results."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text[:_LONGEST_ATTRIBUTE]


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
        if list(data.dtype.names or ()) != names or data.ndim != 1:
            raise ArchiveError(f"{path}, data set {data.name!r}: has other fields than the first")
        if data.dtype.itemsize > _LARGEST_ROW:
            raise ArchiveError(f"{path}, data set {data.name!r}: its rows are no rows of levels")

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


def _plain(path: Path, data_sets: list[h5py.Dataset], options: ReadOptions) -> Archive:
    """Arrays ``(time, 29)`` or ``(chunks, time, 29)``."""
    lengths = {data: check_levels(data.shape, data.dtype, _where(path, data)) for data in data_sets}
    stamps_of = {data: found for data in data_sets if (found := _stamps_beside(data)) is not None}
    if stamps_of and len(stamps_of) < len(data_sets):
        raise ArchiveError(f"{path}: only some of its data sets have times beside them")
    for data, stamps in stamps_of.items():
        check_stamps(stamps.shape, stamps.dtype, lengths[data], _where(path, stamps))

    def pieces(sets) -> Iterator[NDArray]:
        for data, n_frames in zip(sets, lengths.values(), strict=True):
            for start in range(0, n_frames, BLOCK_FRAMES):
                yield _read(path, data, start, min(start + BLOCK_FRAMES, n_frames))

    stamps = None
    if stamps_of:
        first = next(iter(stamps_of.values()))
        stamps = Stamps(lambda: pieces(stamps_of.values()), _where(path, first))
    return in_blocks(path, sum(lengths.values()), lambda: pieces(data_sets), stamps)


def _stamps_beside(data: h5py.Dataset) -> h5py.Dataset | None:
    name = next((name for name in TIME_ARRAYS if name in data.parent), None)
    return None if name is None else own_dataset(data.parent, name, ArchiveError)


def _read(path: Path, data: h5py.Dataset, start: int, stop: int) -> NDArray:
    """Frames, rows or stamps of a data set."""
    with reading(f"{_where(path, data)}, frame {start}", "is damaged", ArchiveError):
        return frames_of(data, start, stop) if data.ndim == 3 else data[start:stop]


def _where(path: Path, data: h5py.Dataset) -> str:
    return f"{path}, data set {data.name.strip('/')!r}"


def _column(values: NDArray) -> NDArray:
    """A field as pandas takes it: bytes are text."""
    if values.dtype.kind == "S" or (values.dtype.kind == "O" and len(values)):
        return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values])
    return values
