"""Paths of the project and safe writing: a file is either absent or complete."""

import contextlib
import csv
import errno
import glob
import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TypeVar

from transcoder.doors import is_full, room_on, size_text
from transcoder.errors import UserError
from transcoder.programs import COMMAND, IS_CHECKOUT, PROJECT_ROOT

DATA_VARIABLE, CACHE_VARIABLE = "SPECTRAL_TRANSCODER_DATA", "SPECTRAL_TRANSCODER_CACHE"
"""Environment variables that choose `WORK_ROOT` and `FETCHED_ROOT`."""


def _root(variable: str, if_installed: Callable[[], Path]) -> Path:
    if given := os.environ.get(variable):
        return Path(given).expanduser().absolute()
    return PROJECT_ROOT if IS_CHECKOUT else if_installed()


def _cache() -> Path:
    import platformdirs

    return platformdirs.user_cache_path(COMMAND, appauthor=False)


WORK_ROOT = _root(DATA_VARIABLE, Path.cwd)
"""The user's folder, of data sets and of all that is made: the checkout, else the current one."""

FETCHED_ROOT = _root(CACHE_VARIABLE, _cache)
"""Folder of fetched weights: the checkout, else the platform's cache."""

DATA_ROOT = WORK_ROOT / "spectral_transcoder_data"
"""Default folder of everything the programs compute from data sets."""

REFERENCE_MODELS = PROJECT_ROOT / "reference_models"
"""Trained transcoders that come with the project."""

FETCHED_MODELS = FETCHED_ROOT / "reference_models"
"""Those that were fetched; in a checkout they lie in one folder."""

EXPORT_ROOT = WORK_ROOT / "export"
"""Default folder of tables and figures; what ``results/`` shows is copied there on purpose."""

_TOKEN_BYTES = 8
_LONGEST = 80  # file names have at most 255 bytes
_NO_ROOM_BYTES = 1 << 16  # with less, a writer's failure is that of the disk


def sound_path(given: str | os.PathLike) -> Path:
    """``given`` itself or, if there is none, the sample of that name in the project's audio/."""
    sample = PROJECT_ROOT / "audio" / given
    return sample if sample.is_file() and not Path(given).exists() else Path(given)


class FullDiskError(UserError):
    """There is no room for a file; the message names it, what it needs, and what is free."""


def check_room(path: str | os.PathLike, need_bytes: float) -> None:
    """Raise `FullDiskError` unless the disk where ``path`` will be has ``need_bytes`` free."""
    free = room_on(path)
    if need_bytes > free:
        raise FullDiskError(
            f"{path}: needs about {size_text(need_bytes)}, but only {size_text(free)} are free on "
            "its disk: make room there, or choose another place"
        )


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike, need_bytes: float = 0) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` if the block ends well.

    After an exception the temporary file is removed and an older ``path`` is left untouched. The
    suffix of ``path`` is kept, for writers that choose the format by it. Missing parent folders
    are made. The data reach the disk before the rename, so that a crash leaves no empty file.
    HDF5 is written by `transcoder.hdf5_files.written_hdf5`.

    Raises
    ------
    FullDiskError
        If there are no ``need_bytes`` of room, or if it runs out, whatever the writer within the
        block makes of that.
    """
    path = Path(path)
    check_room(path, need_bytes)
    temporary = path.with_name(_temporary_name(path, secrets.token_hex(_TOKEN_BYTES)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(mode=0o666, exist_ok=False)  # less what the process's umask forbids
    except OSError as error:
        if is_full(error):
            raise _ran_out(path, 0, error) from None
        raise
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except UserError:
        raise
    except Exception as error:
        # formats' libraries have no word for a full disk: many say "write failed", some nothing
        if is_full(error) or room_on(path) < _NO_ROOM_BYTES:
            raise _ran_out(path, temporary.stat().st_blocks * 512, error) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path`` through `atomic_path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def csv_text(header: Sequence[str], rows: Iterable[Sequence], *, delimiter: str = ",") -> str:
    """A table as text, a line for each row, ended as on Linux wherever it is written."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


Record = TypeVar("Record")


def write_records(path: str | Path, kind: type[Record], records: Iterable[Record]) -> None:
    """Write instances of the dataclass ``kind`` as CSV, a column for each field."""
    atomic_write_text(path, csv_text([f.name for f in fields(kind)], map(astuple, records)))


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """What `write_records` wrote of a dataclass whose fields are numbers and text."""
    types = {field.name: field.type for field in fields(kind)}
    with path.open(newline="", encoding="utf-8") as file:
        return [
            kind(**{name: of_text(row[name]) for name, of_text in types.items()})
            for row in csv.DictReader(file)
        ]


def printable(name: str | os.PathLike) -> str:
    """A name for texts and figures: bytes of it that are no UTF-8 become ``\\xe9`` and such."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")


def _ran_out(path: Path, written: int, error: Exception) -> FullDiskError:
    """The error for a file of which so many bytes were ``written``: they will be free again."""
    if getattr(error, "errno", None) == errno.EDQUOT:
        return FullDiskError(f"{path}: the quota there is used up: make room, or write elsewhere")
    free = size_text(room_on(path) + written)
    return FullDiskError(
        f"{path}: the disk is full: it needs more than the {free} that are free there: make room, "
        "or choose another place"
    )


def atomic_save_array(path: str | Path, array: object) -> None:
    """Write an ``.npy`` file through `atomic_path`."""
    import numpy as np

    with atomic_path(path) as temporary:
        np.save(temporary, array)


def remove_temporary(*paths: Path) -> None:
    """Delete what killed runs have left of writing ``paths`` through `atomic_path`.

    For those who hold the lock of the job that writes them: `transcoder.locks.only_run`.
    """
    any_token = "[0-9a-f]" * 2 * _TOKEN_BYTES
    for path in paths:
        for temporary in path.parent.glob(_temporary_name(path, any_token, glob.escape)):
            temporary.unlink(missing_ok=True)


def short_name(name: str) -> str:
    """``name`` or, if it is long, a part of it and a mark of the rest: room for what is added."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def _temporary_name(path: Path, token: str, escape: Callable[[str], str] = str) -> str:
    return f".{escape(short_name(path.stem))}.{token}{escape(path.suffix)}"
