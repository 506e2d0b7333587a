"""Is this file the published one? Checksums of the three kinds that publishers give."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transcoder.errors import UserError

_BLOCK_BYTES = 1 << 20


class ChecksumError(UserError):
    """A file differs from the published one; the message gives both values."""


@dataclass(frozen=True)
class Checksum:
    """``algorithm`` is "md5", "sha256" or "git-blob-sha1"; ``value`` is in lower-case hex."""

    algorithm: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "Checksum":
        """Read the form ``algorithm:value`` of the table."""
        algorithm, _, value = text.partition(":")
        return cls(algorithm, value)

    def of(self, path: Path, advance: Callable[[int], object] = lambda n_bytes: None) -> str:
        """Value of the same algorithm for the file at ``path``.

        ``advance`` is told the number of bytes of each block that has been read.
        """
        if self.algorithm == "git-blob-sha1":
            # git hashes a header with the size before the content
            state = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        else:
            state = hashlib.new(self.algorithm, usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                state.update(block)
                advance(len(block))
        return state.hexdigest()


def verify(
    path: Path,
    size: int | None,
    checksum: Checksum,
    advance: Callable[[int], object] = lambda n_bytes: None,
) -> None:
    """Check the file at ``path`` against the published size (if known) and checksum.

    Raises
    ------
    ChecksumError
        With what was expected and what was found.
    """
    found_size = path.stat().st_size
    if size is not None and found_size != size:
        raise ChecksumError(f"expected {size} bytes, found {found_size}")
    found = checksum.of(path, advance)
    if found != checksum.value:
        raise ChecksumError(f"expected {checksum.algorithm} {checksum.value}, found {found}")
