"""Levels as JSON: a record a line, or a document that holds records.

A record has a time and a key for each band with a level, or several that follow each other; or an
array of 29 levels. So it comes from OnoSensor, NoiseCapture (GeoJSON), SensorThings and MQTT.
"""

import gzip
import json
import logging
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from archives.acoustics import describe_weighting, weighting_db
from archives.columns import TIME_NAMES, Bands, band_name, band_of, find_bands, plain
from archives.frames import ALL_BANDS, FRAME_S, NO_CLOCK, Archive, ArchiveError, Block
from archives.options import ReadOptions
from archives.stamps import form_of, parsed, to_seconds
from archives.text_lines import LONGEST_LINE
from transcoder.doors import reading
from transcoder.settings import THIRD_OCTAVE

logger = logging.getLogger(__name__)

_NESTED = ("properties", "result", "payload", "fields", "values", "levels", "data", "object")
_ENDS = ("date end", "end", "end time", "endtime", "stop", "time end")
_SENSORS = ("hwa", "sensor", "sensor id", "sensorid", "device", "device id", "deviceid",
            "dev eui", "deveui", "devicename", "node", "node id", "station")  # fmt: skip
_RECORDS = 600  # read at once
_LARGEST_DOCUMENT = 100_000_000  # characters that are not lines: read as a whole
_N_BANDS = THIRD_OCTAVE.n_bands


def open_json(path: Path, options: ReadOptions) -> Archive:
    """A file of JSON lines, or one document of records (GeoJSON, a list), plain or gzipped."""
    where = str(path)
    first = next(_records_of(path, options), None)
    if first is None:
        raise ArchiveError(f"{path}: holds no records")
    reader = RecordReader(first[1], options, f"{path}, row {first[0]}")

    def batches() -> Iterator[tuple[Block, str]]:
        records = _records_of(path, options)
        while some := list(islice(records, _RECORDS)):
            yield reader.block([record for _, record in some], [row for row, _ in some], where)

    def sensors() -> list[str]:
        key = options.sensor_column
        return sorted({str(record[key]) for _, record in _records(path) if key in record})

    _, clock = next(batches())
    return Archive(
        path, lambda: (block for block, _ in batches()), clock, reader.bands, None,
        reader.understood, sensors=sensors, weighting=reader.weighting,
    )  # fmt: skip


def parse_line(line: str, where: str) -> dict[str, Any]:
    """The record of a line; what stands in front of it (a topic of MQTT) counts as its sensor."""
    starts = [place for sign in "{[" if (place := line.find(sign)) >= 0]
    start = min(starts, default=0)
    try:
        record = json.loads(line[start:])
    except ValueError as error:
        raise ArchiveError(f"{where}: is no JSON: {error}") from None
    topic = line[:start].strip()
    record = _flat(record, where)
    return {"sensor": topic, **record} if topic else record


class RecordReader:
    """Makes frames of records like the first one."""

    def __init__(self, first: dict[str, Any], options: ReadOptions, where: str):
        self._options = options
        names = {plain(key): key for key in first}
        self._time = self._time_key(first, names, where)
        self._end = next((names[name] for name in _ENDS if name in names), None)
        self._sensor = next((names[name] for name in _SENSORS if name in names), None)
        self._sensor_is = first.get(self._sensor)
        self._format: str | None = options.time_format
        if self._time is not None and isinstance(first[self._time], str) and not self._format:
            stamp = first[self._time].partition("/")[0]
            if parsed(pd.Series([stamp]), None).isna().all():
                self._format = form_of([stamp], options.date_order)
        self._keys = [key for key, value in first.items() if _is_levels(value)
                      and key not in (self._time, self._end)]  # fmt: skip
        self._array = None
        if sum(band_of(key) is not None for key in self._keys) < _N_BANDS // 3:
            self._array = next((key for key in self._keys if _is_all_bands(first[key])), None)
        if self._array is not None:
            self._found = Bands({}, "", "Z")
            self.bands = ALL_BANDS
        else:
            self._found = find_bands(self._keys, where, options.level)
            self.bands = tuple(self._found.columns)

    @property
    def weighting(self) -> str:
        """That the levels had, before they were turned back."""
        return self._found.weighting

    @property
    def understood(self) -> dict[str, str]:
        ends = [band_name(band) for band in (self.bands[0], self.bands[-1])]
        source = f"an array {self._array!r}" if self._array else "a key each"
        turned = describe_weighting(self.weighting)
        return {
            "bands": f"{len(self.bands)}, {ends[0]} to {ends[1]}, {source}",
            "quantity": ", ".join(filter(None, (self._found.quantity or "not named", turned))),
            "time": repr(self._time) if self._time else "none",
        }

    def block(
        self, records: Sequence[dict[str, Any]], rows: Sequence[int], where: str
    ) -> tuple[Block, str]:
        """The frames of ``records``, which stand in ``rows``, and their clock."""
        parts = []
        for record, row in zip(records, rows, strict=True):
            sensor = record.get(self._sensor)
            if sensor != self._sensor_is:
                raise ArchiveError(
                    f"{where}, row {row}: is from {sensor!r}, those before from "
                    f"{self._sensor_is!r}: give one sensor at a time, or --network {self._sensor}"
                )
            parts.append(self._levels(record, f"{where}, row {row}"))
        levels = np.concatenate(parts)
        if self._found.weighting != "Z":
            levels -= weighting_db(self._found.weighting).astype(np.float32)
        if self._time is None:
            return Block(None, levels), NO_CLOCK
        begins, clock = self._seconds([record.get(self._time) for record in records], rows, where)
        ends = self._ends(records, rows, where)
        counts = np.array([len(part) for part in parts])
        steps = np.where(
            np.isfinite(ends), np.round(ends - begins, 2) / counts, self._options.step_s or FRAME_S
        )
        first = np.cumsum(counts) - counts
        within = np.arange(len(levels)) - np.repeat(first, counts)
        times = np.repeat(begins, counts) + within * np.repeat(steps, counts)
        return Block(times, levels), clock

    def _ends(self, records: Sequence[dict], rows: Sequence[int], where: str) -> NDArray:
        if self._end is not None:
            return self._seconds([record.get(self._end) for record in records], rows, where)[0]
        texts = [str(record.get(self._time)) for record in records]
        if all("/" in text and "T" in text.partition("/")[2] for text in texts):
            return self._seconds([text.partition("/")[2] for text in texts], rows, where)[0]
        return np.full(len(records), np.nan)

    def _seconds(
        self, stamps: list, rows: Sequence[int], where: str
    ) -> tuple[NDArray[np.float64], str]:
        is_interval = self._format is None
        texts = [
            stamp.partition("/")[0] if is_interval and isinstance(stamp, str) else stamp
            for stamp in stamps
        ]
        if not all(isinstance(text, int | float) for text in texts):
            texts = [None if text is None else str(text) for text in texts]
        return to_seconds(
            pd.Series(texts), time_format=self._format, first_row=rows[0], where=where
        )

    def _levels(self, record: dict[str, Any], where: str) -> NDArray[np.float32]:
        """``(n, 29)`` of a record."""
        if self._array is not None:
            values = _numbers(record.get(self._array), where)
            if len(values) % _N_BANDS:
                raise ArchiveError(f"{where}: {len(values)} levels, not {_N_BANDS}")
            return values.reshape(-1, _N_BANDS)
        values = {
            band: _numbers(record.get(self._keys[place]), f"{where}, {self._keys[place]!r}")
            for band, place in self._found.columns.items()
        }
        lengths = {len(value) for value in values.values()}
        if len(lengths) > 1:
            raise ArchiveError(f"{where}: has {min(lengths)} to {max(lengths)} levels a band")
        levels = np.full((lengths.pop(), _N_BANDS), np.nan, dtype=np.float32)
        for band, value in values.items():
            levels[:, band] = value
        return levels

    def _time_key(self, first: dict, names: dict[str, str], where: str) -> str | None:
        given = self._options.time_column
        if given is not None:
            if given not in first:
                raise ArchiveError(f"{where}: no key {given!r}; it has {', '.join(first)}")
            return given
        return next((names[name] for name in TIME_NAMES if name in names), None)


