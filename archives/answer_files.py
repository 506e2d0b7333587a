"""What is written of a run beside the classes: tables of hours and days, and the page."""

import contextlib
import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from archives.agreement import find_agreement
from archives.classify import Result
from archives.digest import Digest
from archives.fleet_results import SensorResults
from archives.frames import LOCAL, UTC
from archives.inputs import DAYS, HOURS, PAGE
from archives.level_tables import day_rows, hour_rows
from archives.networks import Loaded
from archives.options import Choice
from archives.page.network_page import About, answer_of, write_page
from archives.page.views import Sensor, shown
from transcoder.files import atomic_path

RELATIVE_NOTE = (
    "Levels are relative: nobody said what the sensor's numbers stand for, so they are shown as it "
    "stored them. Differences hold; LAeq and Lden are sound pressure levels only if the sensor is "
    "calibrated."
)
_UTC_NOTE = "Hours and days are those of UTC; the option --time_zone makes them local."


def write_answers(output: Path, sensors: Iterable[Sensor], about: About) -> list[str]:
    """Write the tables and the page of ``sensors``, of which one is held at a time.

    Gives lines for people: what was heard, and what was written. Without dates there is no table
    of days.
    """
    paths = [output / name for name in (HOURS, DAYS, PAGE)]
    seen = []
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(_table(path)) for path in paths[:2]]
        for sensor in sensors:
            digest, kind = sensor.digest, sensor.kind
            _append(files[0], sensor, hour_rows(digest, kind=kind, has_dates=sensor.has_dates))
            if sensor.has_dates:
                _append(files[1], sensor, day_rows(digest, kind=kind, zone=sensor.zone))
            seen.append(shown(sensor))
    if not any(one.has_dates for one in seen):
        paths.pop(1).unlink()
    write_page(output / PAGE, seen, about)
    return [answer_of(seen), *(f"wrote {path}" for path in paths)]


@contextlib.contextmanager
def _table(path: Path) -> Iterator[TextIO]:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        yield file


def _append(file: TextIO, sensor: Sensor, rows: Iterator[dict]) -> None:
    """Write rows of CSV; those that come first name the columns."""
    rows = ({"sensor": sensor.name, **row} for row in rows)
    for first in rows:
        writer = csv.DictWriter(file, list(first), lineterminator="\n")
        if not file.tell():
            writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)


def sensors_of_run(
    results: Sequence[tuple[str, Result]], zone: ZoneInfo | None, *, is_relative: bool
) -> Iterator[Sensor]:
    """All archives with dates as one sensor's, each without by itself; by the results' names."""
    together: dict[str, list[tuple[str, Result]]] = {}
    for name, result in results:
        clock = result.report["clock"]
        together.setdefault(clock if clock in (LOCAL, UTC) else name, []).append((name, result))
    for members in together.values():
        reports = [result.report for _, result in members]
        name = members[0][0] if len(members) == 1 else f"{len(members)} archives"
        digest = _merged(result.digest for _, result in members)
        yield _sensor(name, digest, reports, zone, is_relative)


def sensors_of_fleet(
    fleet: Iterable[SensorResults], zone: ZoneInfo | None, *, is_relative: bool
) -> Iterator[Sensor]:
    """The sensors of a network, with their places."""
    for results in fleet:
        info, reports = results.info, [report for _, report in results.reports]
        found = _sensor(info.sensor, _merged(results.digests()), reports, zone, is_relative)
        yield replace(found, latitude=info.latitude, longitude=info.longitude, label=info.name)


def _sensor(
    name: str,
    digest: Digest,
    reports: Sequence[dict],
    zone: ZoneInfo | None,
    is_relative: bool,
) -> Sensor:
    clock = reports[0]["clock"]
    notes = sorted({report["note"] for report in reports if report["note"]})
    if is_relative or any(report["offset_db"] == 0 for report in reports):
        notes.append(RELATIVE_NOTE)
    if clock == UTC and zone is None:
        notes.append(_UTC_NOTE)
    return Sensor(
        name,
        digest.localised(zone if clock == UTC else None),
        clock,
        kind=reports[0]["groups_are"],
        zone=zone,
        notes=notes,
    )


def _merged(digests: Iterable[Digest]) -> Digest:
    whole = None
    for digest in digests:
        if whole is None:
            whole = digest
        else:
            whole.merge(digest)
    return whole


def about_page(title: str, choice: Choice, loaded: Loaded) -> About:
    """What the page says of how it was made."""
    made_by = "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in loaded.about.items())
    note = f"{loaded.note[0].upper()}{loaded.note[1:]}."
    return About(title, f"Made by {made_by}.", note, find_agreement(choice.models, loaded.way))
