"""A table of levels to be spoilt, and how it is read."""

import pandas as pd
from archive_data import levels, stamps
from sensor_layouts import hertz

from archives.levels import archive_units
from archives.open_archive import open_archive
from archives.options import ReadOptions
from archives.timeline import Timeline, Units

N = 160
ARRAY = levels(N)


def frame(times=None, names=None):
    result = pd.DataFrame(ARRAY.round(2), columns=names or hertz())
    result.insert(0, "time", stamps(N).astype(str) if times is None else times)
    return result


def lines_of(data, **kwargs):
    return data.to_csv(index=False, **kwargs).splitlines()


def read(path, **options):
    given = ReadOptions(**options)
    archive, timeline = open_archive(path, given), Timeline.of(path, given)
    units = Units.join(list(archive_units(archive, timeline)))
    return units, timeline.found, archive
