"""Which recordings of which packages are wanted."""

import csv
import os
import re
from dataclasses import dataclass
from pathlib import Path

from transcoder.errors import MissingFileError, UserError
from transcoder.settings import THIRD_OCTAVE

DEFAULT_TABLE = Path(__file__).resolve().parent / "open_corpus.csv"

KINDS = ("environment", "speech", "music")

_RATE_SUFFIX = re.compile(r"-(\d+)kHz$")


@dataclass(frozen=True)
class Wanted:
    """A row of the table: some files of one package."""

    package: str
    version: str  # that the patterns and the licence were checked on
    licence: str
    kind: str  # one of KINDS
    bandwidth_hz: float  # what the recordings hold at most, whatever their sample rate
    include: str  # regular expressions, searched for in a file's path within the package;
    exclude: str  # an archive inside counts as a folder

    def matches(self, path: str) -> bool:
        """Whether the file ``path`` ("/usr/share/...") is wanted."""
        if self.exclude and re.search(self.exclude, path):
            return False
        return re.search(self.include, path) is not None


def read_table(path: str | os.PathLike = DEFAULT_TABLE) -> list[Wanted]:
    """Read a table with the columns of ``open_corpus/open_corpus.csv``.

    Its column ``kind`` may end with the rate that the sounds were once recorded at
    ("environment-11kHz"): nothing above half of it is in them, even where the file has more.

    Raises
    ------
    MissingFileError, UserError
        If the table is not there, lacks a column or has a kind or pattern that is none.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such table of packages")
    with path.open(newline="", encoding="utf-8") as file:
        try:
            rows = [_wanted(row) for row in csv.DictReader(file)]
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise UserError(f"{path}: cannot be used as a table of packages: {error}") from None
    if not rows:
        raise UserError(f"{path}: names no package")
    return rows


def _wanted(row: dict[str, str]) -> Wanted:
    suffix = _RATE_SUFFIX.search(row["kind"])
    rate = int(suffix[1]) * 1000 if suffix else THIRD_OCTAVE.sample_rate
    kind = _RATE_SUFFIX.sub("", row["kind"])
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r} of {row['package']}: choose from {KINDS}")
    patterns = row["include_regex"], row["exclude_regex"]
    for pattern in patterns:
        re.compile(pattern)
    return Wanted(row["package"], row["version"], row["licence"], kind, rate / 2, *patterns)
