"""What cannot be guessed about the files of well-known sensors and meters: ``--sensor NAME``.

To add a maker whose files are read but need something said, add a line here; a new kind of file
gets a reader of its own and a line in `open_archive`.
"""

from dataclasses import dataclass, replace

from archives.options import ReadOptions


@dataclass(frozen=True)
class SensorPreset:
    """What a maker's files need said, where it differs from the usual.

    Attributes
    ----------
    offset_db : from its levels to those of full-scale audio; None where it is not known
    """

    level: str | None = None
    date_order: str = "dmy"
    step_s: float | None = None
    allow_slow: bool = False
    offset_db: float | None = None


# CENSE: the programs that its data were published with add -94 dB (sound pressure level to full
# scale) and then the transform's 26 dB
SENSORS = {
    "cense": SensorPreset(offset_db=-68.0),
    "nti": SensorPreset(level="LZeq"),
    "svantek": SensorPreset(level="LZeq"),
    "larson-davis": SensorPreset(level="LZeq", date_order="mdy"),
    "bk": SensorPreset(level="LZeq"),
    "01db": SensorPreset(),
    "rion": SensorPreset(),
    "casella": SensorPreset(level="LZeq"),
    "onosensor": SensorPreset(step_s=0.125),
    "noisecapture": SensorPreset(allow_slow=True),  # it knows nothing but seconds
    "influxdb": SensorPreset(),
}


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
