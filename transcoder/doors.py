"""Where files come in: what damage does to their parsers becomes one line that names the file.

Parsers raise whatever comes to their mind on bytes that they do not expect. `reading` stands
around their calls; `fault_of` tells, at the top of a program, what still came through.
"""

import contextlib
import csv
import errno
import os
import pickle
import shutil
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from transcoder.errors import UserError

_DAMAGE = (EOFError, UnicodeError, csv.Error, pickle.UnpicklingError, struct.error,
           zipfile.BadZipFile, zlib.error)  # fmt: skip
_DAMAGE_OF_LIBRARIES = (
    ("pyarrow", "ArrowException"), ("soundfile", "SoundFileError"), ("tarfile", "TarError"),
    ("yaml", "YAMLError"),
)  # fmt: skip
_PATH_NAMES = ("folder", "target", "path")
_FULL = (errno.ENOSPC, errno.EDQUOT)
NO_SUCH_FILE = "no such file"

_KINDS = ((stat.S_ISDIR, "is a folder"), (stat.S_ISFIFO, "is a pipe"), (stat.S_ISSOCK, "is a "
          "socket"), (stat.S_ISCHR, "is a device"), (stat.S_ISBLK, "is a device"))  # fmt: skip


def why_no_file(path: str | os.PathLike) -> str | None:
    """Why ``path`` is no regular file, in a few words; None if it is one.

    Pipes and devices are refused wherever files are read: opening one may wait for ever, and what
    it gives has no end.
    """
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return NO_SUCH_FILE
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return getattr(error, "strerror", None) or str(error)
    if stat.S_ISREG(mode):
        return None
    return next((f"{what}, not a file" for is_kind, what in _KINDS if is_kind(mode)), "is no file")


@contextlib.contextmanager
def reading(
    where: str | os.PathLike, verdict: str, error_class: type[UserError] = UserError
) -> Iterator[None]:
    """Around calls of a parser: what it raises becomes ``error_class``, "<where>: <verdict>: why".

    Our own errors pass as they are. Keep the block free of computations of ours, or their defects
    are taken for the file's.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            reason = "there is not enough memory for what it says it holds"
        else:
            reason = first_line(error)
        raise error_class(f"{where}: {verdict}: {reason}") from error


def first_line(error: BaseException) -> str:
    """What an error says, on one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return next((line.strip() for line in str(error).splitlines() if line.strip()),
                type(error).__name__)  # fmt: skip


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed: Python's, NumPy's, PyTorch's, HDF5's."""
    text = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | OSError)
        and any(sign in text for sign in ("t allocate memory", "out of memory", "bad allocation"))
    )


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk has no room, or a quota none left."""
    return isinstance(error, OSError) and error.errno in _FULL


def room_on(path: str | os.PathLike) -> int:
    """Free bytes on the disk where ``path`` is or would be."""
    path = Path(path).absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def size_text(n_bytes: float) -> str:
    """``n_bytes`` for people: "12 kB", "3.4 GB"."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def fault_of(error: BaseException) -> str | None:
    """One line on an error that a file, a disk, or memory is to blame for; None for a defect.

    Names the file that the system named, else that of the innermost function at work: by the
    habits of this project the one called ``path``, or ``target`` or ``folder``.
    """
    if is_out_of_memory(error):
        advice = "take less at once (a shorter part, a smaller --batch_size), or end other programs"
        return _named(error, f"there is not enough memory for it; {advice}")
    if is_full(error):
        place = error.filename or _path_at_work(error.__traceback__)
        if place is None:
            return "the disk is full; make room and run the command again"
        return f"{_text(place)}: the disk is full: {size_text(room_on(_text(place)))} are free " \
            "there; make room and run the command again"  # fmt: skip
    if isinstance(error, OSError):
        return _named(error, error.strerror or first_line(error))
    if isinstance(error, _DAMAGE) or _is_of_library(error):
        return _named(error, f"is damaged, or something else than its name says: "
                      f"{first_line(error)}")  # fmt: skip
    return None


def _named(error: BaseException, line: str) -> str:
    path = getattr(error, "filename", None) or _path_at_work(error.__traceback__)
    return line if path is None else f"{_text(path)}: {line}"


def _text(path: object) -> str:
    return os.fsdecode(path) if isinstance(path, bytes | os.PathLike) else str(path)


def _path_at_work(traceback: TracebackType | None) -> Path | None:
    found = None
    while traceback is not None:
        for name in _PATH_NAMES:
            path = traceback.tb_frame.f_locals.get(name)
            found = path if isinstance(path, Path) else found
        traceback = traceback.tb_next
    return found


def _is_of_library(error: BaseException) -> bool:
    """Whether it is a parser's own error, of a library that is loaded."""
    for module, name in _DAMAGE_OF_LIBRARIES:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return True
    return False
