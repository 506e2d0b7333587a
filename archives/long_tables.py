"""Tables with a level a row, as InfluxDB exports them: a time, the name of a field, its value."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from archives.columns import find_time_columns, plain
from archives.frames import BLOCK_FRAMES, Archive, ArchiveError
from archives.options import ReadOptions
from archives.sensor_rows import Frames, of_sensor
from archives.tables import table_archive

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
