"""A live stream: lines of CSV or JSON come in, a line of JSON goes out for each unit of time."""

import json
import logging
import math
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import pandas as pd

from archives.answers import Answers, laeq_db
from archives.clock import first_together
from archives.columns import TIME_NAMES, find_bands, plain
from archives.frames import LOCAL, NO_CLOCK, UTC, ArchiveError, Block
from archives.headers import is_header
from archives.json_records import RecordReader, parse_line
from archives.levels import LevelScale, scaled
from archives.options import ReadOptions
from archives.presence_map import PRESENCE
from archives.selection import Selection
from archives.stamps import iso
from archives.tables import Layout
from archives.text_tables import best_reading, cells_of
from archives.timeline import Timeline, Units
from transcoder.errors import UserError
from transcoder.settings import THIRD_OCTAVE

logger = logging.getLogger(__name__)

_WHERE = "live stream"
_MOST_HEADER_LINES = 60
_JSON = re.compile(r"[^\s{\[]*\s*[{\[]")  # perhaps behind a topic of MQTT


def classify_lines(
    lines: Iterable[str],
    answers: Answers,
    selection: Selection,
    scale: LevelScale,
    read: ReadOptions,
    *,
    unit_s: int,
) -> Iterator[str]:
    """JSON lines ``{"time": ..., "coverage": ..., "LAeq": ..., "classes": {name: probability}}``.

    Where there is a calibration, ``"presence": {group: ...}`` too.

    Where the levels are not those of 125 ms, each line says so under ``"note"``.

    The lines are JSON records, or a table: the first lines name the columns, as in an archive; or
    there are none, and each line holds 29 levels, or a time and 29 levels. A line that cannot be
    read is reported and counts as missing; the stream goes on.
    """
    stream = _Stream(lines, read)
    timeline = Timeline(unit_s, where=_WHERE, step_s=read.step_s, allow_slow=read.allow_slow)
    for units in timeline.units(scaled(first_together(stream.blocks()), stream.bands, scale)):
        for row in range(len(units)):
            line = _line(units[row : row + 1], answers, selection, scale, stream.clock)
            if note := timeline.found.step_note():
                line["note"] = note
            yield json.dumps(line, ensure_ascii=False)


def _line(
    unit: Units, answers: Answers, selection: Selection, scale: LevelScale, clock: str
) -> dict:
    probabilities, groups = answers.hear(unit)
    values, indices = selection.apply(probabilities)
    columns = indices[0].tolist() or range(len(selection.names))
    seconds = float(unit.times_s[0])
    level_db = float(laeq_db(unit, scale)[0])
    line = {
        "time": iso(seconds, clock) if clock in (LOCAL, UTC) else round(seconds, 3),
        "coverage": float(unit.n_frames[0]) / (unit.levels_db.shape[1] * unit.levels_db.shape[2]),
        "LAeq": None if math.isnan(level_db) else round(level_db, 1),
        "classes": {
            selection.names[k]: round(value, 6)
            for k, value in zip(columns, values[0].tolist(), strict=True)
        },
    }
    if answers.estimate.kind == PRESENCE:
        present = zip(answers.estimate.names, groups[0].tolist(), strict=True)
        line["presence"] = {name: round(value, 4) for name, value in present}
    return line


