"""What is said about an archive beside its name."""

from dataclasses import dataclass

FORMATS = ("h5", "parquet", "csv")
"""Of files of results."""

MISSING_BAND_DB = -40.0
"""Level for bands that an archive lacks, on the networks' scale: about the quietest percent of a
low band in peak-normalised recordings."""


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
