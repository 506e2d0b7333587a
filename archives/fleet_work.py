"""What is done for one file of a network, in this process or in a worker's on another machine."""

import functools
from dataclasses import dataclass, replace
from pathlib import Path

from archives.classify import Result, Setup, classify_archive
from archives.fleet import SensorTask
from archives.inputs import result_paths, sensor_folder
from archives.levels import LevelHistogram, LevelScale, measure_levels
from archives.networks import Loaded, load_answers
from archives.options import Choice, ReadOptions
from transcoder.errors import UserError
from transcoder.files import FullDiskError
from transcoder.locks import only_run

_PATIENCE_S = 3600


@dataclass(frozen=True)
class Work:
    """What is the same for all tasks of a network's run; plain values that travel to workers."""

    output: Path
    choice: Choice
    read: ReadOptions
    missing_band_db: float
    about: tuple[tuple[str, str], ...]  # the networks that the run began with


@dataclass(frozen=True)
class Outcome:
    """What came of a task: a result, or the one line that says why not."""

    task: SensorTask
    result: Result | None
    failure: str = ""


def classify_task(task: SensorTask, work: Work) -> Outcome:
    """Classify a task into the network's data set; one that is done is not done again.

    Bad files give a failure. Raises `UserError` if the networks here are others than those that
    the run began with.
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
        with only_run(report, patience_s=_PATIENCE_S):
            return Outcome(task, classify_archive(task.path, name, work.output, setup))
    except FullDiskError:
        raise  # for the others there is no room either
    except UserError as error:
        return Outcome(task, None, str(error))


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
