"""Debian packages: downloaded without installing them, and the sounds taken out.

Sounds lie in the packages themselves and in the zip and pk3 archives inside.
"""

import logging
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tqdm import tqdm

from open_corpus.table import Wanted
from transcoder.errors import UserError

logger = logging.getLogger(__name__)

SOUND_SUFFIXES = (".wav", ".ogg", ".oga", ".opus", ".flac", ".mp3", ".aif", ".aiff", ".au")
ARCHIVE_SUFFIXES = (".zip", ".pk3")


class FetchError(UserError):
    """A package cannot be had here; the message gives apt's reason."""


def fetch_all(wanted: Iterable[Wanted], folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Download each package of a table into ``folder``, unless it is there.

    Returns
    -------
    archives : the file of each package that could be had
    problems : one line for each that could not
    """
    versions = {row.package: row.version for row in wanted}
    archives, problems = {}, []
    for package, version in tqdm(versions.items(), desc="Fetching", unit="package"):
        try:
            archives[package] = fetch(package, version, folder)
        except FetchError as error:
            problems.append(str(error))
    return archives, problems


def fetch(package: str, version: str, folder: Path) -> Path:
    """Download one package with ``apt-get download``, which checks its SHA-256.

    If apt does not offer ``version``, the one that it offers is taken, with a warning: patterns
    and licence may differ.

    Raises
    ------
    FetchError
        If the package cannot be downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = _find(folder, package, version)
    if found is None:
        try:
            found = _download(f"{package}={version}", folder)
        except FetchError:
            found = _find(folder, package, "*") or _download(package, folder)
    if version_of(found) != version:
        logger.warning(
            "%s: got version %s, the table was made for %s: check licence and patterns",
            package,
            version_of(found),
            version,
        )
    return found


def version_of(archive: Path) -> str:
    """A package's version, from the name that apt gives the file."""
    return archive.name.split("_")[1].replace("%3a", ":")


def _find(folder: Path, package: str, version: str) -> Path | None:
    # apt writes an epoch's colon as %3a
    matching = sorted(folder.glob(f"{package}_{version.replace(':', '%3a')}_*.deb"))
    return matching[-1] if matching else None


def _download(name: str, folder: Path) -> Path:
    """Download in a folder of its own, so that a package appears only when it is complete."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
        try:
            done = subprocess.run(
                ["apt-get", "download", name], cwd=temporary, capture_output=True, text=True
            )
        except FileNotFoundError:
            raise FetchError(
                f"{name}: there is no apt-get: build the corpus on Debian or Ubuntu"
            ) from None
        archives = list(Path(temporary).glob("*.deb"))
        if done.returncode or not archives:
            reasons = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            reason = reasons[0] if reasons else f"apt-get ended with status {done.returncode}"
            raise FetchError(f"{name}: {reason}; try again after: apt-get update")
        return archives[0].replace(folder / archives[0].name)


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
