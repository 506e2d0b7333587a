"""Results as one file, HDF5, Parquet or CSV, or as a network's data set; written part by part."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from archives.answers import Rows
from archives.frames import LOCAL, UTC
from archives.inputs import DATA_SET, sensor_folder
from archives.presence_map import PRESENCE, GroupEstimate
from archives.selection import Selection
from transcoder.files import atomic_path, remove_temporary

_CHUNK_ROWS = 256  # of HDF5: half a megabyte of all classes, which fits its cache


@dataclass(frozen=True, eq=False)
class Description:
    """What a file of results says about itself."""

    selection: Selection
    clock: str
    unit_s: int
    about: dict[str, str]  # classifier, weights, transcoder, offset...
    estimate: GroupEstimate | None = None  # what the rows' groups are

    @property
    def present_groups(self) -> tuple[str, ...]:
        """The groups whose presence is known; probabilities of groups are no answer of rows."""
        is_known = self.estimate is not None and self.estimate.kind == PRESENCE
        return self.estimate.names if is_known else ()


def write_rows(path: Path, parts: Iterable[Rows], description: Description) -> Path:
    """Write ``parts`` to ``path`` atomically and give it; its suffix is of `options.FORMATS`."""
    if path.suffix == ".h5":
        _write_hdf5(path, parts, description)
        return path
    writer = {".parquet": _write_parquet, ".csv": _write_csv}[path.suffix]
    # an open file, as pyarrow takes no name that is no text
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        writer(file, parts, description)
    return path


def _write_hdf5(path: Path, parts: Iterable[Rows], description: Description) -> None:
    """``time``, ``coverage``, ``segment``, ``LAeq``, ``probabilities`` of ``names``.

    Perhaps ``classes``: which of the names they are of; and ``presence`` of ``presence_names``.
    """
    from transcoder.hdf5_files import written_hdf5

    with written_hdf5(path, track_order=True) as file:
        file.attrs.update({**description.about, "unit_s": description.unit_s})
        file["names"] = [name.encode() for name in description.selection.names]
        present = description.present_groups
        if present:
            file["presence_names"] = [name.encode() for name in present]
        for rows in parts:
            arrays = {
                "time": rows.times_s,
                "coverage": rows.coverage,
                "segment": rows.segment.astype(np.int32),
                "probabilities": rows.values,
            }
            if len(rows.laeq_db):
                arrays["LAeq"] = rows.laeq_db
            if present:
                arrays["presence"] = rows.groups
            if rows.are_ranked:
                arrays["classes"] = rows.indices
            for name, values in arrays.items():
                _extend(file, name, values)
            file.check()
        unit = "seconds since 1970-01-01" if description.clock in (LOCAL, UTC) else "seconds"
        file["time"].attrs["unit"] = f"{unit} (clock: {description.clock})"


def _extend(file, name: str, values: np.ndarray) -> None:
    if name not in file:
        file.create_dataset(
            name,
            data=values,
            maxshape=(None, *values.shape[1:]),
            chunks=(_CHUNK_ROWS, *values.shape[1:]),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        return
    data = file[name]
    data.resize(len(data) + len(values), axis=0)
    data[-len(values) :] = values


def _write_parquet(file: BinaryIO, parts: Iterable[Rows], description: Description) -> None:
    import pyarrow.parquet as parquet

    tables = (_table(rows, description) for rows in parts)
    _write_tables(tables, lambda schema: parquet.ParquetWriter(file, schema, compression="zstd"))


def _write_csv(file: BinaryIO, parts: Iterable[Rows], description: Description) -> None:
    from pyarrow import csv

    tables = (_rounded(_table(rows, description)) for rows in parts)
    _write_tables(tables, lambda schema: csv.CSVWriter(file, schema))


def _write_tables(tables: Iterator, open_writer: Callable) -> None:
    first = next(tables)
    with open_writer(first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)


def _rounded(table):
    """Six digits say all that a probability holds."""
    import pyarrow as pa
    import pyarrow.compute as compute

    for number, column in enumerate(table.columns):
        if column.type == pa.float32():
            values = compute.round(column.cast(pa.float64()), 6)
            table = table.set_column(number, table.column_names[number], values)
    return table


def write_partitions(
    output: Path, sensor: str, name: str, parts: Iterable[Rows], description: Description
) -> list[Path]:
    """Write the results of one archive of a network, ``parts``, as a file for each month.

    ``classes/sensor=.../month=.../<archive>.parquet``: pandas, DuckDB and Polars take the folders
    for columns of one table. The files take their places when all are complete. Returns their
    paths, in order.
    """
    import pyarrow.parquet as parquet

    root = output / DATA_SET / sensor_folder(sensor)
    remove_temporary(*(month / f"{name}.parquet" for month in root.glob("month=*")))
    paths: dict[str, Path] = {}
    with contextlib.ExitStack() as stack:
        writers: dict[str, parquet.ParquetWriter] = {}
        for rows in parts:
            table = _partition_table(rows, description)
            months = table["time"].to_numpy().astype("datetime64[M]")
            for month in np.unique(months):
                if (key := str(month)) not in writers:
                    paths[key] = root / f"month={key}" / f"{name}.parquet"
                    path = stack.enter_context(atomic_path(paths[key]))
                    writer = parquet.ParquetWriter(path, table.schema, compression="zstd")
                    writers[key] = stack.enter_context(writer)
                writers[key].write_table(table.filter(months == month))
    return [paths[month] for month in sorted(paths)]


def _partition_table(rows: Rows, description: Description):
    """The same columns, of the same types, for all sensors of a network."""
    import pyarrow as pa

    columns = result_columns(rows, description)
    fixed = {
        "time": columns.pop("time").cast(pa.timestamp("ms")),
        "clock": pa.array([description.clock] * len(rows)),
        "coverage": columns.pop("coverage"),
        "segment": columns.pop("segment"),
        "note": pa.array([description.about.get("note")] * len(rows), pa.string()),
    }
    return pa.table(fixed | columns).replace_schema_metadata(description.about)


def _table(rows: Rows, description: Description):
    """The columns of the results; a note on the levels is one of them, where there is one."""
    import pyarrow as pa

    columns = result_columns(rows, description)
    if "note" in description.about:
        columns["note"] = pa.array([description.about["note"]] * len(rows))
    return pa.table(columns).replace_schema_metadata(description.about)


def result_columns(rows: Rows, description: Description) -> dict:
    """Columns for the time, the level and presence; one for each class, or each of the best."""
    import pyarrow as pa

    if description.clock in (LOCAL, UTC):
        stamps = np.rint(rows.times_s * 1000).astype("datetime64[ms]")
        zone = "UTC" if description.clock == UTC else None
        columns = {"time": pa.array(stamps, pa.timestamp("ms", tz=zone))}
    else:
        columns = {"time_s": pa.array(rows.times_s)}
    columns["coverage"] = pa.array(rows.coverage)
    columns["segment"] = pa.array(rows.segment.astype(np.int32))
    if len(rows.laeq_db):
        columns["LAeq"] = pa.array(rows.laeq_db)
    for name, values in zip(description.present_groups, rows.groups.T, strict=False):
        columns[f"{name}_presence"] = pa.array(values)
    names = np.array(description.selection.names)
    for number, values in enumerate(rows.values.T):
        if rows.are_ranked:
            columns[f"class_{number + 1}"] = pa.array(names[rows.indices[:, number]].tolist())
            columns[f"probability_{number + 1}"] = pa.array(values)
        else:
            columns[str(names[number])] = pa.array(values)
    return columns
