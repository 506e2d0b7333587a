"""What is known of each sensor of a network: a table of places and offsets."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from transcoder.class_tables import table_rows
from transcoder.errors import UserError
from transcoder.files import atomic_write_text, csv_text

_NUMBERS = {"latitude": 90.0, "longitude": 180.0, "offset_db": 500.0}  # and their largest values


@dataclass(frozen=True)
class SensorInfo:
    """A row of the table; everything but ``sensor``, the name in the data set, may be missing."""

    sensor: str
    name: str = ""  # for people
    latitude: float | None = None  # degrees north
    longitude: float | None = None  # degrees east
    offset_db: float | None = None  # added to its levels, for the networks' scale


COLUMNS = tuple(field.name for field in fields(SensorInfo))


def read_sensor_table(path: Path, *, needs: tuple[str, ...] = ()) -> dict[str, SensorInfo]:
    """The sensors of a table (.csv, comma or semicolon, or .xlsx), by their names.

    It has a column ``sensor`` and those that it ``needs``; others of `COLUMNS` are read where they
    are there.

    Raises
    ------
    UserError
        Naming file and row of what is no number, or of a sensor that comes twice.
    """
    needed = ("sensor", *needs)
    optional = tuple(name for name in COLUMNS if name not in needed)
    found: dict[str, SensorInfo] = {}
    for row, cells in table_rows(path, needed, optional=optional):
        where = f"{path}, row {row}"
        values = dict(zip((*needed, *optional), cells, strict=True))
        for name in needed:
            if not values[name]:
                raise UserError(f"{where}: no {name}")
        if values["sensor"] in found:
            raise UserError(f"{where}: sensor {values['sensor']!r} comes twice")
        numbers = {name: _number(values[name], name, where) for name in _NUMBERS}
        if (numbers["latitude"] is None) != (numbers["longitude"] is None):
            raise UserError(f"{where}: latitude and longitude come together")
        found[values["sensor"]] = SensorInfo(values["sensor"], values["name"], **numbers)
    if not found:
        raise UserError(f"{path}: holds no sensors")
    return found


def with_offsets(
    sensors: dict[str, SensorInfo], offsets: dict[str, SensorInfo]
) -> dict[str, SensorInfo]:
    """``sensors`` with what ``offsets`` says of their offsets, and those that it alone has."""
    merged = dict(sensors)
    for name, info in offsets.items():
        known = merged.get(name, SensorInfo(name))
        merged[name] = replace(known, offset_db=info.offset_db)
    return merged


def write_sensor_table(
    path: Path, sensors: Iterable[SensorInfo], columns: tuple[str, ...] = COLUMNS
) -> None:
    """Write ``columns`` of the sensors as CSV, as `read_sensor_table` reads it."""
    rows = ([getattr(info, name) for name in columns] for info in sensors)
    atomic_write_text(path, csv_text(columns, rows))


def _number(text: str, name: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        raise UserError(f"{where}: {name} {text!r} is not a number") from None
    if not math.isfinite(value) or abs(value) > _NUMBERS[name]:
        raise UserError(f"{where}: {name} {text} cannot be")
    return value
