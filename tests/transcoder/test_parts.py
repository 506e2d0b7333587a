"""The parts of a long job, and the lock that lets one run at a time write them."""

import logging
import subprocess
import sys
import time

import numpy as np
import pytest

from transcoder.errors import UserError
from transcoder.files import atomic_path, remove_temporary
from transcoder.locks import only_run
from transcoder.parts import PartStore

JOB = {"settings": [1, 2], "names": ["a"]}
ARRAYS = {"values": np.arange(6.0).reshape(2, 3), "notes": np.array(["", "odd"])}

HOLDER = """
import sys, time
from pathlib import Path
from transcoder.locks import only_run
with only_run(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(60)
"""


def test_a_part_comes_back_as_it_was(tmp_path):
    PartStore(tmp_path / "parts", JOB).write("first", ARRAYS)
    store = PartStore(tmp_path / "parts", dict(reversed(JOB.items())))
    assert "first" in store and "second" not in store
    assert store.read("first").keys() == ARRAYS.keys()
    np.testing.assert_array_equal(store.read("first", "values")["values"], ARRAYS["values"])
    store.forget("first")
    assert "first" not in store
    store.remove()
    assert not store.folder.exists()


def test_parts_of_another_job_are_not_taken(tmp_path, caplog):
    first = PartStore(tmp_path, JOB)
    first.write("0", ARRAYS)
    other = PartStore(tmp_path, {**JOB, "settings": [1, 3]})
    assert "starting over" in caplog.text and "0" not in other
    other.write("0", ARRAYS)
    with pytest.raises(UserError, match="another run has replaced it"):
        first.read("0")  # as where the file system has no locks


def test_damaged_and_unfinished_parts_are_not_taken(tmp_path, caplog):
    store = PartStore(tmp_path, JOB)
    store.write("whole", ARRAYS)
    (tmp_path / "cut.npz").write_bytes(store.path("whole").read_bytes()[:-50])
    (tmp_path / ".cut.0123456789abcdef.npz").write_bytes(b"PK")
    with caplog.at_level(logging.WARNING):
        store = PartStore(tmp_path, JOB)
    assert [path.name for path in tmp_path.iterdir()] == ["whole.npz"] and not caplog.text
    content = bytearray(store.path("whole").read_bytes())
    content[content.index(ARRAYS["values"].tobytes()) + 9] ^= 1
    store.path("whole").write_bytes(content)
    with pytest.raises(UserError, match=r"whole.npz: was damaged .* run again"):
        store.read("whole")
    with pytest.raises(UserError, match=r"whole.npz: has vanished; run again"):
        store.read("whole")


def test_what_killed_runs_left_is_deleted_and_nothing_else(tmp_path):
    ours, name = tmp_path / "a.h5", "long" * 30
    paths = (ours, tmp_path / name, tmp_path / f"{name}r", tmp_path / "a.b.h5")
    begun = [atomic_path(path) for path in paths]
    for writing in begun:
        writing.__enter__()  # and is killed
    (tmp_path / ".a.h5").touch()
    assert len(list(tmp_path.iterdir())) == 5
    remove_temporary(ours, tmp_path / name)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == 3 and left[0].startswith(".a.b.") and left[1] == ".a.h5"


def test_a_second_run_is_refused_and_told_of_the_first(tmp_path):
    results = tmp_path / "new" / "results"
    first = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(results)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout.readline() == "holds\n"
        named = pytest.raises(UserError, match=rf"another run .*process {first.pid} on .*-c")
        with named, only_run(results):
            pytest.fail("two runs at once")
        with only_run(tmp_path / "new" / "others"):
            pass
    finally:
        first.kill()
        first.wait()
    with only_run(results):  # a killed run holds nothing
        assert len(list(results.parent.iterdir())) == 2
    assert not list(results.parent.iterdir())


def test_a_folder_made_for_the_lock_alone_does_not_stay(tmp_path):
    with pytest.raises(UserError, match="refused"), only_run(tmp_path / "new" / "er" / "results"):
        raise UserError("refused")
    assert not (tmp_path / "new").exists()


RACE = """
import sys, time
from pathlib import Path
from transcoder.errors import UserError
from transcoder.locks import only_run
folder = Path(sys.argv[1])
entered = 0
end = time.monotonic() + 3
while time.monotonic() < end:
    try:
        with only_run(folder / "results"):
            with (folder / "inside").open("x"):
                entered += 1
            (folder / "inside").unlink()
    except UserError:
        pass
print(entered)
"""


def test_the_lock_holds_while_its_file_comes_and_goes(tmp_path):
    """Whoever ends deletes the lock's file: those who wait for it must not have the old one."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    entered = [int(run.communicate()[0]) for run in runs]
    assert all(run.returncode == 0 for run in runs)  # "x" fails where two are inside
    assert min(entered) > 0


def test_where_nothing_can_be_written_there_is_nothing_to_lock(tmp_path):
    folder = tmp_path / "read_only"
    folder.mkdir()
    folder.chmod(0o500)
    started = time.monotonic()
    with only_run(folder / "results"):
        assert time.monotonic() - started < 5
