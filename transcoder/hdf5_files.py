"""HDF5 files, written so that a full disk is an error, and read so that they hold what they show.

HDF5 does not survive a write that fails: closing the file crashes the process. So it never sees
one fail (`written_hdf5`). And a file of HDF5 may name others that its data are in, or lie in parts
that are not there, and be filled up without a word: these are refused (`own_dataset`).
"""

import contextlib
import io
import math
import os
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from transcoder.doors import reading, why_no_file
from transcoder.errors import UserError
from transcoder.files import atomic_path

_MOST_KEPT_BYTES = 1 << 26


class WrittenFile(h5py.File):
    """A file that is being written; `check` after each piece of a long one."""

    def __init__(self, disk: "_Disk", **options) -> None:
        self._disk = disk
        super().__init__(disk, "w", **options)

    def check(self) -> None:
        """Raise the `OSError` that a write before met."""
        if self._disk.failure is not None:
            raise self._disk.failure


@contextlib.contextmanager
def written_hdf5(
    path: str | os.PathLike, *, need_bytes: float = 0, **options
) -> Iterator[WrittenFile]:
    """Give an open HDF5 file that appears at ``path``, complete, when the block ends.

    ``options`` are those of `h5py.File`, ``need_bytes`` and errors those of `atomic_path`.
    """
    with atomic_path(path, need_bytes) as temporary, temporary.open("r+b", buffering=0) as raw:
        disk = _Disk(raw)
        try:
            with WrittenFile(disk, **options) as file:
                yield file
        except UserError:
            raise
        except Exception:
            if disk.failure is not None:
                raise disk.failure from None
            raise
        if disk.failure is not None:
            raise disk.failure


def open_hdf5(path: Path, error_class: type[UserError] = UserError) -> h5py.File:
    """Open ``path`` for reading; what is no regular file, or damaged, is an ``error_class``."""
    why = why_no_file(path)
    if why is not None:
        raise error_class(f"{path}: {why}")
    with reading(path, "cannot be read as HDF5", error_class):
        return h5py.File(path, "r")


def own_dataset(
    group: h5py.Group, name: str, error_class: type[UserError] = UserError
) -> h5py.Dataset:
    """The dataset ``name`` of ``group``, whose data lie in this file, all of them.

    Raises
    ------
    ``error_class``
        If it is none, or lies in other files by a link, as external storage or as a virtual
        dataset: with one of these missing, HDF5 would show zeros in its place.
    """
    path = group.file.filename
    where = f"{path}, data set {name!r}"
    with reading(where, "cannot be read", error_class):
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise error_class(f"{where}: is a link to {link.filename}; copy the data into one file")
        data = group[name]
        if not isinstance(data, h5py.Dataset):
            raise error_class(f"{where}: holds no data")
        if data.file.filename != path or data.is_virtual or data.external:
            raise error_class(f"{where}: its data lie in other files; copy them into this one")
        if data.size and _is_filled_up(data):
            raise error_class(f"{where}: only a part of its data was written; cut it to that part")
    return data


def _is_filled_up(data: h5py.Dataset) -> bool:
    """Whether some of the values were never written, so that HDF5 shows others for them."""
    if data.chunks is None:
        return data.id.get_storage_size() == 0
    if data.dtype.kind == "f" and np.isnan(data.fillvalue):
        return False  # what is missing is told from what is there
    n_chunks = math.prod(-(-n // size) for n, size in zip(data.shape, data.chunks, strict=True))
    return data.id.get_num_chunks() < n_chunks


class _Disk(io.RawIOBase):
    """A file that takes every write: once the disk does not, ``failure`` says why.

    What could not be written is kept in memory, so that HDF5 finds its own bookkeeping again until
    the file is closed; beyond 64 MB it is forgotten.
    """

    def __init__(self, raw: io.FileIO) -> None:
        super().__init__()
        self.failure: OSError | None = None
        self._raw = raw
        self._position = 0
        self._kept: list[tuple[int, bytes]] = []
        self._kept_bytes = 0

    def readable(self) -> bool:
        return True

    writable = seekable = readable

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            self._position = offset
        elif whence == os.SEEK_CUR:
            self._position += offset
        else:
            self._position = self._end() + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data) -> int:
        view = memoryview(data).cast("B")
        written = 0
        try:
            while self.failure is None and written < len(view):
                written += os.pwrite(self._raw.fileno(), view[written:], self._position + written)
        except OSError as error:
            self.failure = error
        if written < len(view) and self._kept_bytes < _MOST_KEPT_BYTES:
            self._kept.append((self._position + written, bytes(view[written:])))
            self._kept_bytes += len(view) - written
        self._position += len(view)
        return len(view)

    def readinto(self, buffer) -> int:
        view = memoryview(buffer).cast("B")
        start, stop = self._position, min(self._position + len(view), self._end())
        n_bytes = max(0, stop - start)
        view[:n_bytes] = os.pread(self._raw.fileno(), n_bytes, start).ljust(n_bytes, b"\0")
        for place, data in self._kept:
            first, last = max(place, start), min(place + len(data), stop)
            if first < last:
                view[first - start : last - start] = data[first - place : last - place]
        self._position += n_bytes
        return n_bytes

    def truncate(self, size: int | None = None) -> int:
        size = self._position if size is None else size
        try:
            os.ftruncate(self._raw.fileno(), size)
        except OSError as error:
            self.failure = self.failure or error
        return size

    def _end(self) -> int:
        kept = max((place + len(data) for place, data in self._kept), default=0)
        return max(os.fstat(self._raw.fileno()).st_size, kept)
