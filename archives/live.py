"""A live stream: CSV lines in as they come, one line of JSON out for each unit of time."""

import csv
import json
import logging
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from archives.clock import first_together
from archives.columns import TIME_NAMES, band_columns, find_time_column
from archives.frames import FRAME_S, LOCAL, NO_CLOCK, UTC, ArchiveError, Block
from archives.inference import LevelClassifier
from archives.levels import LevelScale, scaled
from archives.selection import Selection
from archives.stamps import iso, to_seconds
from archives.timeline import Timeline, Units
from transcoder.errors import MissingFileError, UserError
from transcoder.settings import THIRD_OCTAVE

logger = logging.getLogger(__name__)

_POLL_S = 0.1
_WHERE = "live stream"


def followed(path: Path) -> Iterator[str]:
    """The lines of a file, those to come included, each once it is complete; never ends."""
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file to watch")
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = ""
        while True:
            more = file.readline()
            line += more
            if line.endswith("\n"):
                yield line
                line = ""
            elif not more:
                time.sleep(_POLL_S)


def classify_lines(
    lines: Iterable[str],
    classify: LevelClassifier,
    selection: Selection,
    scale: LevelScale,
    *,
    unit_s: int,
    time_column: str | None,
    time_format: str | None,
    step_s: float | None = None,
    allow_slow: bool = False,
) -> Iterator[str]:
    """JSON lines ``{"time": ..., "coverage": ..., "classes": {name: probability}}``.

    Where the levels are not those of 125 ms, each line says so under ``"note"``.

    The first line names the columns, as in a CSV archive; or there is none, and each line holds
    29 levels, or a time and 29 levels. A line that cannot be read is reported and counts as
    missing; the stream goes on.
    """
    stream = _LineReader(lines, time_column, time_format)
    timeline = Timeline(unit_s, where=_WHERE, step_s=step_s, allow_slow=allow_slow)
    for units in timeline.units(scaled(first_together(stream.blocks()), stream.bands, scale)):
        for row in range(len(units)):
            line = _line(units[row : row + 1], classify, selection, stream.clock, unit_s)
            yield json.dumps(line | timeline.found.step_note(), ensure_ascii=False)


def _line(
    unit: Units, classify: LevelClassifier, selection: Selection, clock: str, unit_s: int
) -> dict:
    values, indices = selection.apply(classify(unit))
    columns = range(len(selection.names)) if indices is None else indices[0].tolist()
    seconds = float(unit.times_s[0])
    return {
        "time": iso(seconds, clock) if clock in (LOCAL, UTC) else round(seconds, 3),
        "coverage": float(unit.n_frames[0]) * FRAME_S / unit_s,
        "classes": {
            selection.names[k]: round(value, 6)
            for k, value in zip(columns, values[0].tolist(), strict=True)
        },
    }


class _LineReader:
    """Lines as blocks, each as it comes."""

    def __init__(
        self, lines: Iterable[str], time_column: str | None, time_format: str | None
    ) -> None:
        self._lines = iter(lines)
        first = next(self._lines, "")
        if not first.strip():
            raise UserError("live stream: no line came in")
        self._separator = max(",;\t", key=first.count)
        names = self._cells(first)
        self._row = 1  # of the next line
        if _is_number(names[-1]):
            self._lines = chain([first], self._lines)
            names = _usual_names(len(names))
        else:
            self._row += 1
        self._names = names
        has_time = any(name.casefold() in TIME_NAMES for name in names)
        if has_time or time_column is not None:
            self._time = find_time_column(names, time_column, _WHERE)
        else:
            self._time = None
        bands = band_columns([name for name in names if name != self._time], _WHERE)
        self._positions = [names.index(name) for name in bands.values()]
        self.bands = tuple(bands)
        self._time_format = time_format
        self.clock = NO_CLOCK

    def blocks(self) -> Iterator[Block]:
        """A block for each line."""
        for line in self._lines:
            try:
                yield self._block(line)
            except ArchiveError as error:
                logger.warning("%s; passed over", error)
            self._row += 1

    def _block(self, line: str) -> Block:
        cells = self._cells(line)
        where = f"{_WHERE}, row {self._row}"
        if len(cells) != len(self._names):
            raise ArchiveError(f"{where}: {len(cells)} cells, not {len(self._names)}")
        levels = np.full((1, THIRD_OCTAVE.n_bands), np.nan, dtype=np.float32)
        for band, position in zip(self.bands, self._positions, strict=True):
            levels[0, band] = self._number(cells[position], where)
        if self._time is None:
            return Block(None, levels)
        stamp = cells[self._names.index(self._time)]
        column = pd.Series([float(stamp) if _is_number(stamp) else stamp])
        times_s, self.clock = to_seconds(
            column, time_format=self._time_format, first_row=self._row, where=_WHERE
        )
        return Block(times_s, levels)

    def _number(self, cell: str, where: str) -> float:
        if self._separator != ",":
            cell = cell.replace(",", ".")
        try:
            return float(cell) if cell else np.nan
        except ValueError:
            raise ArchiveError(f"{where}: {cell!r} is not a level in dB") from None

    def _cells(self, line: str) -> list[str]:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=self._separator), [])]


def _usual_names(n_cells: int) -> list[str]:
    """Names for a stream that has none: 29 levels, or a time and 29 levels."""
    names = [f"{hz:.1f}" for hz in THIRD_OCTAVE.centres_hz]
    if n_cells not in (len(names), len(names) + 1):
        raise UserError(
            f"{_WHERE}, row 1: {n_cells} numbers; give {len(names)} levels, a time and "
            f"{len(names)} levels, or a line of column names first"
        )
    return names if n_cells == len(names) else [TIME_NAMES[0], *names]


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
