"""Which sensors a network has, and which files hold the levels of each.

In this package a network of sensors is a fleet: networks are those that classify.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from archives.frames import ArchiveError
from archives.inputs import Task, find_inputs
from archives.open_archive import open_archive, suffix_of
from archives.options import ReadOptions
from transcoder.errors import UsageError

BY_FOLDER, ALONE = "folder", "none"
"""What ``--network`` says beside the name of a column, key or attribute."""

_DATE = re.compile(r"(?:19|20)\d\d(?:[-_.]?\d\d){0,2}|[0-3]?\d")


@dataclass(frozen=True)
class SensorTask:
    """One file of one sensor; ``name``, of its results, is unique within the sensor."""

    sensor: str
    path: Path
    name: str
    offset_db: float = 0.0


def is_fleet(inputs: Sequence[str]) -> bool:
    """Whether the inputs are a folder of folders, one for each sensor: not dates of one sensor."""
    if len(inputs) != 1 or not Path(inputs[0]).is_dir():
        return False
    below = sorted(Path(inputs[0]).iterdir())
    if any(path.is_file() and suffix_of(path) for path in below):
        return False
    folders = [path for path in below if path.is_dir() and _holds_levels(path)]
    return len(folders) > 1 and not _are_dates([folder.name for folder in folders])


def tasks_by_folder(
    inputs: Sequence[str], output: Path | None = None, leave_out: Sequence[Path] = ()
) -> list[SensorTask]:
    """The files of the sensors of a folder, a folder each; or of several folders.

    Of several, one that holds files itself, or folders of dates, is one sensor's.

    Raises
    ------
    UsageError
        If an input is no folder, or a file lies beside the sensors' folders.
    UserError
        As `find_inputs` does.
    """
    found = []
    for given in inputs:
        if not Path(given).is_dir():
            raise UsageError(f"{given} is no folder: a network is a folder of a folder a sensor")
        tasks = _inputs([given], output, leave_out)
        beside = [task for task in tasks if "/" not in task.name]
        if len(inputs) == 1 and beside:
            raise UsageError(
                f"{beside[0].path} lies beside the sensors' folders: put it into that of its sensor"
            )
        is_one = beside or _are_dates([task.name.partition("/")[0] for task in tasks])
        for task in tasks:
            sensor, _, name = task.name.partition("/")
            if len(inputs) > 1 and is_one:
                sensor, name = Path(given).resolve().name, task.name
            found.append(_flat(sensor, task.path, name))
    return _in_order(found)


def tasks_by_name(
    inputs: Sequence[str],
    output: Path | None,
    read: ReadOptions,
    leave_out: Sequence[Path] = (),
) -> tuple[list[SensorTask], list[str]]:
    """The files of the sensors that they themselves name: see `ReadOptions.sensor_column`.

    Files that do not are told of in the second list, a line each.
    """
    found, failures = [], []
    tasks = _inputs(inputs, output, leave_out)
    for task in tqdm(tasks, desc="whose levels", unit="file", leave=False):
        try:
            found += [_flat(s, task.path, task.name) for s in _sensors_in(task.path, read)]
        except ArchiveError as error:
            failures.append(str(error))
    return _in_order(found), failures


def _inputs(inputs: Sequence[str], output: Path | None, leave_out: Sequence[Path]) -> list[Task]:
    out = {path.resolve() for path in leave_out}
    return [task for task in find_inputs(inputs, output) if task.path.resolve() not in out]


def _sensors_in(path: Path, read: ReadOptions) -> Sequence[str]:
    """The sensors whose levels a file holds, by ``read.sensor_column``; `ArchiveError` if none."""
    archive = open_archive(path, read)
    if archive.sensors is None:
        raise ArchiveError(f"{path}: this kind of file does not say whose levels it holds")
    sensors = archive.sensors()
    if not sensors:
        raise ArchiveError(f"{path}: nothing stands in {read.sensor_column!r}")
    return sensors


def _holds_levels(folder: Path) -> bool:
    return any(path.is_file() and suffix_of(path) for path in folder.rglob("*"))


def _are_dates(names: Sequence[str]) -> bool:
    """Whether all are names of years, months or days: 2026, 2026-03, 03, 20260301."""
    return all(_DATE.fullmatch(name) for name in names)


def _flat(sensor: str, path: Path, name: str) -> SensorTask:
    """The results of a sensor lie in one folder, whatever folders its files lie in."""
    return SensorTask(sensor, path, name.replace("/", "__"))


def _in_order(tasks: list[SensorTask]) -> list[SensorTask]:
    """Sensor by sensor; `UsageError` if two files would have the same result."""
    by_name: dict[tuple[str, str], SensorTask] = {}
    for task in tasks:
        other = by_name.setdefault((task.sensor, task.name), task)
        if other is not task:
            raise UsageError(
                f"{other.path} and {task.path}, both of sensor {task.sensor!r}, would have "
                "the same result: rename one"
            )
    return sorted(tasks, key=lambda task: task.sensor)
