"""The results of a network, read again: for the README beside them, for a page, for programs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from archives.digest import Digest
from archives.inputs import SENSOR_TABLE
from archives.presence import Presence
from archives.sensor_table import SensorInfo, read_sensor_table

_PLACE_NAMES = (("lat", "latitude"), ("long", "longitude", "lon", "lng"))


@dataclass(frozen=True, eq=False)
class SensorResults:
    """What a sensor has: ``reports`` of its files (see `classify.classify_archive`), by name.

    The ``job`` of the first one stands for those of all: they are long, and files are many.
    """

    output: Path
    info: SensorInfo
    reports: tuple[tuple[Path, dict], ...]

    @property
    def files(self) -> list[Path]:
        """The files of the data set, in order."""
        return sorted({self.output / name for _, report in self.reports
                       for name in report["results"]})  # fmt: skip

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

    def presences(self) -> Iterator[Presence]:
        """Of each file, in order of the files' names."""
        for path, _ in self.reports:
            yield Presence.load(path.with_name(f"{path.stem}_presence.npz"))

    def digests(self) -> Iterator[Digest]:
        """Of each file, in order of the files' names."""
        for path, _ in self.reports:
            yield Digest.load(path.with_name(f"{path.stem}_digest.npz"))

    def presence(self) -> Presence:
        """Of all files together."""
        whole = None
        for presence in self.presences():
            whole = whole or Presence(presence.names, presence.width_s)
            whole.merge(presence)
        return whole


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
            fleet.append(SensorResults(output, _with_place(info, reports[0][1]), reports))
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
