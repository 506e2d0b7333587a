"""Lines of text with an end, of files and of streams that are damaged now and then.

A parser holds a whole line, and of a quote that is never closed all the rest: a file of a few
megabytes may unpack to gigabytes of that. Of a stream, such a line is reported and passed over.
"""

import gzip
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from archives.frames import ArchiveError
from transcoder.doors import why_no_file
from transcoder.errors import MissingFileError

LONGEST_LINE = 1_000_000
"""Bytes of a line, or of lines that a quoted cell spans: thirty bands take some hundred."""


def open_bytes(path: Path) -> io.BufferedReader:
    """The bytes of ``path``, unpacked if it ends with .gz; lines without end are refused."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    return io.BufferedReader(_Lines(opener(path, "rb"), path), 1 << 16)


class _Lines(io.RawIOBase):
    """Passes bytes on, and counts how many came since a line ended outside of quotes."""

    def __init__(self, raw: io.BufferedIOBase, path: Path) -> None:
        super().__init__()
        self._raw = raw
        self._path = path
        self._since = 0
        self._is_quoted = False
        self._n_lines = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._count(data)
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _count(self, data: bytes) -> None:
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        ends_quoted = self._is_quoted ^ (data.count(b'"', 0, end) % 2 == 1)
        self._is_quoted ^= data.count(b'"') % 2 == 1
        self._since = len(data) - end if end and not ends_quoted else self._since + len(data)
        if self._since > LONGEST_LINE:
            row = self._n_lines + 1
            raise ArchiveError(
                f"{self._path}, row {row}: is longer than {LONGEST_LINE} bytes, or has a quote "
                "that is never closed"
            )
        self._n_lines += data.count(b"\n")


logger = logging.getLogger(__name__)

_POLL_S = 0.1


def lines_of(stream: BinaryIO) -> Iterator[str]:
    """The lines of standard input, until it ends."""
    reader = _LineReader("live stream")
    while piece := stream.readline(LONGEST_LINE):
        yield from reader.add(piece)
    yield from reader.end()


def followed(path: Path, wait: Callable[[float], object] = time.sleep) -> Iterator[str]:
    """The lines of a file, those to come included, each once it is complete; never ends.

    When the file is cut to nothing or to less, it is read from its start; when another takes its
    place (rotation of logs), that one is read once the first has been read to its end.
    """
    why = why_no_file(path)
    if why is not None:
        raise MissingFileError(f"{path}: {why} to watch")
    reader = _LineReader(str(path))
    file = path.open("rb")
    try:
        while True:
            if piece := file.readline(LONGEST_LINE):
                yield from reader.add(piece)
                continue
            there = _status(path)
            if there is None:
                wait(_POLL_S)  # between the two files of a rotation
            elif not os.path.samestat(there, os.fstat(file.fileno())):
                if rest := file.readline(LONGEST_LINE):  # written since we looked
                    yield from reader.add(rest)
                    continue
                logger.warning("%s: another file took its place; going on with that", path)
                yield from reader.end()
                file.close()
                file = path.open("rb")
            elif there.st_size < file.tell():
                logger.warning("%s: was cut; reading it from its start", path)
                reader.forget()
                file.seek(0)
            else:
                wait(_POLL_S)
    finally:
        file.close()


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


class _LineReader:
    """Puts lines together from pieces; what is no text or has no end is reported."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._pieces: list[bytes] = []
        self._n_bytes = 0
        self._is_first = True

    def add(self, piece: bytes) -> Iterator[str]:
        """The line that ``piece`` ends, if it does."""
        if self._n_bytes <= LONGEST_LINE:
            self._pieces.append(piece)
        elif self._pieces:
            logger.warning(
                "%s: a line is longer than %d bytes; passed over", self._where, LONGEST_LINE
            )
            self._pieces = []
        self._n_bytes += len(piece)
        if piece.endswith(b"\n"):
            yield from self.end()

    def end(self) -> Iterator[str]:
        """What is left, as a last line."""
        line = b"".join(self._pieces)
        self.forget()
        if not line:
            return
        if self._is_first:
            line, self._is_first = line.removeprefix(b"\xef\xbb\xbf"), False
        # a byte that is no text spoils its cell; the reader of the table reports the line
        yield line.decode("utf-8", errors="replace")

    def forget(self) -> None:
        """Drop a line that has not ended."""
        self._pieces, self._n_bytes = [], 0
