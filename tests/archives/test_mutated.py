"""Files of every layout, damaged at random: read, or refused in one line; never a traceback."""

import random

import pytest
from archive_data import levels
from mutations import damaged
from sensor_layouts import LAYOUTS

from archives.frames import ArchiveError
from archives.levels import archive_units
from archives.open_archive import open_archive
from archives.options import ReadOptions
from archives.timeline import Timeline


def read_or_refuse(name: str, n_files: int, tmp_path) -> None:
    LAYOUTS[name][0](tmp_path / name, levels(160), 0.125)
    whole = (tmp_path / name).read_bytes()
    given = ReadOptions(allow_slow=True)
    for seed in range(n_files):
        (tmp_path / name).write_bytes(damaged(whole, random.Random(f"{name} {seed}")))
        try:
            archive = open_archive(tmp_path / name, given)
            n_units = sum(map(len, archive_units(archive, Timeline.of(tmp_path / name, given))))
        except ArchiveError as error:
            assert name in str(error)
            assert "\n" not in str(error)
        else:
            assert n_units <= 170  # no level is heard more than once, none is made up


@pytest.mark.parametrize("name", LAYOUTS)
def test_damaged_files(name, tmp_path):
    read_or_refuse(name, 5, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_many_damaged_files(name, tmp_path):
    read_or_refuse(name, 100, tmp_path)
