"""Tables of what was heard when: shares of stretches of time, or a row for each event.

Shares: ``recording``, perhaps ``start`` and ``end``, and a column for each group with the share of
that time in which it was heard, 0 to 1 (an empty cell: nobody knows). Events: ``recording``,
``start``, ``end`` and ``group``; a group is absent where no event says otherwise. Times are seconds
from the recording's start, or dates and times as in the archive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archives.frames import RELATIVE, ArchiveError
from archives.stamps import to_seconds
from transcoder.errors import MissingFileError, UserError

HEADINGS = {
    "recording": ("recording", "filename", "file", "sensor"),
    "start": ("start", "start_s", "onset", "begin", "start_time"),
    "end": ("end", "end_s", "offset", "stop", "end_time"),
    "group": ("group", "event_label", "label", "class"),
}
"""What columns are called; case does not matter."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """What was heard in one recording.

    Attributes
    ----------
    start_s, end_s : (n,) float64
    share : (n, n_groups) of each stretch, NaN where unknown
    clock : RELATIVE: from the recording's start; LOCAL or UTC: dates
    """

    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    share: NDArray[np.float64]
    clock: str

    @property
    def has_dates(self) -> bool:
        return self.clock != RELATIVE


def read_annotations(path: Path) -> tuple[tuple[str, ...], dict[str, Annotations]]:
    """The groups of a table (.csv, ``,`` ``;`` or tabs), and the annotations of each recording.

    Raises
    ------
    UserError
        Naming the row of what cannot be understood.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such table of annotations")
    try:
        table = pd.read_csv(path, sep=None, engine="python", dtype=str, encoding="utf-8-sig")
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise UserError(f"{path}: cannot be read as a table: {error}") from None
    columns = {key: _column(table, names) for key, names in HEADINGS.items()}
    if columns["recording"] is None:
        raise UserError(f"{path}, row 1: no column recording (or filename)")
    if (columns["start"] is None) != (columns["end"] is None):
        raise UserError(f"{path}, row 1: give both start and end, or neither")
    if not len(table):
        raise UserError(f"{path}: holds no rows")
    keys = table[columns["recording"]].fillna("").map(lambda name: Path(name).stem)
    start_s, end_s, clock = _times(table, columns, path)
    if columns["group"] is not None and columns["start"] is not None:
        return _events(table[columns["group"]].str.strip(), keys, start_s, end_s, clock)
    names = [name for name in table.columns if name not in columns.values()]
    share = _shares(table[names], path)
    groups = tuple(name.strip() for name in names)
    return groups, {
        key: Annotations(start_s[rows], end_s[rows], share[rows], clock)
        for key, rows in table.groupby(keys.to_numpy(), sort=False).indices.items()
    }


def _events(
    labels: pd.Series, keys: pd.Series, start_s: NDArray, end_s: NDArray, clock: str
) -> tuple[tuple[str, ...], dict[str, Annotations]]:
    """A stretch from each change to the next: a group is heard throughout, or not at all."""
    groups = tuple(sorted(labels.dropna().unique()))
    found = {}
    for key in keys.unique():
        rows = np.flatnonzero((keys == key).to_numpy() & labels.notna().to_numpy())
        edges = np.unique(np.concatenate((start_s[rows], end_s[rows])))
        if clock == RELATIVE:
            edges = np.unique(np.append(edges, (0.0, np.inf)))
        share = np.zeros((len(edges) - 1, len(groups)))
        for row in rows:
            inside = (edges[:-1] >= start_s[row]) & (edges[1:] <= end_s[row])
            share[inside, groups.index(labels.iloc[row])] = 1
        found[str(key)] = Annotations(edges[:-1], edges[1:], share, clock)
    return groups, found


def _times(table: pd.DataFrame, columns: dict, path: Path) -> tuple[NDArray, NDArray, str]:
    """Start and end of each row, and their clock; the whole recording where there are none."""
    if columns["start"] is None:
        return np.zeros(len(table)), np.full(len(table), np.inf), RELATIVE
    given = []
    for key in ("start", "end"):
        name = columns[key]
        try:
            seconds, clock = to_seconds(
                table[name], time_format=None, first_row=2, where=f"{path}, column {name}"
            )
        except ArchiveError as error:
            raise UserError(str(error)) from None
        given.append((seconds, clock))
    (start_s, clock), (end_s, other) = given
    if clock != other:
        raise UserError(f"{path}: start and end are of different kinds ({clock}, {other})")
    bad = ~(end_s > start_s)
    if bad.any():
        row = int(bad.argmax())
        raise UserError(f"{path}, row {row + 2}: does not end after it starts")
    return start_s, end_s, clock


def _shares(table: pd.DataFrame, path: Path) -> NDArray[np.float64]:
    if not len(table.columns):
        raise UserError(f"{path}, row 1: no column of a group beside the recording")
    text = table.apply(lambda column: column.str.strip().str.replace(",", "."))
    numbers = text.apply(pd.to_numeric, errors="coerce")
    bad = (numbers.isna() & text.notna() & (text != "")) | (numbers < 0) | (numbers > 1)
    if bad.to_numpy().any():
        row, column = np.argwhere(bad.to_numpy())[0]
        raise UserError(
            f"{path}, row {row + 2}, column {table.columns[column]}: {text.iloc[row, column]!r} is "
            "no share of the time, 0 to 1"
        )
    return numbers.to_numpy(np.float64)


def _column(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    by_name = {str(column).strip().casefold(): column for column in table.columns}
    return next((by_name[name] for name in names if name in by_name), None)
