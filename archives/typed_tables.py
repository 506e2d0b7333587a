"""Tables whose cells have types, in Excel workbooks and in Parquet, read piece by piece."""

import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pandas as pd

from archives.columns import find_time_columns
from archives.frames import BLOCK_FRAMES, Archive, ArchiveError
from archives.headers import Header, find_header
from archives.options import ReadOptions
from archives.tables import table_archive
from transcoder.doors import reading

_SAMPLE_ROWS = 200
_MOST_COLUMNS = 2000
_LARGEST_TEXTS = 50_000_000  # bytes; they take some ten times that as objects


def open_xlsx(path: Path, options: ReadOptions) -> Archive:
    """The sheet of a workbook whose rows name the most bands."""
    with _workbook(path) as book:
        sheets = [sheet.title for sheet in book.worksheets]
    headers = {sheet: header for sheet in sheets if (header := _header(path, sheet)) is not None}
    if not headers:
        raise ArchiveError(
            f"{path}: no sheet has a row of columns named after third-octave bands (such as "
            "'1 kHz')"
        )
    sheet, header = max(headers.items(), key=lambda item: len(item[1].names))
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


def _header(path: Path, sheet: str) -> Header | None:
    sample = islice(_rows(path, sheet, _MOST_COLUMNS), _SAMPLE_ROWS)
    rows = [["" if cell is None else str(cell) for cell in row] for row in sample]
    # openpyxl gives as many columns as it was asked for
    used = max((n for row in rows for n, text in enumerate(row, start=1) if text), default=0)
    return find_header([row[:used] for row in rows])


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

    with reading(path, "cannot be read as .xlsx", ArchiveError):
        _check_size(path)
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            yield book


def open_parquet(path: Path, options: ReadOptions) -> Archive:
    """A Parquet file, read batch by batch."""
    import pyarrow
    import pyarrow.parquet as parquet

    with (
        reading(path, "cannot be read as Parquet", ArchiveError),
        path.open("rb") as raw,
        parquet.ParquetFile(raw) as file,
    ):
        schema, n_frames = file.schema_arrow, file.metadata.num_rows
    names = [_shown(field) for field in schema]

    def frames() -> Iterator[tuple[pd.DataFrame, int]]:
        done = 0
        with path.open("rb") as raw, parquet.ParquetFile(raw) as file:
            batches = file.iter_batches(BLOCK_FRAMES)
            while True:
                with reading(f"{path}, after row {done}", "is damaged", ArchiveError):
                    batch = next(batches, None)
                    if batch is None:
                        return
                    # without pandas' own metadata an index is a column like any other
                    table = pyarrow.Table.from_batches([batch])
                    frame = table.to_pandas(ignore_metadata=True)
                frame.columns = range(len(names))
                yield frame, done
                done += len(batch)

    return table_archive(path, frames, names, _timed_by_type(options, schema), n_frames)


def _timed_by_type(options: ReadOptions, schema) -> ReadOptions:
    """Where no name is like a time's, the only column of time stamps is the time."""
    stamps = [_shown(field) for field in schema if str(field.type).startswith("timestamp")]
    if options.time_column is not None or len(stamps) != 1:
        return options
    try:
        find_time_columns([_shown(field) for field in schema], None, "")
    except ArchiveError:
        return replace(options, time_column=stamps[0])
    return options


def _shown(field) -> str:
    """The name of a column, or what pandas called an index of times."""
    is_index = field.name.startswith("__index_level_") and str(field.type).startswith("timestamp")
    return "time" if is_index else field.name
