"""The results of a network as one table: a data set of Parquet, a folder for each sensor and month.

``classes/sensor=.../month=.../<archive>.parquet``: pandas, DuckDB and Polars take the folders for
columns of the table.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import numpy as np

from archives.frames import ArchiveError
from archives.inputs import DATA_SET
from archives.parts import Rows
from archives.writers import Description, result_columns
from transcoder.files import atomic_path, remove_temporary

COLUMNS = {
    "sensor": "name of the sensor (its folder)",
    "month": "year and month of `time` (its folder)",
    "time": "of the first frame, in the zone that `clock` says",
    "clock": "`utc`, or `local`: as the sensor's stamps are, which name no zone",
    "coverage": "share of the row that there are levels for, 0 to 1",
    "segment": "number of the stretch without gaps within its file, from 0",
    "LAeq": "A-weighted level, dB as the sensor stored them: energy mean, bands from 20 Hz to "
    "12.5 kHz",
    "note": "what was done to levels that the networks cannot take as they are (averaged to "
    "125 ms, turned back from A weighting...); empty where nothing was",
}
"""What the columns beside the classes are."""

_LONGEST_FOLDER = 200  # bytes; file systems allow 255


def sensor_folder(sensor: str) -> str:
    """The folder of a sensor, whatever signs its name has.

    Raises
    ------
    ArchiveError
        If the name is empty, or too long for a folder.
    """
    quoted = quote(sensor, safe=" ")
    if not sensor.strip() or len(quoted) > _LONGEST_FOLDER:
        raise ArchiveError(f"{sensor[:60]!r} cannot be the name of a sensor")
    return f"sensor={quoted}"


def write_partitions(
    output: Path, sensor: str, name: str, parts: Iterable[Rows], description: Description
) -> list[Path]:
    """Write the results of one archive, ``parts``, as a file for each month.

    They take their places when all are complete. Returns their paths, in order.
    """
    import pyarrow.parquet as parquet

    root = output / DATA_SET / sensor_folder(sensor)
    remove_temporary(*(month / f"{name}.parquet" for month in root.glob("month=*")))
    with contextlib.ExitStack() as stack:
        writers: dict[str, parquet.ParquetWriter] = {}
        for rows in parts:
            table = _table(rows, description)
            months = table["time"].to_numpy().astype("datetime64[M]")
            for month in np.unique(months):
                if (key := str(month)) not in writers:
                    path = stack.enter_context(atomic_path(_file(root, key, name)))
                    writer = parquet.ParquetWriter(path, table.schema, compression="zstd")
                    writers[key] = stack.enter_context(writer)
                writers[key].write_table(table.filter(months == month))
    return [_file(root, month, name) for month in sorted(writers)]


def _file(root: Path, month: str, name: str) -> Path:
    return root / f"month={month}" / f"{name}.parquet"


def _table(rows: Rows, description: Description):
    """The same columns, of the same types, for all sensors of a network."""
    import pyarrow as pa

    columns = result_columns(rows, description)
    time = columns.pop("time").cast(pa.timestamp("ms"))
    n = len(rows)
    note = pa.array([description.about.get("note")] * n, pa.string())
    fixed = {
        "time": time,
        "clock": pa.array([description.clock] * n),
        "coverage": columns.pop("coverage"),
        "segment": columns.pop("segment"),
        "note": note,
    }
    return pa.table(fixed | columns).replace_schema_metadata(description.about)
