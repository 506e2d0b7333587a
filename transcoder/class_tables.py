"""Tables that assign AudioSet classes to other classes: workbooks (.xlsx) or CSV files."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from transcoder.doors import reading
from transcoder.errors import MissingFileError, UserError


class Lookup:
    """Finds a class by its id, its name or both, as people write them."""

    def __init__(self, kind: str, ids: Sequence, names: Sequence[str]) -> None:
        self._kind = kind
        self._by_id = {str(key): position for position, key in enumerate(ids)}
        self._by_name = {name.casefold(): position for position, name in enumerate(names)}

    def position(self, key: str, name: str, where: str) -> int:
        """Position of the class; `UserError` starting with ``where`` unless there is just one."""
        found = []
        if key:
            found.append(self._by_id.get(key))
        if name:
            found.append(self._by_name.get(name.casefold()))
        if not found:
            raise UserError(f"{where}: no {self._kind}: give its id or its name")
        given = " and ".join(filter(None, (key and f"id {key!r}", name and f"name {name!r}")))
        if None in found:
            raise UserError(f"{where}: unknown {self._kind}, {given}")
        if len(set(found)) > 1:
            raise UserError(f"{where}: {self._kind} {given} are different classes")
        return found[0]


def table_rows(
    path: Path,
    columns: Sequence[str],
    *,
    optional: Sequence[str] = (),
    missing_hint: str = "check the path",
) -> Iterator[tuple[int, list[str]]]:
    """Row number and the cells of ``columns`` as text, for each row that is not empty.

    The cells of ``optional`` columns follow, "" where the table lacks one.

    Reads a CSV file, or the first sheet of a workbook. Columns are found by their headings in the
    first row; others are passed over.

    Raises
    ------
    MissingFileError
        If there is no such file; ends with ``missing_hint``.
    UserError
        If it is no such table, or lacks one of ``columns``.
    """
    if not path.is_file():
        raise MissingFileError(f"{path} is missing: {missing_hint}")
    rows = _read_csv(path) if path.suffix.lower() == ".csv" else _read_workbook(path)
    header = [heading.casefold() for heading in rows[0]] if rows else []
    missing = [heading for heading in columns if heading not in header]
    if missing:
        raise UserError(f"{path}, row 1: no column {', '.join(missing)}")
    places = [header.index(name) if name in header else None for name in (*columns, *optional)]
    for number, row in enumerate(rows[1:], start=2):
        cells = ["" if n is None or n >= len(row) else row[n] for n in places]
        if any(cells):
            yield number, cells


def _read_csv(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    # spreadsheet programs of many countries separate by semicolons
    delimiter = ";" if text.partition("\n")[0].count(";") else ","
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    return [[cell.strip() for cell in row] for row in reader]


def _read_workbook(path: Path) -> list[list[str]]:
    import openpyxl

    with reading(path, "is no Excel workbook (.xlsx)"):  # openpyxl raises anything on damage
        book = openpyxl.load_workbook(path, data_only=True)
        return [[_text(cell) for cell in row] for row in book.worksheets[0].values]


def _text(cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # spreadsheet programs may save 3 as 3.0
    return str(cell).strip()
