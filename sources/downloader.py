"""Fetch one file so that the target is either absent or the published file.

The bytes go to ``<target>.part``. That file survives every interruption and is continued by the
next try or the next run; it is renamed to the target only after size and checksum were verified.
"""

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit

import requests

from sources.answers import FinalAnswer, TryAgain, classify, interpret, wrong_size
from sources.checksums import ChecksumError, verify
from sources.pace import NO_ANSWER, TooSlow, not_too_slow, watched
from sources.part_file import length, opened_part, part_path
from sources.table import PROJECT_URL, TABLE_PATH, RemoteFile
from transcoder import __version__
from transcoder.doors import first_line
from transcoder.errors import UserError

logger = logging.getLogger(__name__)

USER_AGENT = f"SpectralTranscoder/{__version__} (+{PROJECT_URL})"
"""Zenodo throttles clients that do not say who they are."""

PAUSES_S = (1, 2, 4, 8, 16, 32, 60)
"""Pauses before the second, third, ... try of a request that brought nothing new."""

TRIES_OF_SILENT_HOST = 3
"""Tries for a host that never answered: a machine without internet should say so soon."""

TIMEOUT_S = (15.0, 60.0)
"""For a connection and for the next bytes of an answer."""

SLOWEST_BYTES_S, SLOW_FOR_S = 1000, 60.0
"""A server that sends less for so long is asked again, and what came so slowly is no progress."""

Report = Callable[[int, int | None], object]
"""Told (bytes there, bytes in all or None) after each block."""


class DownloadError(UserError):
    """A file could not be fetched; the message says why and what to do."""


class DownloadStopped(Exception):
    """The user asked all downloads to stop."""


