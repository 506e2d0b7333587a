"""Tell what was heard from archives of fast third-octave levels.

Reads tables (.csv, .csv.gz, .txt, .tsv, .xlsx, .parquet) as sensors and meters export them, arrays
(.npy, .npz, .h5) and JSON, folders of them and globs; --describe says how it takes them. Writes,
for each, the probabilities of sound classes over time into --output, with LAeq and how present the
groups are (--calibration), and a report of what was irregular; tables of hours and days (LAeq,
Lden, L10, L50, L90, presence), a figure of the most present classes and a page of all of it,
report.html. Running it again goes on where it was broken off.

A folder of folders is a network, a folder for each sensor: the results are one table (a data set
of Parquet, by sensor and month), described in a README beside it. All other inputs of a run are
taken as one sensor's: give another sensor another --output.

A live stream of lines, CSV or JSON, comes from standard input (-) or a growing file (--watch) and
gives one line of JSON for each second.
"""

import logging
import os
import sys
import time
from datetime import datetime
from pathlib import Path

from archives.command_line import (
    add_level_options,
    add_network_options,
    add_reading_options,
    check_network_options,
    choice_of,
    default_offset,
    read_options,
    report_failures,
)
from archives.fleet_program import (
    add_fleet_options,
    files_to_describe,
    is_network,
    run_network,
)
from archives.options import FORMATS
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError, UserError
from transcoder.files import FullDiskError, printable
from transcoder.locks import only_run
from transcoder.options import add_method

logger = logging.getLogger(__name__)

LIVE_TOP_K = 5


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("inputs", nargs="*", help="files, folders, globs; - for standard input")
    parser.add_argument("--watch", type=Path, help="follow this CSV file as it grows")
    add_network_options(parser)
    add_method(parser)
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="of the results (default: h5; a network's are parquet)",
    )
    parser.add_argument(
        "--time_zone",
        help="of the sensors, such as Europe/Paris: hours and days of stamps in UTC are local then",
    )
    add_fleet_options(parser)
    add_level_options(parser)
    add_reading_options(parser).add_argument(
        "--describe", action="store_true", help="say how the inputs are understood, no more"
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    is_live = args.watch is not None or "-" in args.inputs
    _check(args, is_live)
    read = read_options(args)
    is_fleet = not is_live and is_network(args)
    if is_fleet and not args.describe:
        return run_network(args, read)
    args.format = args.format or "h5"
    args.db_offset = default_offset(args)

    from archives.inputs import find_inputs, refuse_overwriting
    from archives.stamps import time_zone

    if is_fleet:
        return _describe(args, files_to_describe(args, read))
    tasks = [] if is_live else find_inputs(args.inputs, args.output)
    if args.describe:
        return _describe(args, [(task.path, read) for task in tasks])
    beside = (args.groups, args.classifier_weights)
    refuse_overwriting(tasks, args.output, f".{args.format}", beside)
    if is_live and args.groups is None and args.top_k is None:
        args.top_k = LIVE_TOP_K

    from archives.networks import load_answers

    choice, zone = choice_of(args), time_zone(args.time_zone)
    loaded = load_answers(choice)
    logger.info("%s by %s; %s", loaded.about["classifier"], loaded.about["transcoder"], loaded.note)
    if is_live:
        return _run_live(args, read, loaded, choice.unit_s)
    with only_run(args.output / "reports"):
        return _run(args, tasks, read, choice, loaded, zone)


def _check(args, is_live: bool) -> None:
    if not args.inputs and args.watch is None:
        raise UsageError("give files, folders or globs to classify, - or --watch FILE")
    if is_live and args.describe:
        raise UsageError("--describe takes files, not a live stream")
    if is_live and len(args.inputs) + (args.watch is not None) > 1:
        raise UsageError("a live stream (- or --watch) must be the only input")
    check_network_options(args)
    if args.step is not None and not 0.005 <= args.step <= 1:
        raise UsageError(f"--step is in seconds, 0.005 to 1, not {args.step:g}")
    if args.time_format is not None:
        try:
            datetime.strptime("", args.time_format)
        except ValueError as error:
            if "does not match" not in str(error):
                raise UsageError(f"--time_format {args.time_format!r}: {error}") from None
    if args.auto_offset and (args.db_offset is not None or is_live):
        raise UsageError("--auto_offset needs a whole archive, and no --db_offset beside it")


def _describe(args, files: list) -> int:
    from archives.describe import describe_file

    failures = []
    for path, read in files:
        try:
            print("\n".join(describe_file(path, read, args.db_offset)), "\n")
        except UserError as error:
            failures.append(str(error))
    return report_failures(failures)


def _run(args, tasks: list, read, choice, loaded, zone) -> int:
    from tqdm.contrib.logging import logging_redirect_tqdm

    from archives.answer_files import about_page, sensors_of_run, write_answers
    from archives.classify import Setup, classify_archive
    from archives.levels import LevelScale, measure_offset
    from archives.summary import describe_result, describe_run, draw_presence

    offset_db = args.db_offset
    if args.auto_offset:
        offset_db = measure_offset([task.path for task in tasks], read)
        print(f"measured offset; to use it again: --db_offset {offset_db:.1f}")
    setup = Setup(
        loaded.answers,
        loaded.selection,
        loaded.about,
        read,
        LevelScale(offset_db, args.missing_band_db),
        choice.unit_s,
        f".{args.format}",
        offset_is_measured=args.auto_offset,
    )
    results, failures = [], []
    start = time.monotonic()
    with logging_redirect_tqdm():
        for task in tasks:
            try:
                result = classify_archive(task.path, task.name, args.output, setup)
            except FullDiskError:
                raise  # for the others there is no room either
            except UserError as error:
                failures.append(str(error))
                continue
            results.append((task, result))
            print("\n".join(describe_result(result)))
    if results:
        print("\n".join(describe_run([r for _, r in results], time.monotonic() - start)))
        named = [(task.name, result) for task, result in results]
        shown = [(printable(name), result) for name, result in named]
        sensors = sensors_of_run(shown, zone, is_relative=args.auto_offset)
        title = shown[0][0] if len(named) == 1 else f"{len(named)} archives"
        for path in draw_presence(args.output, named):
            print(f"wrote {path}")
        about = about_page(title, choice, loaded)
        print(*write_answers(args.output, sensors, about), sep="\n")
    return report_failures(failures)


def _run_live(args, read, loaded, unit_s: int) -> int:
    from archives.levels import LevelScale
    from archives.live import classify_lines
    from archives.text_lines import followed, lines_of

    scale = LevelScale(args.db_offset, args.missing_band_db)
    lines = lines_of(sys.stdin.buffer) if args.watch is None else followed(args.watch)
    heard = classify_lines(lines, loaded.answers, loaded.selection, scale, read, unit_s=unit_s)
    try:
        for line in heard:
            print(line, flush=True)
    except KeyboardInterrupt:
        logger.info("stopped")
    except BrokenPipeError:
        # whoever read our lines has gone; what is still buffered must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
