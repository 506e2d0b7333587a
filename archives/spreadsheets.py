"""Tables in Excel workbooks, read row by row."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pandas as pd

from archives.frames import BLOCK_FRAMES, Archive, ArchiveError
from archives.headers import find_header
from archives.options import ReadOptions
from archives.tables import table_archive

_SAMPLE_ROWS = 200
_MOST_COLUMNS = 2000
_LARGEST_TEXTS = 50_000_000  # bytes; they take some ten times that as objects


def open_xlsx(path: Path, options: ReadOptions) -> Archive:
    """The sheet of a workbook whose rows name the most bands."""
    best: tuple[int, str, list] = (0, "", [])
    for sheet in _sheets(path):
        sample = islice(_rows(path, sheet, _MOST_COLUMNS), _SAMPLE_ROWS)
        rows = _without_empty_columns([[_text(cell) for cell in row] for row in sample])
        header = find_header(rows)
        if header is not None and len(header.names) > best[0]:
            best = (len(header.names), sheet, [header])
    if not best[2]:
        raise ArchiveError(
            f"{path}: no sheet has a row of columns named after third-octave bands (such as "
            "'1 kHz')"
        )
    _, sheet, (header,) = best
    width = len(header.names)

    def frames() -> Iterator[tuple[pd.DataFrame, int]]:
        rows = islice(_rows(path, sheet, width), header.first_row, None)
        done = header.first_row + 1
        while part := [list(row[:width]) for row in islice(rows, BLOCK_FRAMES)]:
            part = [row + [None] * (width - len(row)) for row in part]
            frame = pd.DataFrame(part, columns=range(width)).infer_objects()
            yield frame, done
            done += len(part)

    return table_archive(path, frames, header.names, options, None, header.weighting)


def _sheets(path: Path) -> list[str]:
    with _workbook(path) as book:
        return [sheet.title for sheet in book.worksheets]


def _rows(path: Path, sheet: str, n_columns: int) -> Iterator[tuple]:
    with _workbook(path) as book:
        yield from book[sheet].iter_rows(values_only=True, max_col=n_columns)


def _check_size(path: Path) -> None:
    """Refuse what would fill the memory: all but the sheets is read as a whole."""
    with zipfile.ZipFile(path) as file:
        whole = sum(i.file_size for i in file.infolist() if "/worksheets/" not in i.filename)
    if whole > _LARGEST_TEXTS:
        raise ArchiveError(
            f"{path}: has {whole / 1e6:.0f} MB of texts and styles beside its sheets: store the "
            "levels as numbers, or export the table as .csv"
        )


@contextmanager
def _workbook(path: Path):
    """A workbook opened to be read row by row; what is wrong with it is told in one line."""
    import openpyxl

    try:
        _check_size(path)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            yield book
        finally:
            book.close()
    except (ArchiveError, MemoryError):
        raise
    except Exception as error:  # openpyxl has no error of its own for damaged files
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise ArchiveError(f"{path}: cannot be read as .xlsx: {reason}") from None


def _without_empty_columns(rows: list[list[str]]) -> list[list[str]]:
    """Up to the last column with text: openpyxl gives as many as it was asked for."""
    used = [n for row in rows for n, text in enumerate(row, start=1) if text]
    return [row[: max(used, default=0)] for row in rows]


def _text(cell) -> str:
    return "" if cell is None else str(cell)
