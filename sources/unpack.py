"""Unpack an archive so that a half-extracted folder is never taken as complete.

Members are written to a staging folder, then moved to where the layout wants them, and at last a
marker is written: a table of every file with its size and CRC-32.
"""

import contextlib
import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from transcoder.errors import UserError
from transcoder.files import read_records, write_records

Place = Callable[[PurePosixPath], PurePosixPath | None]
"""Member of an archive -> its path in the data set's folder; None leaves it out."""

_BLOCK_BYTES = 1 << 20
_LARGEST_RATIO = 20  # of an archive's files to itself; sounds come to 1.4, silence to 1,000
_SMALL_BYTES = 100_000_000  # are unpacked of any archive

_DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # zipfile: an encrypted member
    NotImplementedError,  # zipfile: an unknown compression
    FileExistsError,  # a member is a file and the folder of another
    NotADirectoryError,
)


class UnpackError(UserError):
    """An archive is damaged, or a member of it would end outside its folder."""


@dataclass(frozen=True)
class UnpackedFile:
    """A row of the marker."""

    path: str  # relative to the data set's folder
    size: int
    crc32: str


def marker_path(archive: Path) -> Path:
    """The file that says that ``archive`` was unpacked beside itself, and into what."""
    return archive.parent / ".unpacked" / f"{archive.name}.csv"


def read_marker(archive: Path) -> list[UnpackedFile] | None:
    """What ``archive`` was unpacked into; None if that never came to its end."""
    marker = marker_path(archive)
    if not marker.exists():
        return None
    return read_records(marker, UnpackedFile)


def is_unpacked(archive: Path) -> bool:
    """Whether everything that ``archive`` was unpacked into is still there, in its size."""
    files = read_marker(archive)
    return files is not None and all(_has_size(archive.parent / f.path, f.size) for f in files)


def damaged_files(
    archive: Path, advance: Callable[[int], object] = lambda n_bytes: None
) -> list[str]:
    """Paths of unpacked files that are missing or differ from what was in ``archive``."""
    damaged = []
    for file in read_marker(archive) or []:
        path = archive.parent / file.path
        if not _has_size(path, file.size) or _crc32_of(path, advance) != file.crc32:
            damaged.append(file.path)
    return damaged


def unpack(
    archive: Path, place: Place, advance: Callable[[int], object] = lambda n_bytes: None
) -> None:
    """Unpack a .zip or .tar.gz archive into its own folder and write the marker.

    Parameters
    ----------
    archive
        Its folder becomes the root of the layout.
    place
        Where each regular member goes.
    advance
        Told the number of bytes after each block that was written.

    Raises
    ------
    UnpackError
        The archive is damaged, or has a member with an absolute or upward path, a link, a device,
        or two members for one place. Nothing is in place then.
    """
    staging = archive.parent / f".unpacking-{archive.name}"
    shutil.rmtree(staging, ignore_errors=True)  # of a run that was killed
    try:
        files = _stage(archive, staging, place, advance)
        for file in files:
            target = archive.parent / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            (staging / file.path).replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    write_records(marker_path(archive), UnpackedFile, files)


def _stage(archive: Path, staging: Path, place: Place, advance) -> list[UnpackedFile]:
    files: dict[PurePosixPath, UnpackedFile] = {}
    most = _LARGEST_RATIO * archive.stat().st_size + _SMALL_BYTES
    try:
        with _opened(archive) as members:
            for name, content in members:
                target = place(PurePosixPath(name))
                if target is None:
                    continue
                if not target.parts:
                    raise _unsafe(archive, name, "has no name")
                if target in files:
                    raise UnpackError(f"{archive}: a second member wants to be {target}: {name!r}")
                files[target] = _write(content, staging, target, most, advance)
                most -= files[target].size
    except _DAMAGE as error:
        raise UnpackError(
            f"{archive} is damaged: {error}; remove it to have it fetched again"
        ) from error
    if not files:
        raise UnpackError(f"{archive} holds nothing that belongs to the data set")
    return list(files.values())


def _write(
    content: BinaryIO, staging: Path, target: PurePosixPath, most: int, advance
) -> UnpackedFile:
    path = staging / target
    path.parent.mkdir(parents=True, exist_ok=True)
    size, crc = 0, 0
    with path.open("wb") as file:
        while block := content.read(_BLOCK_BYTES):
            if size + len(block) > most:
                raise UnpackError(
                    f"{target}: unpacks to far more than its archive holds, as no sounds do; "
                    "nothing was unpacked. Find out where the archive comes from"
                )
            file.write(block)
            size, crc = size + len(block), zlib.crc32(block, crc)
            advance(len(block))
    return UnpackedFile(str(target), size, f"{crc:08x}")


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    """Give an iterator over (name, content) of the regular members, each checked."""
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive) as zip_file:
            yield _zip_members(archive, zip_file)
    else:
        with tarfile.open(archive, "r:gz") as tar:
            yield _tar_members(archive, tar)


def _zip_members(archive: Path, zip_file: zipfile.ZipFile) -> Iterator[tuple[str, BinaryIO]]:
    for info in zip_file.infolist():
        # orig_filename: zipfile cuts `filename` at a NUL and turns backslashes round
        _check_name(archive, info.orig_filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _unsafe(archive, info.filename, "is a link or device")
        if not info.is_dir():
            with zip_file.open(info) as content:
                yield info.filename, content


def _tar_members(archive: Path, tar: tarfile.TarFile) -> Iterator[tuple[str, BinaryIO]]:
    for member in tar:
        _check_name(archive, member.name)
        if not (member.isreg() or member.isdir()):
            raise _unsafe(archive, member.name, "is a link or device")
        if member.issparse():
            raise _unsafe(archive, member.name, "is larger than what the archive holds of it")
        if hasattr(tarfile, "data_filter"):  # missing in early patch releases of Python 3.10
            tarfile.data_filter(member, str(archive.parent))
        if member.isreg():
            yield member.name, tar.extractfile(member)
    # tarfile takes a damaged header for the end; gzip's checksum at the true end tells
    while tar.fileobj.read(_BLOCK_BYTES):
        pass


def _check_name(archive: Path, name: str) -> None:
    """Refuse a member name that could lead outside on any system."""
    windows = PureWindowsPath(name)
    if name.startswith("/") or windows.drive or windows.root:
        raise _unsafe(archive, name, "has an absolute path")
    if ".." in windows.parts or "\0" in name:
        raise _unsafe(archive, name, "has an upward path")


def _unsafe(archive: Path, name: str, why: str) -> UnpackError:
    return UnpackError(
        f"{archive}: refused, as its member {name!r} {why}; nothing was unpacked. An archive from "
        "the publisher has no such member: find out where this one comes from"
    )


def _has_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


def _crc32_of(path: Path, advance) -> str:
    crc = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            crc = zlib.crc32(block, crc)
            advance(len(block))
    return f"{crc:08x}"
