"""Tables that are text, plain or gzipped: CSV and what instruments write beside it."""

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from archives.columns import find_time_columns, plain
from archives.frames import BLOCK_FRAMES, Archive, ArchiveError
from archives.headers import Header, find_header, longest_run
from archives.options import ReadOptions
from archives.tables import Frames, of_sensor, table_archive
from archives.text_lines import LONGEST_LINE, open_bytes
from transcoder.doors import reading

_SAMPLE_LINES = 1000  # to find the header, and to estimate how many lines a file has
_LONGEST_SAMPLE = 8_000_000  # bytes of these lines
_MOST_COLUMNS = 2000
_DECIMAL_COMMA = re.compile(r"\s*-?\d+,\d+\s*")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
_NO_LEVEL = ["-", "--", "---", "----", "-.-", "*", "***"]  # beside those that pandas knows
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Dialect:
    """How a text is written: its encoding, separator, decimal sign and header."""

    encoding: str
    separator: str
    decimal: str
    header: Header
    n_rows: int  # about


def open_text(path: Path, options: ReadOptions) -> Archive:
    """A text of levels: separated by commas, semicolons or tabs, its header found.

    Semicolons and tabs go with a decimal comma where the first rows have one.
    """
    rows, dialect = _sniff(path)
    names = dialect.header.names

    def frames() -> Iterator[tuple[pd.DataFrame, int]]:
        done = 0
        first_row = dialect.header.first_row + 1  # rows are counted from 1
        try:
            with (
                open_bytes(path) as stream,
                pd.read_csv(
                    stream,
                    sep=dialect.separator,
                    decimal=dialect.decimal,
                    header=None,
                    names=range(len(names)),
                    skiprows=dialect.header.first_row,
                    index_col=False,
                    chunksize=BLOCK_FRAMES,
                    skip_blank_lines=False,
                    skipinitialspace=True,
                    na_values=_NO_LEVEL,
                    encoding=dialect.encoding,
                    low_memory=False,
                ) as chunks,
            ):
                for frame in chunks:
                    yield frame, first_row + done
                    done += len(frame)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError) as error:
            reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
            raise ArchiveError(f"{path}, after row {first_row + done - 1}: {reason}") from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ArchiveError(
                f"{path}, after row {first_row + done - 1}: damaged: {error}"
            ) from None

    if is_long(names):
        return long_archive(path, frames, names, options)
    if dialect.header.first_row >= len(rows):
        return table_archive(path, lambda: iter(()), names, options, 0)
    return table_archive(path, frames, names, options, dialect.n_rows, dialect.header.weighting)


def decoded(data: bytes) -> tuple[str, str]:
    """Text and its encoding: UTF-8, UTF-16 with a mark, or Latin-1."""
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), encoding
    try:
        return data.decode("utf-8-sig"), "utf-8-sig"
    except UnicodeDecodeError as error:
        if error.end >= len(data):  # cut within a character
            return data[: error.start].decode("utf-8-sig"), "utf-8-sig"
        return data.decode("cp1252", errors="replace"), "cp1252"


def _sniff(path: Path) -> tuple[list[list[str]], Dialect]:
    with reading(path, "cannot be read", ArchiveError), open_bytes(path) as stream:
        head = _first_lines(stream, path)
    text, encoding = decoded(head)
    if "\0" in text or not text.strip():
        what = "is no text" if text.strip("\0 \r\n\t") else "is empty"
        raise ArchiveError(f"{path}, row 1: {what}; a table of levels is needed")
    n_lines = text.count("\n")
    try:
        separator, rows, header = best_reading(text)
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}") from None
    if header is None:
        place, seen = next((n, row) for n, row in enumerate(rows) if any(row))
        header = Header([cell.strip() for cell in seen], place + 1)
    if len(header.names) > _MOST_COLUMNS:
        raise ArchiveError(f"{path}: has {len(header.names)} columns: this is no table of levels")
    _check_cells(rows, header, separator, path)
    data = rows[header.first_row :]
    has_comma = any(_DECIMAL_COMMA.fullmatch(cell) for row in data[:20] for cell in row)
    is_all = n_lines < _SAMPLE_LINES
    n_rows = len(data) if is_all else _estimated(len(data), head, path)
    return rows, Dialect(encoding, separator, "," if has_comma else ".", header, n_rows)


def _first_lines(stream: BinaryIO, path: Path) -> bytes:
    lines, n_bytes = [], 0
    while len(lines) < _SAMPLE_LINES and (line := stream.readline(LONGEST_LINE)):
        lines.append(line)
        n_bytes += len(line)
        if n_bytes > _LONGEST_SAMPLE:
            raise ArchiveError(
                f"{path}, row {len(lines)}: the first rows are longer than {_LONGEST_SAMPLE} bytes"
            )
    return b"".join(lines)


