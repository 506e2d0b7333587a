"""Files of every layout, damaged at random: read, or refused in one line; never a traceback."""

import random

import pytest
from archive_data import levels
from sensor_layouts import LAYOUTS

from archives.frames import ArchiveError
from archives.levels import archive_units
from archives.open_archive import open_archive
from archives.options import ReadOptions
from archives.timeline import Timeline

SIGNS = (
    b",", b";", b"\n", b"\r", b'"', b"\t", b"\xff", b"\0", b"NaN", b"inf", b"1e300", b"{", b"[",
    b"-", b"9999-12-31", b"",
)  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        place, other = (rng.randrange(len(data) + 1) for _ in range(2))
        kind = rng.randrange(5)
        if kind == 0:
            data[place : place + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            del data[place : place + rng.choice((1, 5, 100, 2000))]
        elif kind == 2:
            data[place:place] = rng.choice(SIGNS)
        elif kind == 3:
            data[place:place] = data[other : other + rng.choice((10, 300))]
        else:
            data = data.replace(rng.choice(SIGNS[:6]), rng.choice(SIGNS), rng.choice((1, 3, -1)))
    return bytes(data[: rng.choice((len(data), len(data), rng.randrange(len(data) + 1)))])


def read_or_refuse(name: str, n_files: int, tmp_path) -> None:
    LAYOUTS[name][0](tmp_path / name, levels(160), 0.125)
    whole = (tmp_path / name).read_bytes()
    given = ReadOptions(allow_slow=True)
    for seed in range(n_files):
        (tmp_path / name).write_bytes(mutated(whole, random.Random(f"{name} {seed}")))
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
