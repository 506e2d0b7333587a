"""Which files to read, and where their results go."""

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from archives.frames import ArchiveError
from archives.open_archive import SUFFIXES, suffix_of
from transcoder.errors import UsageError, UserError

DATA_SET, SETTINGS_FILE, SENSOR_TABLE, OFFSET_TABLE = (
    "classes", "network.json", "sensors.csv", "offsets.csv",
)  # fmt: skip
NETWORK_FILES = (DATA_SET, SETTINGS_FILE, SENSOR_TABLE, OFFSET_TABLE)
"""What the results of a network are beside the reports: the data set, how all of it was made, its
sensors with their places and the offsets that were used, and offsets that were measured."""

HOURS, DAYS, PAGE = "hours.csv", "days.csv", "report.html"
"""Names of the tables of levels and presence, and of the page, in a folder of results."""

_LONGEST_FOLDER = 200  # bytes; file systems allow 255

_TABLE_STARTS = ("sensor,time,seconds,", "sensor,date,seconds,")

_KEPT = ("_presence.npz", "_digest.npz")
"""Ends of the names of what lies beside an archive's report."""


@dataclass(frozen=True)
class Task:
    """An input and the name of its result: a path below the output folder, without suffix."""

    path: Path
    name: str


def find_inputs(inputs: Sequence[str], output: Path | None = None) -> list[Task]:
    """The files that the command line names: files, folders (all below them) and globs.

    What an earlier run wrote into ``output`` is no input, where folders and globs reach it.

    Raises
    ------
    UserError
        If an input does not exist, matches nothing or holds no file of a known kind.
    UsageError
        If two files would have the same result.
    """
    tasks: dict[Path, Task] = {}
    for given in inputs:
        for task in _expand(given, output):
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


def refuse_overwriting(
    tasks: Sequence[Task], output: Path, suffix: str, others: Sequence[Path | str | None] = ()
) -> None:
    """Raise `UsageError` if a file of the results would take the place of an input.

    ``others`` are files that the run reads beside the archives, if they are files.

    Compared are the files, not their names: links and letter case do not hide one.
    """
    inputs = {}
    for path in (*(task.path for task in tasks), *(Path(other) for other in others if other)):
        if path.exists():
            inputs[_identity(path)] = path
    written = [path for task in tasks for path in result_paths(output, task.name, suffix)]
    for path in (*written, output / HOURS, output / DAYS):
        if path.exists() and _identity(path) in inputs:
            raise UsageError(
                f"{path}: this result would overwrite the input {inputs[_identity(path)]}: give "
                "another --output"
            )


def result_paths(output: Path, name: str, suffix: str) -> tuple[Path, Path, Path, Path]:
    """Where the classes of the archive ``name`` go, their report, their presence, their digest."""
    beside = output / "reports" / name
    kept = (Path(f"{beside}{ending}") for ending in (".json", *_KEPT))
    return output / f"{name}{suffix}", *kept


def sensor_folder(sensor: str) -> str:
    """The folder of a sensor, whatever signs its name has.

    Raises
    ------
    ArchiveError
        If the name is empty, or too long for a folder.
    """
    quoted = quote(sensor, safe=" ")
    if not sensor.strip() or len(quoted) > _LONGEST_FOLDER:
        raise ArchiveError(f"{sensor[:60]!r} cannot be the name of a sensor")
    return f"sensor={quoted}"


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino


def _is_result(path: Path, output: Path | None) -> bool:
    """Whether an earlier run wrote ``path``, a file below ``output``."""
    if output is None or not path.resolve().is_relative_to(output.resolve()):
        return False
    within = path.resolve().relative_to(output.resolve())
    if within.parts[0] in NETWORK_FILES and (output / SETTINGS_FILE).is_file():
        return True
    if within.as_posix() in (HOURS, DAYS):
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline().startswith(_TABLE_STARTS)
    if within.parts[0] == "reports":
        name = within.relative_to("reports").as_posix()
        stems = [name.removesuffix(ending) for ending in (".json", *_KEPT)]
        return any(_report(output, stem) is not None for stem in stems)
    report = _report(output, within.with_suffix("").as_posix())
    return report is not None and within.as_posix() in report.get("results", ())


def _report(output: Path, name: str) -> dict | None:
    """The report of an earlier run, if there is one."""
    try:
        report = json.loads((output / "reports" / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) and "job" in report else None


def _expand(given: str, output: Path | None) -> list[Task]:
    path = Path(given)
    if path.is_dir():
        tasks = _tasks_below(path, output)
        if not tasks:
            raise UserError(f"{path}: this folder holds no {', '.join(SUFFIXES)}")
        return tasks
    if path.exists() or not glob.has_magic(given):
        # a missing file is reported with the others that fail
        return [Task(path, _stem(Path(path.name)))]
    tasks = []
    for match in _matches(given):
        if match.is_dir():
            tasks += _tasks_below(match, output)
        elif suffix_of(match) and not _is_result(match, output):
            tasks.append(Task(match, _stem(Path(match.name))))
    if not tasks:
        raise UserError(f"{given}: matches no file")
    return tasks


def _tasks_below(folder: Path, output: Path | None) -> list[Task]:
    return [
        Task(file, _stem(file.relative_to(folder)))
        for file in files_below(folder)
        if suffix_of(file) and not _is_result(file, output)
    ]


def files_below(folder: Path) -> list[Path]:
    """The files in ``folder`` and the folders below, in order; links to folders are not followed.

    Raises `UserError` if one of the folders cannot be read: its files would be missed in silence.
    """

    def refuse(error: OSError) -> None:
        raise UserError(
            f"{error.filename}: {error.strerror}: make it readable, or name the folders to take"
        )

    found = [
        Path(parent, name) for parent, _, names in os.walk(folder, onerror=refuse) for name in names
    ]
    return sorted(path for path in found if path.is_file())


def _matches(pattern: str) -> list[Path]:
    """What a glob matches, in order; ``**`` follows no links, which may lead round and round."""
    path = Path(pattern)
    root = Path(path.anchor)
    found = root.glob(str(path.relative_to(root)) if path.anchor else pattern)
    return sorted(path for path in found if not path.name.startswith("."))


def _stem(path: Path) -> str:
    return path.as_posix().removesuffix(path.name) + path.name[: -len(suffix_of(path)) or None]
