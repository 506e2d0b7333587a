"""A network's levels to its data set: offsets, each file's work, what is written beside it."""

import functools
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from archives.classify import Result, Setup, classify_archive
from archives.fleet import SensorTask
from archives.fleet_results import read_fleet, write_readme
from archives.inputs import OFFSET_TABLE, SENSOR_TABLE, SETTINGS_FILE, result_paths, sensor_folder
from archives.levels import LevelHistogram, LevelScale, measure_levels
from archives.networks import Loaded, load_answers
from archives.options import Choice, ReadOptions
from archives.selection import Selection
from archives.sensor_table import (
    COLUMNS,
    SensorInfo,
    read_sensor_table,
    with_offsets,
    write_sensor_table,
)
from transcoder.errors import UserError
from transcoder.files import FullDiskError, atomic_write_text
from transcoder.locks import only_run

logger = logging.getLogger(__name__)

_FILE_PATIENCE_S = 3600
_TABLE_PATIENCE_S = 60  # for another part that is writing one


@dataclass(frozen=True)
class Work:
    """What is the same for all tasks of a network's run; plain values that travel to workers."""

    output: Path
    choice: Choice
    read: ReadOptions
    missing_band_db: float
    about: tuple[tuple[str, str], ...]  # the networks that the run began with


def classify_task(task: SensorTask, work: Work) -> Result | str:
    """Classify a task into the network's data set; one that is done is not done again.

    Of bad files it gives the line that says why not. Raises `UserError` if the networks here are
    others than those that the run began with.
    """
    loaded = loaded_answers(work.choice)
    other = [key for key, value in work.about if loaded.about.get(key) != value]
    if other:
        raise UserError(
            f"{work.choice.models}: a worker finds another {other[0]} there than the run's start"
        )
    setup = Setup(
        loaded.answers,
        loaded.selection,
        loaded.about,
        _of_sensor(work.read, task),
        LevelScale(task.offset_db, work.missing_band_db),
        work.choice.unit_s,
        ".parquet",
        sensor=task.sensor,
    )
    name = f"{sensor_folder(task.sensor)}/{task.name}"
    report = result_paths(work.output, name, setup.suffix)[1]
    try:
        # a worker that a scheduler has lost may be at it still
        with only_run(report, patience_s=_FILE_PATIENCE_S):
            return classify_archive(task.path, name, work.output, setup)
    except FullDiskError:
        raise  # for the others there is no room either
    except UserError as error:
        return str(error)


def measure_task(task: SensorTask, read: ReadOptions) -> tuple[str, LevelHistogram]:
    """The levels of a task, for the offset of its sensor."""
    levels = measure_levels(task.path, _of_sensor(read, task), shows_progress=False)
    return task.sensor, levels


def _of_sensor(read: ReadOptions, task: SensorTask) -> ReadOptions:
    """``read`` for the task's sensor, where a file holds several."""
    return read if read.sensor_column is None else replace(read, sensor=task.sensor)


@functools.lru_cache(maxsize=1)
def loaded_answers(choice: Choice) -> Loaded:
    """The networks, loaded once in a process."""
    return load_answers(choice)


Run = Callable[..., Iterator[Any]]
"""Calls a function for each task, somewhere, and gives what it returns in any order: see
`cluster.Cluster.run`."""


