"""A small network of sensors on disk, for the tests of archives/fleet*."""

from pathlib import Path

import pandas as pd
from archive_data import levels, table

SENSORS = ("Quai 1", "école", "park")


def write_fleet(folder: Path, *, seconds: int = 12, days: int = 2, sensors=SENSORS) -> Path:
    """A folder for each sensor, a table of levels for each day; the days cross two months."""
    for number, sensor in enumerate(sensors):
        (folder / sensor).mkdir(parents=True)
        for day in range(days):
            times = pd.date_range(f"2024-03-{31 - day} 23:59:56", periods=8 * seconds, freq="125ms")
            frame = table(levels(8 * seconds, seed=10 * number + day) + 10 * number, times)
            frame.to_csv(folder / sensor / f"day{day}.csv", index=False)
    return folder
