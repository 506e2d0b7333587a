"""Take the sounds out of a Debian package, also from the zip and pk3 archives inside."""

import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from transcoder.errors import UserError

SOUND_SUFFIXES = (".wav", ".ogg", ".oga", ".opus", ".flac", ".mp3", ".aif", ".aiff", ".au")
ARCHIVE_SUFFIXES = (".zip", ".pk3")


def unpack_sounds(package: Path, folder: Path, wanted: Callable[[str], bool]) -> list[str]:
    """Write the wanted sound files of ``package`` below ``folder``.

    Parameters
    ----------
    package
        A .deb file.
    wanted
        Tells from a file's path in the package ("/usr/share/...") whether it is; archives inside
        count as folders.

    Returns
    -------
    The paths that were written, sorted; the file of ``path`` is ``folder / path[1:]``.

    Raises
    ------
    UserError
        If the package or an archive in it is damaged, or there is no dpkg-deb.
    """
    paths = []
    try:
        for path, data in _members(package):
            if PurePosixPath(path).suffix.lower() in SOUND_SUFFIXES and wanted(path):
                target = folder / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(data, file)
                paths.append(path)
    except FileNotFoundError as error:
        if error.filename != "dpkg-deb":
            raise
        raise UserError("there is no dpkg-deb: build the corpus on Debian or Ubuntu") from None
    except (tarfile.TarError, zipfile.BadZipFile, subprocess.CalledProcessError) as error:
        raise UserError(
            f"{package}: is damaged ({error}): delete it, it will be fetched again"
        ) from None
    return sorted(paths)


def _members(package: Path) -> Iterator[tuple[str, BinaryIO]]:
    """The regular files of a package and of the archives inside, each to be read at once."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as tar,
    ):
        for member in tar:
            if not member.isreg():
                continue
            path, data = _rooted(member.name), tar.extractfile(member)
            if PurePosixPath(path).suffix.lower() in ARCHIVE_SUFFIXES:
                yield from _zip_members(path, data)
            else:
                yield path, data
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _zip_members(archive: str, data: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    with tempfile.TemporaryFile() as copy:  # zip files are read from their end
        shutil.copyfileobj(data, copy)
        with zipfile.ZipFile(copy) as inner:
            for info in inner.infolist():
                if not info.is_dir():
                    with inner.open(info) as file:
                        yield archive + _rooted(info.filename), file


def _rooted(name: str) -> str:
    """ "./usr/share/x" to "/usr/share/x"; nothing may lead out of the root."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", ".")]
    if ".." in parts:
        raise tarfile.TarError(f"a member leads out of the package: {name}")
    return "/" + "/".join(parts)
