"""Fetch and unpack many files: what is missing, whether it fits, two at a time, what failed."""

import heapq
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from sources.downloader import Downloader, DownloadStopped
from sources.layouts import LAYOUTS
from sources.part_file import part_path
from sources.table import RemoteFile, Source
from sources.unpack import is_unpacked, unpack
from transcoder.doors import room_on
from transcoder.errors import UserError

logger = logging.getLogger(__name__)

FILES_AT_ONCE = 2
"""Zenodo throttles clients that open more streams."""

_SPARE_BYTES = 100_000_000
"""Left free on a disk, for tables and markers."""


@dataclass(frozen=True)
class Failure:
    """What could not be done, and why."""

    name: str
    reason: str


def unpacked_sources(files: list[RemoteFile], output: Path) -> set[Source]:
    """The data sets among ``files`` that are complete by their own tables."""
    sources = {file.source for file in files if file.is_archive}
    return {s for s in sources if LAYOUTS[s.name].is_complete(s.root(output) / s.folder)}


def missing_files(files: list[RemoteFile], output: Path) -> list[RemoteFile]:
    """The files that still have something to be done for them.

    Plain files that are there count as missing: the downloader verifies them. So do archives that
    are there without a marker: if the clips are there too, a run was killed just before its end.
    """
    complete = unpacked_sources(files, output)

    def is_done(file: RemoteFile) -> bool:
        path = file.path(output)
        return file.is_archive and (
            is_unpacked(path) or (file.source in complete and not path.exists())
        )

    return [file for file in files if not is_done(file)]


def fetch_all(
    files: list[RemoteFile],
    output: Path,
    base_url: str | None = None,
    keep_archives: bool = False,
) -> list[Failure]:
    """Fetch and unpack what is missing of ``files``, then finish the layouts.

    One failure does not stop the others.

    Raises
    ------
    UserError
        There is not enough room; nothing was begun.
    """
    if not keep_archives:
        _remove_archives(files, output)
    missing = missing_files(files, output)
    check_free_space(missing, output, keep_archives)
    stop = threading.Event()
    downloader = Downloader(base_url, stop=stop)
    failures = []
    with logging_redirect_tqdm(), ThreadPoolExecutor(FILES_AT_ONCE) as threads:
        jobs = {
            threads.submit(_bring, file, output, downloader, stop, keep_archives): file
            for file in missing
        }
        try:
            for job in tqdm(as_completed(jobs), desc="all", total=len(jobs), unit="file"):
                failures += _failure_of(jobs[job].name, job.result)
        except BaseException:
            stop.set()
            threads.shutdown(cancel_futures=True)
            raise
    return failures + _finish(files, output)


def _remove_archives(files: list[RemoteFile], output: Path) -> None:
    """Remove archives of an earlier run that was killed, or kept them."""
    for file in files:
        path = file.path(output)
        if file.is_archive and path.exists() and is_unpacked(path):
            path.unlink()


def check_free_space(files: list[RemoteFile], output: Path, keep_archives: bool) -> None:
    """Raise `UserError` if a disk has less room than fetching and unpacking ``files`` takes."""
    by_disk: dict[int, tuple[Path, list[RemoteFile]]] = {}
    for file in files:
        folder = file.folder(output).absolute()
        folder = next(path for path in (folder, *folder.parents) if path.exists())
        by_disk.setdefault(folder.stat().st_dev, (folder, []))[1].append(file)
    for folder, on_disk in by_disk.values():
        require_room(folder, space_needed(on_disk, output, keep_archives))


def require_room(folder: Path, n_bytes: int) -> None:
    """Raise `UserError` if ``n_bytes`` do not fit on the disk of ``folder``."""
    free = room_on(folder)
    if n_bytes and free < n_bytes + _SPARE_BYTES:
        raise UserError(
            f"the disk of {folder} has {free / 1e9:.2f} GB free, "
            f"{(n_bytes + _SPARE_BYTES) / 1e9:.2f} GB are needed: make room, choose another "
            "--output, or take less at once"
        )


def space_needed(files: list[RemoteFile], output: Path, keep_archives: bool) -> int:
    """Bytes that fetching and unpacking ``files`` takes at its fullest moment."""
    plain = [_bytes_to_fetch(file, output) for file in files if not file.is_archive]
    archives = [file for file in files if file.is_archive]
    fetched = [_bytes_to_fetch(file, output) for file in archives]
    if not keep_archives:  # each is removed before the next is fetched
        fetched = heapq.nlargest(FILES_AT_ONCE, fetched)
    unpacked = [round(file.about_size * file.source.unpacked_ratio) for file in archives]
    return sum(plain) + sum(fetched) + sum(unpacked)


def _bytes_to_fetch(file: RemoteFile, output: Path) -> int:
    target = file.path(output)
    if target.exists():
        return 0
    part = part_path(target)
    return max(0, file.about_size - (part.stat().st_size if part.exists() else 0))


def _bring(
    file: RemoteFile,
    output: Path,
    downloader: Downloader,
    stop: threading.Event,
    keep_archives: bool,
) -> None:
    """Fetch one file, and unpack it if it is an archive."""
    target = file.path(output)
    bar = tqdm(desc=file.name[-40:], total=file.about_size, unit="B", unit_scale=True, leave=False)

    def show(n_bytes: int, total: int | None) -> None:
        bar.total = total
        bar.update(n_bytes - bar.n)

    def advance(n_bytes: int) -> None:
        if stop.is_set():
            raise DownloadStopped
        bar.update(n_bytes)

    with bar:
        downloader.fetch(file, target, show)
        if file.is_archive:
            bar.reset(round(file.about_size * file.source.unpacked_ratio))
            bar.set_description(f"unpacking {file.name[-30:]}")
            unpack(target, LAYOUTS[file.source.name].place, advance)
            if not keep_archives:
                target.unlink()


def _finish(files: list[RemoteFile], output: Path) -> list[Failure]:
    """Do what remains for the data sets whose archives have all been unpacked."""
    waiting = {file.source for file in missing_files(files, output) if file.is_archive}
    failures = []
    for source in {file.source: None for file in files if file.is_archive}:
        finish = LAYOUTS[source.name].finish
        if finish is not None and source not in waiting:
            failures += _failure_of(
                source.name, partial(finish, source.root(output) / source.folder)
            )
    return failures


def _failure_of(name: str, action: Callable[[], object]) -> list[Failure]:
    """Run ``action``; the failure if it had one."""
    try:
        action()
    except (UserError, OSError) as error:
        logger.error("%s failed; the end of this run says why", name)
        return [Failure(name, str(error))]
    return []
