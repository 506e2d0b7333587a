"""Which files to read, and where their results go."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archives.open_archive import SUFFIXES, suffix_of
from transcoder.errors import UsageError, UserError


@dataclass(frozen=True)
class Task:
    """An input and the name of its result: a path below the output folder, without suffix."""

    path: Path
    name: str


def find_inputs(inputs: Sequence[str]) -> list[Task]:
    """The files that the command line names: files, folders (all below them) and globs.

    Raises
    ------
    UserError
        If an input does not exist, matches nothing or holds no file of a known kind.
    UsageError
        If two files would have the same result.
    """
    tasks: dict[Path, Task] = {}
    for given in inputs:
        for task in _expand(given):
            tasks.setdefault(task.path.resolve(), task)
    by_name: dict[str, Task] = {}
    for task in tasks.values():
        other = by_name.setdefault(task.name, task)
        if other is not task:
            raise UsageError(
                f"{other.path} and {task.path} would both be written as {task.name}: "
                "classify them one after the other, with another --output"
            )
    return list(tasks.values())


def _expand(given: str) -> list[Task]:
    path = Path(given)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and suffix_of(file))
        if not files:
            raise UserError(f"{path}: this folder holds no {', '.join(SUFFIXES)}")
        return [Task(file, _stem(file.relative_to(path))) for file in files]
    if path.exists() or not glob.has_magic(given):
        # a missing file is reported with the others that fail
        return [Task(path, _stem(Path(path.name)))]
    matches = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 (absolute patterns too)
    if not matches:
        raise UserError(f"{given}: matches no file")
    return [
        task
        for match in matches
        if Path(match).is_dir() or suffix_of(Path(match))
        for task in _expand(match)
    ]


def _stem(path: Path) -> str:
    return path.as_posix().removesuffix(path.name) + path.name[: -len(suffix_of(path)) or None]
