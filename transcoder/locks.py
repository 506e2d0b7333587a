"""One run of a job at a time: a second one is refused in a line that names the first."""

import contextlib
import datetime
import errno
import logging
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from transcoder.errors import UserError
from transcoder.files import short_name

logger = logging.getLogger(__name__)

_PATIENCE_S = 0.5  # a run that ends at this moment is not reported as running

_NO_LOCKS_HERE = {
    errno.ENOSYS,
    errno.ENOLCK,
    errno.ENOTSUP,
    errno.EROFS,  # nothing can be written either: whoever tries is told so
    errno.EACCES,
    errno.EPERM,
}


@contextlib.contextmanager
def only_run(results: Path, *, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Let the block run while no other process, of any user and started in any way, is in one.

    One that is running is waited for, for ``patience_s``.

    The lock is a hidden file beside ``results``, a file or folder which need not exist; the
    system lets go of it when the process ends, however that happens. Where the file system has no
    locks the block runs without; parts know their job (`transcoder.parts`), and files appear
    whole (`transcoder.files.atomic_path`), so that nothing is mixed there either.

    Raises
    ------
    UserError
        If another run is writing these results.
    """
    import filelock  # slow to import, next to what --help needs

    folder = results.parent
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    name = short_name(results.name)
    lock = filelock.FileLock(folder / f".{name}.lock")
    note = folder / f".{name}.run"
    is_held = _acquire(lock, note, results, patience_s)
    try:
        if is_held:
            with contextlib.suppress(OSError):  # of a full disk those say more who write results
                note.write_text(_who_we_are(), encoding="utf-8", errors="backslashreplace")
        yield
    finally:
        if is_held:
            note.unlink(missing_ok=True)
            Path(lock.lock_file).unlink(missing_ok=True)  # ours until it is released
            lock.release()
        with contextlib.suppress(OSError):  # something was written
            for path in new:
                path.rmdir()


def _acquire(lock, note: Path, results: Path, patience_s: float) -> bool:
    """Whether the lock is ours; False where there are none."""
    import filelock

    try:
        lock.acquire(timeout=patience_s)
    except filelock.Timeout:
        try:
            first = note.read_text(encoding="utf-8")
        except OSError:
            first = "which has just begun, or is another user's"
        raise UserError(
            f"{results}: another run is writing there ({first}): wait until it has ended, or let "
            "this one write elsewhere"
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS_HERE:
            raise
        logger.debug("no lock for %s: %s", results, error)
        return False
    return True


def _who_we_are() -> str:
    since = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    command = shlex.join((Path(sys.argv[0]).name, *sys.argv[1:]))
    return f"process {os.getpid()} on {socket.gethostname()} since {since}: {command[:300]}"
