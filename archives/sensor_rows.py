"""Which sensors the rows of a table are from, where one of its columns says so."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from archives.columns import named_column
from archives.options import ReadOptions

Frames = Callable[[], Iterator[tuple[pd.DataFrame, int]]]
"""Gives a table from its start: pieces with numbered columns, and the file's row of their first."""


def of_sensor(
    frames: Frames, names: Sequence[str], options: ReadOptions, where: str
) -> tuple[Frames, Callable[[], list[str]] | None]:
    """The rows that ``options`` want, labelled by their places in each piece; and all the sensors.

    Raises
    ------
    ArchiveError
        If there is no column ``options.sensor_column``.
    """
    column = None
    if options.sensor_column is not None:
        column = named_column(names, options.sensor_column, where)

    def wanted() -> Iterator[tuple[pd.DataFrame, int]]:
        for frame, first_row in frames():
            frame = frame.reset_index(drop=True)
            if column is not None and options.sensor is not None:
                frame = frame[sensor_names(frame[column]) == options.sensor]
            yield frame, first_row

    def sensors() -> list[str]:
        found = {name for frame, _ in frames() for name in sensor_names(frame[column]).unique()}
        return sorted(found - {""})

    return wanted, None if column is None else sensors


def sensor_names(column: pd.Series) -> pd.Series:
    """Names as text, "" where there is none; numbers without a fraction that gaps gave them."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype("string").str.strip().fillna("")
