"""The unfinished file beside a target, used by one process at a time."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from transcoder.errors import UserError

try:
    import fcntl
except ImportError:  # Windows has no advisory locks of this kind
    fcntl = None

logger = logging.getLogger(__name__)


def part_path(target: Path) -> Path:
    """Where the bytes of ``target`` are gathered."""
    return target.with_name(target.name + ".part")


def length(handle: BinaryIO) -> int:
    """Bytes in the file; leaves the position at its end."""
    return handle.seek(0, os.SEEK_END)


@contextlib.contextmanager
def opened_part(part: Path) -> Iterator[BinaryIO]:
    """Open ``part`` for appending, unbuffered and locked; an empty one is removed at the end.

    Raises
    ------
    UserError
        Another process has it.
    """
    with part.open("a+b", buffering=0) as handle:
        _lock(handle, part)
        try:
            yield handle
        finally:
            if length(handle) == 0:
                part.unlink(missing_ok=True)


def _lock(handle: BinaryIO, part: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(f"another process is fetching {part}") from None
    except OSError as error:  # some network file systems have no locks
        logger.debug("no lock on %s: %s", part, error)