def part_of(tasks: Sequence[SensorTask], part: tuple[int, int]) -> list[SensorTask]:
    """The second of eight parts of the tasks, in order, for (2, 8).

    A part has few sensors, so that few of them are measured for one part and another.
    """
    number, count = part
    return list(tasks[(number - 1) * len(tasks) // count : number * len(tasks) // count])


def check_settings(work: Work, selection: Selection) -> None:
    """Make sure that all of a data set is made in one way: one run after another adds to it.

    Raises
    ------
    UserError
        If ``work.output`` holds results of other settings.
    """
    settings = selection.as_dict() | {
        "window_s": work.choice.unit_s,
        "networks": dict(work.about),
        "reading": asdict(work.read),
        "missing_band_db": work.missing_band_db,
    }
    settings = json.loads(json.dumps(settings))
    path = work.output / SETTINGS_FILE
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        atomic_write_text(path, json.dumps(settings, indent=1))
        return
    except (ValueError, RecursionError):
        before = None
    if not isinstance(before, dict):
        raise UserError(f"{path}: is damaged: give another --output")
    other = [name for name, value in settings.items() if before.get(name) != value]
    if other:
        raise UserError(
            f"{work.output}: holds results of a network with other {', '.join(other)}: give "
            "another --output"
        )


def measure_offsets(
    tasks: Sequence[SensorTask], work: Work, known: dict[str, SensorInfo], run: Run
) -> dict[str, SensorInfo]:
    """``known`` with measured offsets of the sensors that lack one.

    Those of an earlier run hold on, so that a day more changes nothing of those before.
    """
    path = work.output / OFFSET_TABLE
    measured = read_sensor_table(path, needs=("offset_db",)) if path.is_file() else {}
    if measured:
        logger.info("offsets of %d sensors from %s", len(measured), path)
    have = _offsets(known | measured)
    todo = [task for task in tasks if task.sensor not in have]
    levels: dict[str, LevelHistogram] = {}
    measure = functools.partial(measure_task, read=work.read)
    for sensor, histogram in run(measure, todo, died=lambda t: (t.sensor, LevelHistogram())):
        levels.setdefault(sensor, LevelHistogram()).merge(histogram)
    new = {
        sensor: SensorInfo(sensor, offset_db=histogram.offset_to_full_scale())
        for sensor, histogram in levels.items()
        if histogram.n_seconds
    }
    if new:
        measured = _extend_table(path, new, ("sensor", "offset_db"))
        print(f"wrote {path}: measured offsets; to use them again: --offsets {path}")
    return with_offsets(known, measured | {sensor: known[sensor] for sensor in _offsets(known)})


def with_task_offsets(
    tasks: Sequence[SensorTask], known: dict[str, SensorInfo], default_db: float | None
) -> list[SensorTask]:
    """The tasks with their sensors' offsets.

    Raises
    ------
    UserError
        If a sensor has none, and there is no default.
    """
    offsets = _offsets(known)
    lacking = sorted({task.sensor for task in tasks} - offsets.keys())
    if lacking and default_db is None:
        raise UserError(
            f"no offset for {len(lacking)} of the sensors ({', '.join(lacking[:5])}"
            f"{'...' if len(lacking) > 5 else ''}): add them to the table, or give --db_offset or "
            "--auto_offset for those that it lacks"
        )
    return [replace(t, offset_db=offsets.get(t.sensor, default_db)) for t in tasks]


def _offsets(known: dict[str, SensorInfo]) -> dict[str, float]:
    """Of the sensors that have one."""
    return {s: info.offset_db for s, info in known.items() if info.offset_db is not None}


def classify_tasks(tasks: Sequence[SensorTask], work: Work, run: Run) -> Iterator[Result | str]:
    """Classify all tasks; gives what came of each as it is there."""

    def died(task: SensorTask) -> str:
        return f"{task.path}: one worker after another died of it"

    return run(functools.partial(classify_task, work=work), tasks, died=died)


def write_tables(output: Path, known: dict[str, SensorInfo], tasks: Sequence[SensorTask]) -> None:
    """Write what belongs to the data set as a whole: the table of sensors and the README."""
    used = {
        task.sensor: replace(
            known.get(task.sensor, SensorInfo(task.sensor)), offset_db=task.offset_db
        )
        for task in tasks
    }
    _extend_table(output / SENSOR_TABLE, used)
    write_readme(output, read_fleet(output))


def _extend_table(
    path: Path, new: dict[str, SensorInfo], columns: tuple[str, ...] = COLUMNS
) -> dict[str, SensorInfo]:
    """Put ``new`` sensors into a table that other parts of the work may be writing to."""
    with only_run(path, patience_s=_TABLE_PATIENCE_S):
        all_of_them = (read_sensor_table(path) if path.is_file() else {}) | new
        write_sensor_table(path, [all_of_them[sensor] for sensor in sorted(all_of_them)], columns)
    return all_of_them
