"""Archives that are tables with a time column and one column a band, whatever they are read from.

The readers (`text_tables`, `typed_tables`) give frames of pandas whose columns are numbered; what
their columns mean is found here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archives.acoustics import describe_weighting, weighting_db
from archives.columns import (
    Bands,
    band_name,
    band_of,
    find_bands,
    find_time_columns,
    named_column,
    plain,
)
from archives.frames import LOCAL, NO_CLOCK, UTC, Archive, ArchiveError, Block
from archives.options import ReadOptions
from archives.stamps import form_of, is_order_open, parsed, to_seconds
from transcoder.settings import THIRD_OCTAVE

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


_EVENT_COLUMNS = ("record type", "event", "marker", "event type")


@dataclass(frozen=True)
class Layout:
    """Which columns of a table are read, and how."""

    where: str  # names the table in messages
    names: Sequence[str]
    time: tuple[int, ...]  # a column of stamps, or one of dates and one of times of day
    bands: Bands
    time_format: str | None
    event: int | None  # a column that says of rows that they hold no levels

    @classmethod
    def of(
        cls, names: Sequence[str], first: pd.DataFrame, options: ReadOptions, where: str
    ) -> "Layout":
        """The layout of a table from its names and first rows."""
        try:
            time = find_time_columns(names, options.time_column, where)
        except ArchiveError:
            find_bands(names, where, options.level)  # what lacks first is said first
            raise
        others = ["" if position in time else str(name) for position, name in enumerate(names)]
        bands = find_bands(others, where, options.level)
        event = next((n for n, name in enumerate(names) if plain(name) in _EVENT_COLUMNS), None)
        layout = cls(where, list(names), time, bands, options.time_format, event)
        if options.time_format is not None:
            return layout
        return replace(layout, time_format=_format_of(layout.stamps(first), options.date_order))

    def stamps(self, frame: pd.DataFrame) -> pd.Series:
        """The column of stamps; a date and a time of day are joined."""
        if not self.time:
            return pd.Series(pd.NA, index=frame.index)
        if len(self.time) == 1:
            return frame[self.time[0]]
        date, time = (_as_text(frame[position]) for position in self.time)
        # a date may hold the time already, or midnight of a spreadsheet
        return date.str.replace(r"[ T]00:00:00(?:\.0+)?$", "", regex=True) + " " + time

    def block(self, frame: pd.DataFrame, first_row: int) -> tuple[Block, str]:
        """Rows of the table as frames, and their clock; errors name the row and the column.

        The rows are labelled by their places after ``first_row``.
        """
        levels = np.full((len(frame), THIRD_OCTAVE.n_bands), np.nan, dtype=np.float32)
        is_text = np.zeros(levels.shape, dtype=bool)
        for band, position in self.bands.columns.items():
            levels[:, band], is_text[:, band] = _numbers(frame[position])
        stamps = self.stamps(frame)
        without = np.isnan(levels).all(axis=1)
        if without.any():
            kept = ~self._is_left_out(frame, stamps, without, is_text, first_row)
            frame, stamps, levels, is_text = frame[kept], stamps[kept], levels[kept], is_text[kept]
        if is_text.any():
            row, band = (int(n[0]) for n in np.nonzero(is_text))
            position = self.bands.columns[band]
            raise ArchiveError(
                f"{self.where}, row {first_row + frame.index[row]}, column "
                f"{self.names[position]!r}: {str(frame[position].iloc[row]).strip()!r} is not a "
                "level in dB"
            )
        if self.bands.weighting != "Z":
            levels -= weighting_db(self.bands.weighting).astype(np.float32)
        if not self.time:
            return Block(None, levels), NO_CLOCK
        times_s, clock = to_seconds(
            stamps, time_format=self.time_format, first_row=first_row, where=self.where
        )
        return Block(times_s, levels), clock

    def _is_left_out(
        self,
        frame: pd.DataFrame,
        stamps: pd.Series,
        without: NDArray[np.bool_],
        is_text: NDArray[np.bool_],
        first_row: int,
    ) -> NDArray[np.bool_]:
        """Rows without levels that are none of the table's: events, repeated names, endings."""
        left_out = np.zeros(len(frame), dtype=bool)
        rows = np.flatnonzero(without)
        if self.event is not None:
            left_out[rows] = (_as_text(frame[self.event].iloc[rows]) != "").to_numpy(bool)
        text = _as_text(stamps.iloc[rows])
        is_stamp = (
            parsed(text, self.time_format).notna() | pd.to_numeric(text, errors="coerce").notna()
        )
        left_out[rows[~is_stamp.to_numpy(bool)]] = True
        for row in np.flatnonzero(left_out & (is_text.sum(axis=1) > len(self.bands.columns) / 2)):
            for band, position in self.bands.columns.items():
                named = band_of(frame[position].iloc[row])
                if named not in (None, band):
                    raise ArchiveError(
                        f"{self.where}, row {first_row + frame.index[row]}: the columns change: "
                        f"{self.names[position]!r} becomes {frame[position].iloc[row]!r}"
                    )
        return left_out


