"""Download Debian packages without installing them."""

import logging
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from open_corpus.table import Wanted
from transcoder.errors import UserError

logger = logging.getLogger(__name__)


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
