"""The results of a network, read again: for the page, and for the README beside them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from archives.digest import Digest
from archives.inputs import DATA_SET, SENSOR_TABLE
from archives.presence_map import PRESENCE
from archives.sensor_table import SensorInfo, read_sensor_table
from transcoder.files import atomic_write_text

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

_PLACE_NAMES = (("lat", "latitude"), ("long", "longitude", "lon", "lng"))


@dataclass(frozen=True, eq=False)
class SensorResults:
    """What a sensor has: ``reports`` of its files (see `classify.classify_archive`), by name.

    The ``job`` of the first one stands for those of all: they are long, and files are many.
    """

    info: SensorInfo
    reports: tuple[tuple[Path, dict], ...]

    @property
    def seconds(self) -> float:
        return sum(report["seconds"] for _, report in self.reports)

    @property
    def clock(self) -> str:
        return self.reports[0][1]["clock"]

    @property
    def notes(self) -> list[str]:
        """What was done to levels, each once."""
        return sorted({report["note"] for _, report in self.reports if report["note"]})

    def digests(self) -> Iterator[Digest]:
        """Of each file, in order of the files' names."""
        for path, _ in self.reports:
            yield Digest.load(path.with_name(f"{path.stem}_digest.npz"))


def read_fleet(output: Path) -> list[SensorResults]:
    """The sensors that have results in ``output``, in order of their names.

    What the table beside them does not say of a place, the attributes of the files may.
    """
    table = output / SENSOR_TABLE
    known = read_sensor_table(table) if table.is_file() else {}
    fleet = []
    for folder in sorted((output / "reports").glob("sensor=*")):
        sensor = unquote(folder.name.removeprefix("sensor="))
        paths = sorted(folder.glob("*.json"))
        reports = tuple((path, _report(path, n == 0)) for n, path in enumerate(paths))
        if reports:
            info = known.get(sensor, SensorInfo(sensor))
            fleet.append(SensorResults(_with_place(info, reports[0][1]), reports))
    return fleet


def _report(path: Path, with_job: bool) -> dict:
    report = json.loads(path.read_text(encoding="utf-8"))
    if not with_job:
        del report["job"]
    return report


def _with_place(info: SensorInfo, report: dict) -> SensorInfo:
    """``info`` with the place that the file's attributes tell, if it has none."""
    attributes = {key.casefold(): value for key, value in report["attributes"].items()}
    found = [next((attributes[n] for n in names if n in attributes), None)
             for names in _PLACE_NAMES]  # fmt: skip
    if info.latitude is not None or None in found:
        return info
    try:
        latitude, longitude = map(float, found)
    except ValueError:
        return info
    return replace(info, latitude=latitude, longitude=longitude)


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
