"""The command line of a network of sensors: options and the run, for classify_third_octave.py."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from archives.cluster import check_cluster
from archives.command_line import choice_of, known_offset, report_failures
from archives.options import ReadOptions
from transcoder.cli import Parser
from transcoder.errors import UsageError
from transcoder.locks import only_run

_PATIENCE_S = 30  # all parts look at one lock as they start
_FLEET_ONLY = ("sensors", "offsets", "cluster", "shard")


def add_fleet_options(parser: Parser) -> None:
    group = parser.add_argument_group("a network of sensors")
    group.add_argument(
        "--network",
        metavar="folder|none|NAME",
        help="folder: each folder within the input is a sensor's; NAME: the column, key or "
        "attribute of this name says whose levels they are; none: all is one sensor's "
        "(default: folder or none, by what the names of the folders look like)",
    )
    group.add_argument(
        "--sensors",
        type=Path,
        metavar="TABLE",
        help=".csv or .xlsx: sensor, and name, latitude, longitude, offset_db where known",
    )
    group.add_argument(
        "--offsets",
        type=Path,
        metavar="TABLE",
        help=".csv or .xlsx: sensor, offset_db; --auto_offset writes one for those that lack it",
    )
    group.add_argument(
        "--cluster",
        metavar="local:N|ADDRESS",
        help="work on N processes, or on a Dask scheduler (tcp://host:8786)",
    )
    group.add_argument(
        "--shard",
        metavar="I/N",
        help="do only the I-th of N parts of the files, as a task of an array job does",
    )


def is_network(args) -> bool:
    """Whether the command line means a network; says so where it is a guess."""
    from archives.fleet import ALONE, BY_FOLDER, is_fleet

    asked = [name for name in _FLEET_ONLY if getattr(args, name) is not None]
    if args.network == ALONE and asked:
        raise UsageError(f"--{asked[0]} is for a network, and --network none says that it is none")
    found = args.network or (BY_FOLDER if asked or is_fleet(args.inputs) else ALONE)
    if found != ALONE and args.format not in (None, "parquet"):
        raise UsageError(
            "the results of a network (a folder for each sensor) are one data set in Parquet: no "
            "--format; or --network none, if all is of one sensor"
        )
    return found != ALONE


def find_tasks(args, read: ReadOptions) -> tuple[list, ReadOptions, list[str]]:
    """The files of the sensors, how to read them, and why some files are nobody's."""
    from archives.fleet import ALONE, BY_FOLDER, tasks_by_folder, tasks_by_name

    tables = [path for path in (args.sensors, args.offsets) if path is not None]
    if args.network in (None, ALONE, BY_FOLDER):
        return tasks_by_folder(args.inputs, args.output, tables), read, []
    read = replace(read, sensor_column=args.network)
    tasks, failures = tasks_by_name(args.inputs, args.output, read, tables)
    return tasks, read, failures


def files_to_describe(args, read: ReadOptions) -> list[tuple[Path, ReadOptions]]:
    """Each file of a network and how to read it: its first sensor, where it holds several."""
    tasks, read, failures = find_tasks(args, read)
    names = list(dict.fromkeys(task.sensor for task in tasks))
    print(f"network: {len(names)} sensors: {', '.join(names)}\n")
    report_failures(failures)
    first: dict[Path, ReadOptions] = {}
    for task in tasks:
        first.setdefault(
            task.path, replace(read, sensor=task.sensor) if read.sensor_column else read
        )
    return list(first.items())


def run_network(args, read) -> int:
    """Classify a network into its data set: one run at a time, or one of each part."""
    if args.cluster is not None:
        check_cluster(args.cluster)
    part = parse_shard(args.shard) if args.shard else None
    with only_fleet_run(args.output, part):
        return _run_network(args, read, part)