def _as_text(column: pd.Series) -> pd.Series:
    return column.astype("string").str.strip().fillna("")


def _numbers(column: pd.Series) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Levels of a column, NaN where there is none, and where text stands in their place."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(np.float32, na_value=np.nan), np.zeros(len(column), dtype=bool)
    text = column.astype("string").str.strip().replace("", pd.NA)
    numbers = pd.to_numeric(text, errors="coerce")
    if (numbers.isna() & text.notna()).any():  # a comma that the first rows did not have
        numbers = numbers.fillna(
            pd.to_numeric(text.str.replace(",", ".", regex=False), errors="coerce")
        )
    return (
        numbers.to_numpy(np.float32, na_value=np.nan),
        (numbers.isna() & text.notna()).to_numpy(bool),
    )


def _format_of(stamps: pd.Series, date_order: str) -> str | None:
    """The format of the first stamps; None for numbers, dates and ISO 8601."""
    if not pd.api.types.is_string_dtype(stamps) and not pd.api.types.is_object_dtype(stamps):
        return None
    text = _as_text(stamps)
    text = text[text != ""]
    numbers = pd.to_numeric(text, errors="coerce").notna()
    if text.empty or numbers.mean() > 0.5 or parsed(text, None).notna().mean() > 0.5:
        return None
    return form_of(text.tolist(), date_order)


def table_archive(
    path: Path,
    frames: Frames,
    names: Sequence[str],
    options: ReadOptions,
    n_frames: int | None,
    weighting: str = "",
) -> Archive:
    """The archive that ``frames`` give; ``weighting``: of all levels, as a line above says."""
    where = str(path)
    first = next(frames(), None)
    frames, sensors = of_sensor(frames, names, options, where)
    if first is None or not len(first[0]):
        find_bands(names, where, options.level)  # the names may be what is wrong
        raise ArchiveError(f"{path}: holds no rows of levels below its column names")
    layout = Layout.of(names, first[0], options, where)
    if weighting and layout.bands.weighting == "Z":
        layout = replace(layout, bands=replace(layout.bands, weighting=weighting))
    # where it is still asked whose rows there are, those of one sensor must not spoil all
    is_asked = sensors is not None and options.sensor is None
    clock = NO_CLOCK if is_asked else _clock(layout, frames)

    def blocks() -> Iterator[Block]:
        for frame, first_row in frames():
            block, block_clock = layout.block(frame, first_row)
            # a zone may show only in the first stamp; dates and plain seconds do not mix
            if (block_clock in (LOCAL, UTC)) != (clock in (LOCAL, UTC)) and len(block):
                raise ArchiveError(f"{path}: time stamps change from {clock} to {block_clock}")
            yield block

    understood = _understood(layout, first[0], options)
    return Archive(
        path, blocks, clock, tuple(layout.bands.columns), n_frames, understood,
        sensors=sensors, weighting=layout.bands.weighting,
    )  # fmt: skip


def _clock(layout: Layout, frames: Frames) -> str:
    """The clock of the first rows that hold levels."""
    for frame, first_row in frames():
        block, clock = layout.block(frame, first_row)
        if len(block):
            return clock
    raise ArchiveError(f"{layout.where}: holds no rows of levels below its column names")


def _understood(layout: Layout, first: pd.DataFrame, options: ReadOptions) -> dict[str, str]:
    """What was made of the names, for people."""
    bands = layout.bands
    found = list(bands.columns)
    ends = [str(layout.names[bands.columns[band]]) for band in (found[0], found[-1])]
    quantity = bands.quantity or "not named"
    if bands.weighting != "Z":
        quantity += f", {describe_weighting(bands.weighting)}"
    if bands.others:
        quantity += f" (--level chooses: there is {', '.join(bands.others)} too)"
    time = " and ".join(repr(layout.names[position]) for position in layout.time)
    if layout.time_format is not None:
        time += f" as {layout.time_format}"
        texts = _as_text(layout.stamps(first)).tolist()
        if options.time_format is None and is_order_open(texts, layout.time_format):
            time += " (day and month could change places: --time_format settles it)"
    return {
        "bands": f"{len(found)}, {band_name(found[0])} to {band_name(found[-1])}, in columns "
        f"{ends[0]!r} to {ends[1]!r}",
        "quantity": quantity,
        "time": time,
    }
