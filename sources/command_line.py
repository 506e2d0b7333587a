"""What the two download scripts share: options, listing, verifying, fetching, the last words."""

import argparse
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from sources.table import RemoteFile
from transcoder.errors import UsageError

HOW_IT_WORKS = """\
An interrupted download continues where it was when the command is run again. A file is accepted
only in its published size and checksum; running the command again does only what is missing.
Files placed by hand where --list shows them are recognised and verified.
"""


def add_options(parser: argparse.ArgumentParser, folder: Path) -> None:
    """Add the options that both scripts have; everything goes into ``folder`` by default."""
    parser.add_argument(
        "-o", "--output", type=Path, default=folder, help="folder that everything goes into"
    )
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        help="only files with this in their name; it may hold shell wildcards (* ? [...])",
    )
    parser.add_argument(
        "--base_url",
        metavar="URL",
        help="fetch from a mirror instead: URL followed by the file's path below the output "
        "folder, as in URL/pann/ResNet38_mAP%%3D0.434.pth (weights of torch.hub: URL/checkpoints/"
        "NAME). The output folder of a run with kept archives, served by any web server, is one",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--list", action="store_true", help="show files, sizes, state and licence; fetch nothing"
    )
    action.add_argument(
        "--verify", action="store_true", help="verify checksums of what is there; fetch nothing"
    )


def selected(files: list[RemoteFile], pattern: str | None) -> list[RemoteFile]:
    """The files that ``--only`` leaves; `UsageError` if none."""
    if pattern is None:
        return files
    chosen = [
        file
        for file in files
        if any(fnmatchcase(name, f"*{pattern}*") for name in (file.name, file.source.name))
    ]
    if not chosen:
        raise UsageError(f"no file matches --only {pattern!r}; --list shows the names")
    return chosen


def run(files: list[RemoteFile], args: argparse.Namespace, keep_archives: bool = False) -> int:
    """Do what the options ask for with ``files``; the exit status."""
    if args.list:
        from sources.report import listing

        print(*listing(files, args.output), sep="\n")
        return 0
    if args.verify:
        return _verify(files, args.output)
    from sources.collection import fetch_all

    failures = fetch_all(files, args.output, args.base_url, keep_archives)
    if failures:
        print(f"{len(failures)} of {len(files)} not done:", file=sys.stderr)
        for failure in failures:
            print(f"  {failure.name}: {failure.reason}", file=sys.stderr)
        return 1
    print(f"all {len(files)} files are there, under {args.output}")
    return 0


def _verify(files: list[RemoteFile], output: Path) -> int:
    from sources.report import verify_all

    n_right, missing, wrong = verify_all(files, output)
    for failure in wrong:
        print(f"WRONG {failure.name}: {failure.reason}", file=sys.stderr)
    for name in missing:
        print(f"not there: {name}")
    print(f"{n_right} right, {len(wrong)} wrong, {len(missing)} not there")
    return 1 if wrong else 0
