"""What is said about archives beside their names, and what tells their classes; nothing heavy.

To add a maker whose files are read but need something said, add a line to `SENSORS`; a new kind of
file gets a reader of its own and a line in `open_archive`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

FORMATS = ("h5", "parquet", "csv")
"""Of files of results."""

MISSING_BAND_DB = -40.0
"""Level for bands that an archive lacks, on the networks' scale: about the quietest percent of a
low band in peak-normalised recordings."""


DEFAULT_WINDOW_S = {"YamNet": 1, "PANN": 10}
"""Seconds classified as one: each for YAMNet; PANN was trained on clips of 10 s."""


@dataclass(frozen=True)
class ReadOptions:
    """What a file does not tell about itself, or should be taken otherwise."""

    data_set: str = "fast_125ms"  # of .h5 and .npz
    time_column: str | None = None  # of tables; by default the one that is named like it
    time_format: str | None = None  # of strptime; by default what the first stamps show
    step_s: float | None = None  # from frame to frame, where there are no stamps; else 125 ms
    allow_slow: bool = False  # take steps of up to a second
    level: str | None = None  # the quantity that is read where there are several
    sensor_column: str | None = None  # or key, or attribute, that says whose levels they are
    sensor: str | None = None  # the one whose levels are read
    date_order: str = "dmy"  # or "mdy": of dates such as 03/04/2024, where nothing shows it


SENSORS = {
    "cense": ReadOptions(),
    "nti": ReadOptions(level="LZeq"),
    "svantek": ReadOptions(level="LZeq"),
    "larson-davis": ReadOptions(level="LZeq", date_order="mdy"),
    "bk": ReadOptions(level="LZeq"),
    "01db": ReadOptions(),
    "rion": ReadOptions(),
    "casella": ReadOptions(level="LZeq"),
    "onosensor": ReadOptions(step_s=0.125),
    "noisecapture": ReadOptions(allow_slow=True),  # it knows nothing but seconds
    "influxdb": ReadOptions(),
}
"""What a maker's files need said, where it differs from the usual."""

# CENSE: the programs that its data were published with add -94 dB (sound pressure level to full
# scale) and then the transform's 26 dB
OFFSETS_DB = {"cense": -68.0}
"""From a sensor's levels to those of full-scale audio, where it is known."""


def with_sensor(read: ReadOptions, name: str | None) -> ReadOptions:
    """``read`` with what the sensor ``name`` needs, where nothing else was said."""
    if name is None:
        return read
    sensor = SENSORS[name]
    return replace(
        read,
        level=read.level or sensor.level,
        date_order=sensor.date_order,
        step_s=read.step_s or sensor.step_s,
        allow_slow=read.allow_slow or sensor.allow_slow,
    )


@dataclass(frozen=True)
class Choice:
    """What tells the classes and what is kept of them, as the command line names it."""

    classifier: str
    method: str
    models: Path
    weights: Path | None
    device: str
    draws: int
    groups: str | None
    top_k: int | None
    window_s: int | None = None
    calibration: str | None = None  # a file, or "none"; else what comes with the models

    @property
    def unit_s(self) -> int:
        """Seconds of a row of results."""
        return self.window_s or DEFAULT_WINDOW_S[self.classifier]
