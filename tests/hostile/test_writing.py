"""A file is absent or complete, whatever the disk does; killed processes leave nothing for long."""

import h5py
import numpy as np
import pytest

from transcoder.files import FullDiskError, atomic_path, atomic_write_text, check_room
from transcoder.hdf5_files import written_hdf5

LEVELS = (0, 4_096, 20_000, 60_000, 150_000, 300_000, 500_000, 700_000, 2_000_000, 8_000_000)


def write_long_hdf5(path) -> None:
    """10 MB of what cannot be compressed, in pieces, as the results of archives are written."""
    rng = np.random.default_rng(1)
    with written_hdf5(path, track_order=True) as file:
        file.attrs["about"] = "x" * 300
        for _ in range(10):
            values = rng.random((500, 500), dtype=np.float32)
            if "p" not in file:
                file.create_dataset(
                    "p", data=values, maxshape=(None, 500), chunks=(256, 500), compression="gzip"
                )
                continue
            file["p"].resize(len(file["p"]) + 500, axis=0)
            file["p"][-500:] = values
            file.check()


@pytest.mark.parametrize("room", LEVELS)
def test_hdf5_on_a_full_disk_is_one_error(small_disk, room):
    path = small_disk.folder / "x.h5"
    path.write_bytes(b"older")
    small_disk.leave(room)
    with pytest.raises(FullDiskError, match=r"x\.h5: the disk is full: it needs more than"):
        write_long_hdf5(path)
    assert small_disk.files() == {"x.h5": b"older"}


def test_hdf5_is_written_as_by_hdf5_itself(tmp_path):
    write_long_hdf5(tmp_path / "x.h5")
    rng = np.random.default_rng(1)
    with h5py.File(tmp_path / "x.h5") as file:
        expected = np.concatenate([rng.random((500, 500), dtype=np.float32) for _ in range(10)])
        assert np.array_equal(file["p"][:], expected)


@pytest.mark.parametrize("room", LEVELS[:4])
def test_text_on_a_full_disk(small_disk, room):
    path = small_disk.folder / "x.csv"
    small_disk.leave(room)
    with pytest.raises(FullDiskError, match=r"x\.csv.*are free there"):
        atomic_write_text(path, "x" * 200_000)
    assert small_disk.files() == {}


def test_need_is_checked_before(tmp_path):
    with pytest.raises(FullDiskError, match=r"x\.h5: needs about 1000000\.0 GB, but only"):
        check_room(tmp_path / "new" / "x.h5", 1e15)
    with pytest.raises(FullDiskError), atomic_path(tmp_path / "x", need_bytes=1e15):
        pytest.fail("began to write")


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "x"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
