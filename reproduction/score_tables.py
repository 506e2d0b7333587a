"""Exported score tables for the report: those of `doce_plans.export`, and of classes as CSV."""

import csv
from dataclasses import dataclass
from pathlib import Path

from doce_plans import export
from doce_plans.results import BEST, NOT_DIFFERENT
from doce_plans.tables import MISSING, Cell
from transcoder.errors import UserError

_CSS_CLASSES = {BEST: "best", NOT_DIFFERENT: "close"}
_LONG_TABLE_ROWS = 30


@dataclass(frozen=True)
class ScoreTable:
    """A table as the experiment exported it."""

    title: str  # from the file name
    header: str  # what is the same in all rows
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def is_long(self) -> bool:
        """Too long to stand between others: folded until it is asked for."""
        return len(self.rows) > _LONG_TABLE_ROWS

    def is_numeric(self, column: int) -> bool:
        """Whether the column holds numbers, that are aligned to the right."""
        return any(is_number(row[column]) for row in self.rows)


def is_number(cell: Cell) -> bool:
    """Whether a number stands in the cell, or that there is none."""
    return cell.value is not None or cell.text == MISSING


def css_classes(cell: Cell) -> str:
    """The report's classes of such a cell."""
    return f"{'number' if is_number(cell) else ''} {_CSS_CLASSES.get(cell.mark, '')}".strip()


def table_files(folder: Path, *patterns: str) -> list[Path]:
    """One file for each exported table: the JSON, that has the marks, else the CSV.

    ``patterns`` are of names without suffix; the files come in their order.
    """
    files = []
    for pattern in patterns:
        found = {path.stem: path for path in folder.glob(f"{pattern}.csv")}
        found |= {path.stem: path for path in folder.glob(f"{pattern}.json")}
        files += [found[stem] for stem in sorted(found)]
    return files


def read_table(path: Path) -> ScoreTable:
    """Read an exported ``.json`` or ``.csv``.

    Raises
    ------
    UserError
        If there is no table in the file, or a row of it has too few or too many cells.
    """
    if path.suffix == ".csv":
        return _read_csv(path)
    table = export.read_table(path)
    headings = tuple(heading.text("↑", "↓") for heading in table.headings)
    return ScoreTable(path.stem, table.header.strip(), headings, table.rows, table.lines_below)


def _read_csv(path: Path) -> ScoreTable:
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not a text file; export the table again") from None
    headings, *cells = rows or [[]]
    if not headings or {len(row) for row in cells} - {len(headings)}:
        raise UserError(f"{path}: holds no complete table; export it again")
    arrows = {" +": " ↑", " -": " ↓"}  # higher, lower is better
    return ScoreTable(
        path.stem,
        "",
        tuple(name[:-2] + arrows.get(name[-2:], name[-2:]) for name in headings),
        tuple(tuple(Cell(text, _number(text)) for text in row) for row in cells),
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