class _TableLines:
    """Lines of a table: its names first, perhaps below a preamble; or 29 levels, or a time more."""

    def __init__(self, lines: Iterator[tuple[int, str]], options: ReadOptions):
        waiting = [next(lines)]
        text = waiting[0][1]
        self._separator = next((sign for sign in ";\t" if text.count(sign) > 8), ",")
        header, rows = None, [self._cells(text)]
        if not _is_bare(rows[0]):
            # names may stand below a preamble and over several lines: up to the first levels
            self._separator, rows, header = best_reading(text)
            for line in islice(lines, _MOST_HEADER_LINES):
                waiting.append(line)
                self._separator, rows, header = best_reading("".join(text for _, text in waiting))
                if header is not None and header.first_row < len(rows):
                    break
        if header is not None:
            names, n_used = header.names, header.first_row
        elif _is_bare(rows[0]):
            names, n_used = _usual_names(len(rows[0])), 0
        else:
            names, n_used = rows[0], 1
        self._names = names
        self.lines = chain(waiting[n_used:], lines)
        frame = pd.DataFrame([row for row in rows[n_used:] if len(row) == len(names)] or None,
                             columns=range(len(names)), dtype=object)  # fmt: skip
        self._layout = self._layout_of(frame, options)
        self.bands = tuple(self._layout.bands.columns)

    def _layout_of(self, frame: pd.DataFrame, options: ReadOptions) -> Layout:
        try:
            return Layout.of(self._names, frame, options, _WHERE)
        except ArchiveError:
            names = [plain(name) for name in self._names]
            if options.time_column or any(name in TIME_NAMES for name in names):
                raise
        bands = find_bands(self._names, _WHERE, options.level)
        return Layout(_WHERE, self._names, (), bands, None, None)

    def block(self, row: int, line: str) -> tuple[Block, str]:
        cells = self._cells(line)
        if len(cells) != len(self._names):
            raise ArchiveError(f"{_WHERE}, row {row}: {len(cells)} cells, not {len(self._names)}")
        return self._layout.block(pd.DataFrame([self._values(cells)]), first_row=row)

    def _values(self, cells: list[str]) -> list[str | float]:
        """Numbers where there are any; a date and a time of day stay text, to be joined."""
        joined = self._layout.time if len(self._layout.time) > 1 else ()
        return [
            cell if place in joined or not _is_number(cell) else float(cell.replace(",", "."))
            for place, cell in enumerate(cells)
        ]

    def _cells(self, line: str) -> list[str]:
        return [cell.strip() for row in cells_of([line], self._separator) for cell in row]


class _JsonLines:
    """Lines that are JSON records."""

    def __init__(self, lines: Iterator[tuple[int, str]], options: ReadOptions):
        row, first = next(lines)
        self.lines = chain([(row, first)], lines)
        where = f"{_WHERE}, row {row}"
        self._reader = RecordReader(parse_line(first, where), options, where)
        self.bands = self._reader.bands

    def block(self, row: int, line: str) -> tuple[Block, str]:
        return self._reader.block([parse_line(line, f"{_WHERE}, row {row}")], [row], _WHERE)


class _Stream:
    """Lines of either kind as blocks, each as it comes; ``clock`` is that of the last one."""

    def __init__(self, lines: Iterable[str], options: ReadOptions):
        numbered = ((row, line) for row, line in enumerate(lines, start=1) if line.strip())
        first = next(numbered, None)
        if first is None:
            raise UserError(f"{_WHERE}: no line came in")
        is_json = _JSON.match(first[1]) is not None
        self._reader = (_JsonLines if is_json else _TableLines)(chain([first], numbered), options)
        self.bands = self._reader.bands
        self.clock = NO_CLOCK

    def blocks(self) -> Iterator[Block]:
        for row, line in self._reader.lines:
            try:
                block, self.clock = self._reader.block(row, line)
            except ArchiveError as error:
                logger.warning("%s; passed over", error)
                continue
            if len(block):
                yield block


def _usual_names(n_cells: int) -> list[str]:
    """Names for a stream that has none: 29 levels, or a time and 29 levels."""
    names = [f"{hz:.1f}" for hz in THIRD_OCTAVE.centres_hz]
    if n_cells not in (len(names), len(names) + 1):
        raise UserError(
            f"{_WHERE}, row 1: {n_cells} numbers; give {len(names)} levels, a time and "
            f"{len(names)} levels, or a line of column names first"
        )
    return names if n_cells == len(names) else [TIME_NAMES[0], *names]


def _is_bare(cells: list[str]) -> bool:
    """Whether a first line holds levels, and perhaps a time, but no names."""
    are_numbers = [_is_number(cell) for cell in cells]
    return all(are_numbers[1:]) and not is_header(cells) and (
        are_numbers[0] or len(cells) == THIRD_OCTAVE.n_bands + 1
    )  # fmt: skip


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
