"""What both builders take, the corpus's and the mixtures'. Imports nothing heavy."""

import argparse
import os
from pathlib import Path

from open_corpus.table import DEFAULT_TABLE
from transcoder.cli import Parser
from transcoder.errors import UsageError


def add_options(parser: Parser, *, packages: str) -> None:
    """Add the options of `open_corpus.collect.collect`; ``packages`` is its usual folder."""
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--table", type=Path, default=DEFAULT_TABLE, help="packages and patterns")
    parser.add_argument(
        "--packages", type=Path, help=f"folder of the packages (default: {packages})"
    )


def check_numbers(args: argparse.Namespace, **lowest: int) -> None:
    """Raise `UsageError` for an option below its lowest value."""
    for name, least in {"workers": 1, "seed": 0, **lowest}.items():
        if getattr(args, name) < least:
            raise UsageError(f"--{name} must be {least} or more, not {getattr(args, name)}")
