"""Where a table begins: its lines of column names, below a preamble and over several rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archives.columns import band_of, plain, quantity_of

_FEWEST = 4  # neighbouring bands that make a row a header
_MOST_ABOVE = 3  # lines of names above that of the bands
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
_WEIGHTED = re.compile(r"(?:ponderation|frequency weighting|weighting|filter|filtre) ?:?")


@dataclass(frozen=True)
class Header:
    """The names of a table's columns.

    Attributes
    ----------
    names : one for each column, its lines joined; a column that a band's name stands in front of,
        row after row, has that name
    first_row : index of the first row that is no header any more
    weighting : what a line above says of all levels: "A", "C", "Z" or "" for nothing
    """

    names: list[str]
    first_row: int
    weighting: str = ""


def find_header(rows: Sequence[Sequence[str]]) -> Header | None:
    """The header among the first rows of a file; None if no row names bands."""
    runs = [longest_run(row) for row in rows]
    best = max(runs, default=0)
    if best < _FEWEST:
        return None
    row = runs.index(best)
    if _is_paired(rows[row]):
        return Header(_paired_names(rows[row]), row, _weighting(rows[:row]))
    header = list(rows[row])
    is_band = [band_of(cell) is not None for cell in header]
    above = _lines_above(rows, row, is_band)
    names = []
    for column, cell in enumerate(header):
        parts = [line[column].strip() for line in above if column < len(line)]
        own = cell.strip()
        if is_band[column]:
            # its own quantity, or the last one above it
            told = [part for part in parts if quantity_of(part)] if not quantity_of(own) else []
            names.append(f"{told[-1]} {own}" if told else own)
        else:
            names.append(own or next((part for part in reversed(parts) if part), ""))
    first = row + 1
    while first < len(rows) and not _is_data(rows[first], is_band):
        first += 1
    return Header(names, first, _weighting(rows[:row]))


def is_header(row: Sequence[str]) -> bool:
    """Whether a row names bands, rather than holding levels: levels do not rise like them."""
    return longest_run(row) >= _FEWEST and not _is_paired(row)


def longest_run(row: Sequence[str]) -> int:
    """Length of the longest row of cells that name neighbouring bands, up or down.

    Levels of 20 to 125 dB look like bands too, but not in this order.
    """
    named = [cell for cell in row if re.search(r"hz", cell, re.IGNORECASE)]
    return max(_run(row), _run(named))  # levels may stand between the names


def _run(cells: Sequence[str]) -> int:
    bands = [band for cell in cells if (band := band_of(cell)) is not None]
    longest = 0
    for direction in (1, -1):
        length = 1
        for before, after in pairwise(bands):
            length = length + 1 if 1 <= (after - before) * direction <= 3 else 1
            longest = max(longest, length)
    return longest


def _lines_above(
    rows: Sequence[Sequence[str]], row: int, is_band: list[bool]
) -> list[Sequence[str]]:
    """Lines right above the bands that belong to the header; merged cells are filled."""
    lines: list[Sequence[str]] = []
    for line in reversed(rows[max(0, row - _MOST_ABOVE) : row]):
        cells = [cell.strip() for cell in line]
        if len(cells) < len(is_band) / 2 or not any(
            cell for cell, band in zip(cells, is_band, strict=False) if band
        ):
            break
        for column in range(1, len(cells)):
            if not cells[column] and is_band[column : column + 1] == [True]:
                cells[column] = cells[column - 1]
        lines.append(cells)
    return lines[::-1]


def _is_data(row: Sequence[str], is_band: list[bool]) -> bool:
    cells = [cell.strip() for cell, band in zip(row, is_band, strict=False) if band]
    if any(_NUMBER.fullmatch(cell) for cell in cells):
        return True
    return len(row) > 1 and not any(cells) and any(re.search(r"\d", cell) for cell in row)


def _is_paired(row: Sequence[str]) -> bool:
    """Whether each band's name stands in front of its level, as in records of one line."""
    places = [n for n, cell in enumerate(row) if re.search(r"hz", cell, re.I) and
              band_of(cell) is not None]  # fmt: skip
    return len(places) >= 4 and all(
        place + 1 < len(row) and _NUMBER.fullmatch(row[place + 1].strip()) for place in places
    )


def _paired_names(row: Sequence[str]) -> list[str]:
    names = []
    for place, cell in enumerate(row):
        before = row[place - 1].strip() if place else ""
        if re.search(r"hz", before, re.I) and _NUMBER.fullmatch(cell.strip()):
            names.append(before)
        elif re.fullmatch(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", cell.strip()):
            names.append("date")
        elif re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?([.,:]\d+)?", cell.strip()):
            names.append("time")
        elif re.search(r"\d[-/]\d+[-/]\d.*:", cell):
            names.append("timestamp")
        else:
            names.append("")
    return names


def _weighting(preamble: Sequence[Sequence[str]]) -> str:
    """What a line such as "Weighting; A" says."""
    for row in preamble:
        cells = [plain(cell) for cell in row if cell.strip()]
        if len(cells) == 2 and _WEIGHTED.fullmatch(cells[0]):
            return {"a": "A", "c": "C", "z": "Z", "lin": "Z", "flat": "Z"}.get(cells[1], "")
    return ""