class Downloader:
    """Fetches files, one stream a file; may be shared by threads.

    Parameters
    ----------
    base_url
        A mirror that is asked instead of the publishers: ``<base_url>/<place of the file>``.
    pauses_s, timeout_s, slow_for_s
        See `PAUSES_S`, `TIMEOUT_S` and `SLOW_FOR_S`.
    stop
        When set, every running fetch raises `DownloadStopped` soon, also from within a pause.
    wait
        ``wait(seconds)``: makes the pauses; by default ``stop.wait``.
    """

    def __init__(
        self,
        base_url: str | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        timeout_s: tuple[float, float] = TIMEOUT_S,
        slow_for_s: float = SLOW_FOR_S,
        stop: threading.Event | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._base_url = base_url
        self._pauses_s = pauses_s
        self._timeout_s = timeout_s
        self._slow_for_s = slow_for_s
        self._stop = stop or threading.Event()
        self._wait = wait or self._stop.wait
        self._answering_hosts: set[str] = set()

    def urls(self, file: RemoteFile) -> tuple[str, ...]:
        """Where ``file`` is looked for, in this order."""
        if self._base_url is None:
            return file.urls
        return (f"{self._base_url.rstrip('/')}/{quote(file.place)}",)

    def fetch(self, file: RemoteFile, target: Path, report: Report = lambda n, total: None) -> None:
        """Bring ``file`` to ``target``; a file that is already there is verified instead.

        Raises
        ------
        ChecksumError
            What is there, or what the server sent, is not the published file.
        DownloadError
            No server gave the file, the disk is full, or another process is fetching it.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            return self._verify_placed(file, target)
        part = part_path(target)
        with opened_part(part) as handle:
            if target.exists():  # another process finished it before we had the lock
                return self._verify_placed(file, target)
            self._fill(file, target, part, handle, report)
            os.fsync(handle.fileno())
        part.replace(target)

    def _verify_placed(self, file: RemoteFile, target: Path) -> None:
        try:
            verify(target, file.size, file.checksum, self._raise_if_stopped)
        except ChecksumError as error:
            raise ChecksumError(
                f"{target} is there but is not the published file: {error}. Move it away to have "
                f"it fetched; {_advice_on_table(file)}"
            ) from None

    def _fill(self, file: RemoteFile, target: Path, part: Path, handle: BinaryIO, report) -> None:
        """Fill the part file with verified content from the first server that has it."""
        failures = []
        for url in self.urls(file):
            if failures:
                logger.warning("%s: %s; asking another server", file.name, failures[-1])
            try:
                return self._fill_from(url, file, part, handle, report)
            except FinalAnswer as failure:
                failures.append(f"{url}: {failure}")
            except ChecksumError as error:
                failures.append(
                    f"{url}: what it sends is not the published file: {error}; "
                    + _advice_on_table(file)
                )
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise DownloadError(
                    f"the disk is full: {part} holds {part.stat().st_size} bytes so far. Make "
                    "room and run the command again: it continues from there"
                ) from None
        raise DownloadError(
            "; ".join(failures)
            + f". To place it by hand: fetch {file.urls[0]} on another machine, copy it to "
            f"{target} and run the command again"
        )

    def _fill_from(self, url: str, file: RemoteFile, part: Path, handle: BinaryIO, report) -> None:
        continued = self._transfer(url, file, handle, report)
        try:
            verify(part, file.size, file.checksum, self._raise_if_stopped)
        except ChecksumError as error:
            if not continued:
                raise
            # pieces of different tries did not fit together: one whole fetch decides
            logger.warning("%s: %s; starting over", file.name, error)
            handle.truncate(0)
            self._transfer(url, file, handle, report)
            verify(part, file.size, file.checksum, self._raise_if_stopped)

    def _transfer(self, url: str, file: RemoteFile, handle: BinaryIO, report: Report) -> bool:
        """Bring the part file to its full length; True if it was put together from pieces."""
        there = length(handle)
        if file.size is not None and there > file.size:
            there = handle.truncate(0)
        continued, furthest, failures = there > 0, there, 0
        while True:
            try:
                self._request_rest(url, file, handle, report)
                return continued
            except TryAgain as failure:
                there = handle.truncate(0) if failure.start_over else length(handle)
                continued = continued or there > 0
                # a long file over a bad line may need many tries: only useless ones count
                is_useful = there > furthest and not isinstance(failure, TooSlow)
                failures = 1 if is_useful else failures + 1
                furthest = max(furthest, there)
                self._pause(url, file, failure, failures)

    def _pause(self, url: str, file: RemoteFile, failure: TryAgain, failures: int) -> None:
        tries = len(self._pauses_s) + 1
        if urlsplit(url).netloc not in self._answering_hosts:
            tries = min(tries, TRIES_OF_SILENT_HOST)
        if failures >= tries:
            raise FinalAnswer(f"{failure}; gave up after {failures} tries")
        pause_s = failure.retry_after_s
        if pause_s is None:
            pause_s = self._pauses_s[failures - 1]
        logger.warning("%s: %s; trying again in %g s", file.name, failure, pause_s)
        self._wait(pause_s)
        self._raise_if_stopped()

    def _request_rest(self, url: str, file: RemoteFile, handle: BinaryIO, report: Report) -> None:
        """Ask once for what is missing and append it; `TryAgain` if something still is."""
        there, size = length(handle), file.size
        if there == size:
            return
        # identity: a compressed answer could not be continued at a byte of the file
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        if there:
            headers["Range"] = f"bytes={there}-"
        try:
            with requests.get(
                url, headers=headers, stream=True, timeout=self._timeout_s
            ) as response:
                self._answering_hosts.add(urlsplit(url).netloc)
                body = interpret(response, there, size)
                if body is not None:
                    total = size if body.total is None else body.total
                    with not_too_slow(response, self._slow_for_s, SLOWEST_BYTES_S) as came:
                        blocks = watched(response, came, self._raise_if_stopped)
                        self._append(blocks, body.start, total, file.most_bytes, handle, report)
        except requests.RequestException as error:
            raise classify(error) from error
        except NO_ANSWER as error:
            raise FinalAnswer(f"the server's answer makes no sense: {first_line(error)}") from error

    def _append(
        self,
        blocks: Iterable[bytes],
        start: int,
        total: int | None,
        most: int,
        handle: BinaryIO,
        report: Report,
    ) -> None:
        there = handle.truncate(start)
        report(there, total)
        if total is not None and total > most:
            raise wrong_size(most, f"{total}, more than can be right")
        for block in blocks:
            if there + len(block) > most:
                handle.truncate(0)
                raise wrong_size(most, f"more than {there + len(block) - 1}")
            if total is not None and there + len(block) > total:
                handle.truncate(0)
                raise wrong_size(total, f"more than {there + len(block) - 1}")
            view = memoryview(block)
            while view:  # an unbuffered write may take a piece only
                view = view[handle.write(view) :]
            there += len(block)
            report(there, total)
        if total is not None and there < total:
            raise TryAgain(f"the connection ended after {there} of {total} bytes")

    def _raise_if_stopped(self, _n_bytes: int = 0) -> None:
        if self._stop.is_set():
            raise DownloadStopped


def _advice_on_table(file: RemoteFile) -> str:
    return (
        f"if {file.source.page} shows the found values too, the file was republished: correct "
        f"them in {TABLE_PATH}"
    )