def _records_of(path: Path, options: ReadOptions) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of the sensor that ``options`` want, or of the first one that there is."""
    key, wanted = options.sensor_column, options.sensor
    for row, record in _records(path):
        if key is not None:
            if key not in record:
                raise ArchiveError(f"{path}, row {row}: no key {key!r}; it has {', '.join(record)}")
            wanted = str(record[key]) if wanted is None else wanted
            if str(record[key]) != wanted:
                continue
        yield row, record


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Records and the rows that they stand in."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with (
        reading(path, "cannot be read", ArchiveError),
        opener(path, "rt", encoding="utf-8-sig", errors="replace") as file,
    ):
        first = file.readline(_LARGEST_DOCUMENT)
        if _is_line(first):
            lines = chain([first], iter(lambda: file.readline(LONGEST_LINE), ""))
            yield from _parsed_lines(enumerate(lines, start=1), path)
            return
        text = first + file.read(_LARGEST_DOCUMENT)
    if len(text) >= _LARGEST_DOCUMENT:
        raise ArchiveError(f"{path}: is too large for one document; give a JSON record a line")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ArchiveError(f"{path}: is no JSON: {error}") from None
    records = document.get("features", [document]) if isinstance(document, dict) else document
    for number, record in enumerate(records, start=1):
        yield number, _flat(record, f"{path}, record {number}")


def _parsed_lines(lines, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for row, line in lines:
        if len(line) >= LONGEST_LINE:
            raise ArchiveError(f"{path}, row {row}: is longer than {LONGEST_LINE} characters")
        if not line.strip():
            continue
        try:
            yield row, parse_line(line, f"{path}, row {row}")
        except ArchiveError as error:
            if line.endswith("\n"):
                raise
            logger.warning("%s; the file's last line is not complete yet", error)


def _is_line(text: str) -> bool:
    """Whether a first line is a record of its own."""
    try:
        record = json.loads(text[max(text.find("{"), 0) :])
    except ValueError:
        return False
    return isinstance(record, dict) and "features" not in record


def _flat(record: Any, where: str) -> dict[str, Any]:
    """A record with the keys of the tables within it; an array alone are its levels."""
    if isinstance(record, list):
        return {"levels": record}
    if not isinstance(record, dict):
        raise ArchiveError(f"{where}: is no record of names and values")
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and plain(key) in _NESTED:
            flat.update(_flat(value, where))
        else:
            flat[key] = value
    return flat


def _is_levels(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_is_levels(item) or item is None for item in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_all_bands(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    return all(_is_all_bands(item) for item in value) if isinstance(value[0], list) else (
        len(value) == _N_BANDS
    )  # fmt: skip


def _numbers(value: Any, where: str) -> NDArray[np.float32]:
    try:
        return np.array(np.nan if value is None else value, dtype=np.float32).reshape(-1)
    except (TypeError, ValueError):
        raise ArchiveError(f"{where}: {str(value)[:40]!r} is not a level in dB") from None
