"""Archives that are tables with a time column and one column a band: CSV and Parquet."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archives.columns import band_columns, find_time_column
from archives.frames import BLOCK_FRAMES, LOCAL, UTC, Archive, ArchiveError, Block
from archives.stamps import to_seconds
from transcoder.settings import THIRD_OCTAVE

_SAMPLE_LINES = 1000  # to estimate how many a file has
_DECIMAL_COMMA = re.compile(r"\s*-?\d+,\d+\s*")


@dataclass(frozen=True)
class Layout:
    """Which columns of a table are read, and how."""

    where: str  # names the table in messages
    time: str
    bands: dict[int, str]
    time_format: str | None = None

    @classmethod
    def of(
        cls, names: list[str], *, where: str, given_time: str | None, time_format: str | None
    ) -> "Layout":
        time = find_time_column(names, given_time, where)
        bands = band_columns([name for name in names if name != time], where)
        return cls(where, time, bands, time_format)

    @property
    def columns(self) -> list[str]:
        return [self.time, *self.bands.values()]

    def block(self, frame: pd.DataFrame, first_row: int) -> tuple[Block, str]:
        """Rows of the table as frames, and their clock; errors name the row and the column."""
        times_s, clock = to_seconds(
            frame[self.time],
            time_format=self.time_format,
            first_row=first_row,
            where=self.where,
        )
        levels = np.full((len(frame), THIRD_OCTAVE.n_bands), np.nan, dtype=np.float32)
        for band, name in self.bands.items():
            levels[:, band] = self._numbers(frame[name], first_row)
        return Block(times_s, levels), clock

    def _numbers(self, column: pd.Series, first_row: int) -> NDArray[np.float32]:
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            return column.to_numpy(np.float32, na_value=np.nan)
        text = column.astype("string").str.strip()
        numbers = pd.to_numeric(text.mask(text == ""), errors="coerce")
        bad = (numbers.isna() & text.notna() & (text != "")).to_numpy(bool)
        if bad.any():
            row = int(bad.argmax())
            raise ArchiveError(
                f"{self.where}, row {first_row + row}, column {column.name!r}: "
                f"{text.iloc[row]!r} is not a level in dB"
            )
        return numbers.to_numpy(np.float32, na_value=np.nan)


def open_csv(path: Path, given_time: str | None, time_format: str | None) -> Archive:
    """A CSV file, plain or gzipped: separated by commas, semicolons or tabs, one header line.

    Semicolons go with a decimal comma where the first rows have one.
    """
    dialect = _sniff(path)
    layout = Layout.of(
        dialect.names, where=str(path), given_time=given_time, time_format=time_format
    )

    def blocks() -> Iterator[tuple[Block, str]]:
        done = 0
        try:
            with pd.read_csv(
                path,
                sep=dialect.separator,
                decimal=dialect.decimal,
                index_col=False,
                chunksize=BLOCK_FRAMES,
                skip_blank_lines=False,
                skipinitialspace=True,
                encoding="utf-8-sig",
                low_memory=False,
            ) as chunks:
                for frame in chunks:
                    # the header is row 1
                    yield layout.block(frame, first_row=done + 2)
                    done += len(frame)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
            raise ArchiveError(f"{path}, after row {done + 1}: {reason}") from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ArchiveError(f"{path}, after row {done + 1}: damaged: {error}") from None

    return _archive(path, blocks, layout, dialect.n_rows)


def open_parquet(path: Path, given_time: str | None, time_format: str | None) -> Archive:
    """A Parquet file, read batch by batch."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            n_frames = file.metadata.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or ["unknown reason"])[0]
        raise ArchiveError(f"{path}: cannot be read as Parquet: {reason}") from None
    layout = Layout.of(names, where=str(path), given_time=given_time, time_format=time_format)

    def blocks() -> Iterator[tuple[Block, str]]:
        done = 0
        with parquet.ParquetFile(path) as file:
            try:
                for batch in file.iter_batches(BLOCK_FRAMES, columns=layout.columns):
                    yield layout.block(batch.to_pandas(), first_row=done)
                    done += len(batch)
            except (pyarrow.ArrowException, OSError) as error:
                reason = (str(error).splitlines() or ["unknown reason"])[0]
                raise ArchiveError(f"{path}, after row {done}: {reason}") from None

    return _archive(path, blocks, layout, n_frames)


def _archive(path: Path, blocks, layout: Layout, n_frames: int | None) -> Archive:
    first = next(islice(blocks(), 1), None)
    if first is None or not len(first[0]):
        raise ArchiveError(f"{path}: holds no rows")
    clock = first[1]

    def checked() -> Iterator[Block]:
        for block, block_clock in blocks():
            # a zone may show only in the first stamp; dates and plain seconds do not mix
            if (block_clock in (LOCAL, UTC)) != (clock in (LOCAL, UTC)):
                raise ArchiveError(f"{path}: time stamps change from {clock} to {block_clock}")
            yield block

    return Archive(path, checked, clock, tuple(layout.bands), n_frames)


@dataclass(frozen=True)
class _Dialect:
    """How a CSV file is written."""

    separator: str
    decimal: str
    names: list[str]
    n_rows: int  # about


def _sniff(path: Path) -> _Dialect:
    try:
        with path.open("rb") as raw:
            stream = gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw
            head = [line.decode("utf-8-sig") for line in islice(stream, _SAMPLE_LINES)]
            read_bytes = raw.tell() if stream is not raw else sum(map(len, head))
            size = raw.seek(0, 2)
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{path}: is not UTF-8 text (byte {error.start} of a line)") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"{path}: cannot be read: {error}") from None
    if not head or not head[0].strip():
        raise ArchiveError(f"{path}, row 1: is empty; a line of column names must come first")
    separator = max(",;\t", key=head[0].count)
    header, *rows = csv.reader(head, delimiter=separator, skipinitialspace=True)
    for number, row in enumerate(rows, start=2):
        # pandas drops what is too much in the first rows
        if any(row[len(header) :]):
            raise ArchiveError(
                f"{path}, row {number}: {len(row)} cells under {len(header)} column names"
            )
    has_comma = any(_DECIMAL_COMMA.fullmatch(cell) for row in rows[:20] for cell in row)
    is_all = len(head) < _SAMPLE_LINES
    n_rows = len(rows) if is_all else round(len(rows) * size / read_bytes)
    return _Dialect(separator, "," if has_comma else ".", header, n_rows)