def _run_network(args, read, part: tuple[int, int] | None) -> int:
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    from archives import fleet_run
    from archives.answer_files import about_page, sensors_of_fleet, write_answers
    from archives.fleet_results import read_fleet
    from archives.stamps import time_zone
    from archives.summary import describe_result

    found, read, failures = find_tasks(args, read)
    found = [replace(task, path=task.path.resolve()) for task in found]
    tasks = fleet_run.part_of(found, part or (1, 1))
    known = _known_sensors(args)
    zone = time_zone(args.time_zone)
    choice = choice_of(args)
    loaded = fleet_run.loaded_answers(choice)
    output = args.output.resolve()
    work = fleet_run.Work(output, choice, read, args.missing_band_db, tuple(loaded.about.items()))
    if not args.auto_offset:
        tasks = fleet_run.with_task_offsets(tasks, known, _default_offset(args, known))
    fleet_run.check_settings(work, loaded.selection)
    of_part = f" (part {args.shard})" if part else ""
    n_sensors = len({task.sensor for task in found})
    print(f"network: {n_sensors} sensors, {len(tasks)} files{of_part}")
    new_s, start = 0.0, time.monotonic()
    with logging_redirect_tqdm(), _runner(args) as run:
        if args.auto_offset:
            here = {task.sensor for task in tasks}
            whole = [task for task in found if task.sensor in here]
            known = fleet_run.measure_offsets(whole, work, known, run)
            tasks = fleet_run.with_task_offsets(tasks, known, 0.0)
        outcomes = fleet_run.classify_tasks(tasks, work, run)
        for outcome in tqdm(outcomes, total=len(tasks), unit="file", leave=False):
            if isinstance(outcome, str):
                failures.append(outcome)
                continue
            new_s += outcome.classified_s
            tqdm.write("\n".join(describe_result(outcome)))
    if tasks:
        fleet_run.write_tables(output, known, tasks)
        print(f"wrote {args.output / 'README.md'}")
    elapsed_s = time.monotonic() - start
    if new_s:
        print(f"{new_s:.0f} s in {elapsed_s:.0f} s: {new_s / elapsed_s:.0f} s of signal a second")
    if fleet := read_fleet(args.output):  # all that the network has by now
        sensors = sensors_of_fleet(fleet, zone, is_relative=args.auto_offset)
        about = about_page(f"{len(fleet)} sensors", choice, loaded)
        print(*write_answers(args.output, sensors, about), sep="\n")
    return report_failures(failures)


def _default_offset(args, known: dict) -> float | None:
    """The offset of sensors without one of their own; None if each must have one."""
    given_db = known_offset(args)
    if given_db is None and not any(info.offset_db is not None for info in known.values()):
        return 0.0
    return given_db


def _known_sensors(args) -> dict:
    from archives.sensor_table import read_sensor_table, with_offsets

    known = read_sensor_table(args.sensors) if args.sensors else {}
    if args.offsets:
        known = with_offsets(known, read_sensor_table(args.offsets, needs=("offset_db",)))
    return known


@contextlib.contextmanager
def _runner(args):
    """What calls a function for each task: `fleet_run.Run`."""
    from archives.cluster import open_cluster

    if args.cluster is None:
        yield lambda function, tasks, died: map(function, tasks)
        return
    with open_cluster(args.cluster) as cluster:
        yield cluster.run


def parse_shard(text: str) -> tuple[int, int]:
    """``--shard`` I/N as numbers; `UsageError` if it is none."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"--shard is I/N, from 1/N to N/N, not {text!r}")
    return number, count


@contextlib.contextmanager
def only_fleet_run(output: Path, part: tuple[int, int] | None) -> Iterator[None]:
    """Let the block run while no other run writes the same: the whole network, or one part.

    Raises
    ------
    UserError
        If a run of the whole, or of the same part, is writing to ``output``; or, for the whole,
        one of any part.
    """
    whole = output / "reports"
    if part is None:
        with only_run(whole):
            for lock in output.glob(".part_*.lock"):
                with only_run(output / lock.stem[1:]):
                    pass
            yield
        return
    with only_run(output / f"part_{part[0]}_of_{part[1]}"):
        with only_run(whole, patience_s=_PATIENCE_S):
            pass
        yield