def _estimated(n_rows: int, head: bytes, path: Path) -> int:
    """About how many rows a file has whose first ``n_rows`` are in ``head``."""
    packed = len(gzip.compress(head, 6)) if path.suffix.lower() == ".gz" else len(head)
    return round(n_rows * path.stat().st_size / packed)


def best_reading(text: str) -> tuple[str, list[list[str]], Header | None]:
    """The separator by which a row names the most bands, the rows it gives, and their header."""
    readings = []
    for separator in ",;\t":
        rows = cells_of(re.findall(_LINE, text), separator)
        header = find_header(rows)
        if header is None:
            long = next((n for n, row in enumerate(rows) if is_long(row)), None)
            header = None if long is None else Header(rows[long], long + 1)
        n_bands = longest_run(header.names) if header else 0
        readings.append((n_bands, max(map(len, rows), default=0), separator, rows, header))
    _, _, separator, rows, header = max(readings, key=lambda reading: reading[:2])
    return separator, rows, header


def cells_of(lines: Iterable[str], separator: str) -> list[list[str]]:
    """The rows that lines of a table hold; `ArchiveError` where they are none."""
    csv.field_size_limit(LONGEST_LINE)  # notes may be longer than its usual 131 kB
    try:
        return list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise ArchiveError(f"the text is no table: {error}") from None


def _check_cells(rows: list[list[str]], header: Header, separator: str, path: Path) -> None:
    """Refuse rows with more cells than names: pandas would drop them, or shift all."""
    width = len(header.names)
    for number, row in enumerate(rows[header.first_row :], start=header.first_row + 1):
        if any(row[width:]):
            hint = ""
            if separator == "," and len(row) > 1.5 * width:
                hint = " (is the comma its decimal sign too? separate cells by semicolons or tabs)"
            raise ArchiveError(
                f"{path}, row {number}: {len(row)} cells under {width} column names{hint}"
            )
    if header.first_row < len(rows):
        return
    for number, row in enumerate(rows[: header.first_row], start=1):
        others = [sign for sign in ",;\t" if sign != separator and len(row) == 1
                  and row[0].count(sign) >= max(width - 1, 9)]  # fmt: skip
        if others and number > 1:
            raise ArchiveError(
                f"{path}, row {number}: its cells are separated by {others[0]!r}, the column "
                f"names by {separator!r}"
            )


_FIELD_NAMES = ("field", "band", "frequency", "variable", "name")
_VALUE_NAMES = ("value", "level", "val", "db")
_MOST_ROWS = 40_000_000  # a day of all bands and more: they are put in order in memory


def is_long(names: Sequence[str]) -> bool:
    """Whether the columns are those of a table with a level a row."""
    words = [plain(name) for name in names]
    return any(name in words for name in _FIELD_NAMES) and any(n in words for n in _VALUE_NAMES)


def long_archive(path: Path, frames: Frames, names: Sequence[str], options: ReadOptions) -> Archive:
    """The archive of a long table, whatever the order of its rows."""
    frames, sensors = of_sensor(frames, names, options, str(path))
    words = [plain(name) for name in names]
    field = next(words.index(name) for name in _FIELD_NAMES if name in words)
    value = next(words.index(name) for name in _VALUE_NAMES if name in words)
    (time,) = find_time_columns(names, options.time_column, str(path))[-1:]
    fields = list(dict.fromkeys(name for frame, _ in frames() for name in _fields(frame, field)))

    def wide() -> Iterator[tuple[pd.DataFrame, int]]:
        kept, n_rows = [], 0
        for frame, _ in frames():
            is_level = frame[field].isin(fields) & frame[value].notna()
            kept.append(frame.loc[is_level, [time, field, value]])
            n_rows += len(kept[-1])
            if n_rows > _MOST_ROWS:
                raise ArchiveError(
                    f"{path}: holds more than {_MOST_ROWS} levels, a row each: export a column "
                    "for each band (pivot by _time in Flux), or a day at a time"
                )
        table = pd.concat(kept).drop_duplicates([time, field], keep="first")
        table[value] = pd.to_numeric(table[value], errors="coerce").astype(np.float32)
        whole = table.pivot(index=time, columns=field, values=value).reindex(columns=fields)
        whole = whole.reset_index()
        whole.columns = range(len(whole.columns))
        for start in range(0, len(whole), BLOCK_FRAMES):
            yield whole.iloc[start : start + BLOCK_FRAMES], start

    options = replace(options, sensor_column=None)
    archive = table_archive(path, wide, [names[time], *fields], options, None)
    return replace(archive, sensors=sensors)


def _fields(frame: pd.DataFrame, field: int) -> list[str]:
    values = frame[field].dropna().astype(str).unique().tolist()
    return [name for name in values if plain(name) not in _FIELD_NAMES]
