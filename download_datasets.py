"""Step 2: fetch the data sets, or synthesise DEMO, in the layouts that the experiments expect."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sources import command_line
from sources.table import DATASETS, files_of
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError
from transcoder.files import WORK_ROOT
from transcoder.names import DEMO

DEMO_BYTES = 400_000_000  # at most, in its usual size
FETCHED = tuple(source.name for source in DATASETS)
NAMES = (*FETCHED, DEMO)

DESCRIPTION = f"""\
Fetch and unpack data sets into the output folder:
  TAU             27.4 GB  TAU Urban Acoustic Scenes 2020 Mobile, trains the transcoders
  URBAN-SOUND-8K   6.0 GB  classification experiment
  SONYC-UST       13.3 GB  classification experiment
  DEMO             0.4 GB  synthesised here, no network: small scenes in all three layouts

{command_line.HOW_IT_WORKS}\
Archives are removed once they are unpacked, those of earlier runs too, unless --keep_archives.
Nothing is asked; a disk without room for all of it is told before anything is fetched.
"""


def build_parser() -> Parser:
    parser = Parser(description=DESCRIPTION)
    parser.add_argument(
        "-l",
        "--dataset",
        type=_names,
        metavar="NAME[,NAME...]",
        help=f"any of {','.join(NAMES)} (default: {','.join(FETCHED)}; for --list and --verify "
        "all of them)",
    )
    command_line.add_options(parser, WORK_ROOT)
    parser.add_argument(
        "--keep_archives", action="store_true", help="keep archives that have been unpacked"
    )
    parser.add_argument(
        "--size", type=float, default=1.0, help="number of DEMO's clips, relative to the usual one"
    )
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown data set {', '.join(unknown) or text!r}: choose from {', '.join(NAMES)}"
        )
    return names


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    looks_only = args.list or args.verify
    names = args.dataset or (NAMES if looks_only else FETCHED)
    files = files_of(tuple(source for source in DATASETS if source.name in names))
    if not files and args.only is not None:
        raise UsageError("--only chooses among fetched files, and DEMO has none: name a data set")
    files = command_line.selected(files, args.only)
    status = command_line.run(files, args, args.keep_archives) if files else 0
    if DEMO in names:
        _demo(args.output, args.size, looks_only)
    return status


def _demo(output: Path, size: float, looks_only: bool) -> None:
    folder = output / DEMO
    if looks_only:
        print(f"{DEMO}: synthesised here, {'there' if folder.exists() else 'missing'}: {folder}")
        return
    from demo_scenes.layouts import write_all
    from sources.collection import require_room

    require_room(output, round(DEMO_BYTES * size))
    write_all(output, size)
    print(f"{DEMO} is there: {folder}")


if __name__ == "__main__":
    sys.exit(main())
