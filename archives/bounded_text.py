"""Text of any length, plain or gzipped, whose lines have an end.

A parser holds a whole line, and of a quote that is never closed all the rest: a file of a few
megabytes may unpack to gigabytes of that.
"""

import gzip
import io
from pathlib import Path

from archives.frames import ArchiveError

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
