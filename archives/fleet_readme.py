"""The README beside the data set of a network: how to read it, and what its columns are."""

from collections.abc import Sequence
from pathlib import Path

from archives.data_set import COLUMNS
from archives.fleet_results import SensorResults
from archives.inputs import DATA_SET
from archives.presence_map import PRESENCE
from transcoder.files import atomic_write_text

_READING = f"""\
`{DATA_SET}/` is one table in many files (Parquet, a folder for each sensor and month):

```python
pandas.read_parquet("{DATA_SET}")                                     # pyarrow beneath
duckdb.sql("FROM read_parquet('{DATA_SET}/**/*.parquet', hive_partitioning = true)")
polars.scan_parquet("{DATA_SET}/**/*.parquet", hive_partitioning=True)
```

With `filters=[("sensor", "==", "...")]` (a `WHERE`, a `.filter`) only that sensor's files are read.
Names of sensors that are all digits come as numbers.
"""


_PRESENCE = (
    "share of the row in which the group was there, 0 to 1, estimated by the calibration below"
)


def write_readme(output: Path, fleet: Sequence[SensorResults]) -> None:
    """Write ``README.md`` into the folder of results, of what is in it now."""
    if fleet:
        atomic_write_text(output / "README.md", "\n".join(_lines(fleet)))


def _lines(fleet: Sequence[SensorResults]) -> list[str]:
    first = fleet[0].reports[0][1]
    job = first["job"]
    lines = ["# What was heard by a network of sensors", "", _READING]
    lines += ["| column | what it is |", "| --- | --- |"]
    lines += [f"| `{name}` | {text} |" for name, text in COLUMNS.items()]
    if first["groups_are"] == PRESENCE:
        lines += [f"| `{name}_presence` | {_PRESENCE} |" for name in first["groups"]]
    lines += [f"| {name} | {text} |" for name, text in _class_columns(job)]
    lines += ["", f"A row is {job['unit_s']} s long.", "", "## Made by", ""]
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in job["about"].items()]
    lines += ["", "## Sensors", "", "| sensor | files | hours | clock | offset | notes |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for results in fleet:
        offsets = sorted({report["offset_db"] for _, report in results.reports})
        cells = (
            results.info.sensor,
            str(len(results.reports)),
            f"{results.seconds / 3600:.2f}",
            results.clock,
            " and ".join(f"{offset:+g} dB" for offset in offsets),
            "; ".join(results.notes),
        )
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return [*lines, ""]


def _class_columns(job: dict) -> list[tuple[str, str]]:
    if job["top_k"] is not None:
        k = job["top_k"]
        return [
            (f"`class_1` ... `class_{k}`", "names of the most probable classes, best first"),
            (f"`probability_1` ... `probability_{k}`", "their probabilities, 0 to 1"),
        ]
    names = job["names"]
    what = "probability, 0 to 1, of the class"
    if job["groups"] is not None:
        what = "probability, 0 to 1: the highest of the group's classes"
    if len(names) <= 20:
        return [(f"`{name}`", what) for name in names]
    return [(f"`{names[0]}` ... `{names[-1]}`", f"{len(names)} columns: {what} of that name")]
