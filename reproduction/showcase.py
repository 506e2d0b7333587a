"""Put what the demo has made into results/, which the repository shows.

Runs leave the tracked files alone: they write to export/. This copies the tables and figures of a
finished demo over those of results/, and names what is there besides. The report, which holds them
all once more and its sounds, would be too large a file to keep: it stays with the run.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.errors import MissingFileError
from transcoder.files import EXPORT_ROOT, PROJECT_ROOT


def build_parser() -> Parser:
    parser = Parser(prog="python -m reproduction.showcase", description=__doc__)
    parser.add_argument(
        "--made", type=Path, default=EXPORT_ROOT / "demo", metavar="FOLDER",
        help="results of a finished run",
    )  # fmt: skip
    parser.add_argument(
        "--shown", type=Path, default=PROJECT_ROOT / "results", metavar="FOLDER",
        help="where they are shown",
    )  # fmt: skip
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    if not (args.made / "report.html").is_file():  # the last file that a run writes
        raise MissingFileError(f"{args.made}: no finished run; run: python reproduce.py --demo")
    report = shutil.ignore_patterns("report.html")
    shutil.copytree(args.made, args.shown, dirs_exist_ok=True, ignore=report)
    print(f"copied {args.made} to {args.shown}")
    for path in sorted(_files(args.shown) - _files(args.made)):
        print(f"not of this run, left as it is: {args.shown / path}")
    return 0


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
