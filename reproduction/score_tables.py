"""Exported score tables (`doce_plans.export`) read back for the report, their marks included."""

import csv
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from transcoder.errors import UserError

_MARKS = {"font-weight: bold": "best", "color: blue": "close"}
"""What the exporter writes as style -> the report's class of such a cell."""

_STYLE_RULE = re.compile(r"([^{}]+)\{([^}]*)\}")
_CELL_ID = re.compile(r"row(\d+)_col(\d+)$")
_NUMBER = re.compile(r"[-−+]?[\d.,]+( ?[%±(].*)?|-")
_LONG_TABLE_ROWS = 30
_CSV_SIGNS = {" +": " ↑", " -": " ↓"}  # higher, lower is better


@dataclass(frozen=True)
class Cell:
    """A text and how to show it: "best", "close" (not significantly different) or plain."""

    text: str
    mark: str = ""

    @property
    def is_number(self) -> bool:
        return _NUMBER.fullmatch(self.text) is not None

    @property
    def css_classes(self) -> str:
        return f"{'number' if self.is_number else ''} {self.mark}".strip()


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
        return any(row[column].is_number for row in self.rows)


def table_files(folder: Path, *patterns: str) -> list[Path]:
    """One file for each exported table: the HTML, that has the marks, else the CSV.

    ``patterns`` are of names without suffix; the files come in their order.
    """
    files = []
    for pattern in patterns:
        found = {path.stem: path for path in folder.glob(f"{pattern}.csv")}
        found |= {path.stem: path for path in folder.glob(f"{pattern}.html")}
        files += [found[stem] for stem in sorted(found)]
    return files


def read_table(path: Path) -> ScoreTable:
    """Read an exported ``.html`` or ``.csv``.

    Raises
    ------
    UserError
        If there is no table in the file, or a row of it has too few or too many cells.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not a text file; export the table again") from None
    table = _from_html(path.stem, text) if path.suffix == ".html" else _from_csv(path.stem, text)
    if not table.headings or {len(row) for row in table.rows} - {len(table.headings)}:
        raise UserError(f"{path}: holds no complete table; export it again")
    return table


def _from_csv(title: str, text: str) -> ScoreTable:
    rows = list(csv.reader(text.splitlines()))
    headings = [name[:-2] + _CSV_SIGNS.get(name[-2:], name[-2:]) for name in (rows or [[]])[0]]
    cells = tuple(tuple(Cell(value) for value in row) for row in rows[1:])
    return ScoreTable(title, "", tuple(headings), cells)


def _from_html(title: str, text: str) -> ScoreTable:
    page = _TablePage()
    page.feed(text)
    marks = _read_marks(page.style)
    rows = [row for row in page.rows if row]  # the headings' row has no cells
    cells = tuple(
        tuple(Cell(value.strip(), marks.get((i, j), "")) for j, value in enumerate(row))
        for i, row in enumerate(rows)
    )
    headings = tuple(heading.strip() for heading in page.headings)
    return ScoreTable(title, page.caption.strip(), headings, cells, tuple(page.notes))


def _read_marks(style: str) -> dict[tuple[int, int], str]:
    """Row and column, from 0, of the marked cells."""
    marks = {}
    for selectors, declarations in _STYLE_RULE.findall(style):
        mark = next((m for text, m in _MARKS.items() if text in declarations), None)
        places = [_CELL_ID.search(selector.strip()) for selector in selectors.split(",")]
        marks |= {(int(p[1]), int(p[2])): mark for p in places if p and mark}
    return marks


class _TablePage(HTMLParser):
    """The texts of a page with one table: its parts keep what stands inside their tags."""

    def __init__(self) -> None:
        super().__init__()
        self.style = self.caption = ""
        self.headings: list[str] = []
        self.rows: list[list[str]] = []
        self.notes: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self._open = tag
        if tag == "th":
            self.headings.append("")
        elif tag == "tr":
            self.rows.append([])
        elif tag == "td" and self.rows:
            self.rows[-1].append("")
        elif tag == "p":
            self.notes.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("style", "caption"):
            setattr(self, self._open, getattr(self, self._open) + data)
        elif self._open == "th":
            self.headings[-1] += data
        elif self._open == "td" and self.rows:
            self.rows[-1][-1] += data
        elif self._open == "p":
            self.notes[-1] += data
