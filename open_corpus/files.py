"""Where the data set OPEN lies, and what the programs that make it take.

Imports nothing heavy, for command lines.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from features.files import FEATURES_ROOT, OPEN, SPLITS
from open_corpus.table import DEFAULT_TABLE
from transcoder.cli import Parser


@dataclass(frozen=True)
class OpenFiles:
    """Files of the data set OPEN below the folder of features."""

    folder: Path

    @classmethod
    def of(cls, data_path: Path) -> "OpenFiles":
        return cls(Path(data_path) / OPEN)

    @property
    def sources(self) -> Path:
        """Decoded recordings."""
        return self.folder / "sources"

    @property
    def bank(self) -> Path:
        """All sounds of each split: see `open_corpus.sound_bank`."""
        return self.folder / "bank"

    @property
    def blocks(self) -> Path:
        """Training blocks computed so far; may be deleted at any time."""
        return self.folder / "blocks"

    @property
    def sources_table(self) -> Path:
        """The recordings in the bank, with their licences."""
        return self.folder / "open_corpus_sources.csv"


def add_options(parser: Parser, *, packages: str) -> None:
    """Add the options of `open_corpus.selection.collect`; ``packages`` is its usual folder."""
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--table", type=Path, default=DEFAULT_TABLE, help="packages and patterns")
    parser.add_argument(
        "--packages", type=Path, help=f"folder of the packages (default: {packages})"
    )


def add_mixtures(parser: Parser, *, split: str, scenes: int) -> None:
    """Add the options of programs that hear mixtures: whose they are, and how many."""
    parser.add_argument(
        "--data_path", type=Path, default=FEATURES_ROOT, help="folder that OPEN's features lie in"
    )
    parser.add_argument(
        "--split", choices=SPLITS[1:], default=split, help="whose sounds the mixtures have"
    )
    parser.add_argument("--scenes", type=int, default=scenes, help="how many, of 4 s each")
