"""What files, disks and memory do to a program becomes one line; nothing else does."""

import errno
import os
import signal
import struct
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from transcoder.cli import reports_errors
from transcoder.doors import reading, why_no_file
from transcoder.errors import UserError
from transcoder.hdf5_files import open_hdf5, own_dataset


def outcome(capsys, error: BaseException) -> tuple[int, list[str]]:
    """Exit status and lines of a program that meets ``error`` in a function with a ``path``."""

    def work(path: Path) -> None:
        raise error

    @reports_errors
    def main(argv=None) -> int:
        work(Path("seen/recording.wav"))
        return 0

    status = main()
    return status, capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    "error",
    [
        EOFError("cut"), zlib.error("wrong check"), zipfile.BadZipFile("no zip"),
        struct.error("short"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no start byte"),
        MemoryError(), np._core._exceptions._ArrayMemoryError((10,), np.dtype("f4")),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
        OSError(errno.EIO, "Input/output error"), OSError("Can't synchronously read data"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)  # fmt: skip
def test_damage_is_one_line_with_the_path(capsys, error):
    status, lines = outcome(capsys, error)
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith("error: seen/recording.wav: ")


def test_file_that_the_system_names_goes_first(capsys):
    error = OSError(errno.EACCES, "Permission denied", "other.csv")
    assert outcome(capsys, error) == (1, ["error: other.csv: Permission denied"])


def test_full_disk_tells_the_room(capsys, monkeypatch):
    monkeypatch.setattr("transcoder.doors.room_on", lambda path: 12_300)
    _, lines = outcome(capsys, OSError(errno.ENOSPC, "No space left on device", "/full/x"))
    assert "/full/x: the disk is full: 12 kB are free" in lines[0]


def test_library_says_damage(capsys):
    import soundfile
    import yaml

    for error in (yaml.YAMLError("no"), soundfile.LibsndfileError(2)):
        assert outcome(capsys, error)[0] == 1


@pytest.mark.parametrize("defect", [KeyError("x"), ValueError("x"), AttributeError("x")])
def test_defects_keep_their_traceback(capsys, defect):
    with pytest.raises(type(defect)):
        outcome(capsys, defect)


def test_sigterm_ends_a_program_in_order(capsys):
    closed = []

    @reports_errors
    def main(argv=None) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            closed.append(True)
        return 0

    before = signal.getsignal(signal.SIGTERM)
    assert main() == 143
    assert closed
    assert signal.getsignal(signal.SIGTERM) is before


def test_reading_names_the_file_and_lets_ours_pass():
    with (
        pytest.raises(UserError, match=r"a\.npz: damaged: cut"),
        reading("a.npz", "damaged"),
    ):
        raise RecursionError("cut\nmore")
    with pytest.raises(UserError, match=r"^ours$"), reading("a.npz", "damaged"):
        raise UserError("ours")
    with pytest.raises(UserError, match="not enough memory"), reading("a.npz", "damaged"):
        raise MemoryError


def test_only_regular_files_are_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    assert why_no_file(tmp_path / "file") is None
    assert why_no_file(tmp_path / "pipe") == "is a pipe, not a file"
    assert why_no_file(tmp_path) == "is a folder, not a file"
    assert why_no_file("/dev/zero") == "is a device, not a file"
    assert why_no_file(tmp_path / "none") == "no such file"
    assert "symbolic links" in why_no_file(tmp_path / "loop")
    assert why_no_file("nul\0l")


def test_hdf5_data_of_other_files_are_refused(tmp_path):
    path, other = tmp_path / "a.h5", tmp_path / "b.h5"
    with h5py.File(other, "w") as file:
        file["levels"] = np.ones((8, 29))
    with h5py.File(path, "w") as file:
        file["own"] = np.ones(3)
        file["linked"] = h5py.ExternalLink("b.h5", "levels")
        layout = h5py.VirtualLayout((8, 29), dtype="f8")
        layout[:] = h5py.VirtualSource("absent.h5", "levels", (8, 29))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", (4,), "f8", external=[("raw.bin", 0, h5py.h5f.UNLIMITED)])
        file.create_group("group")
    with open_hdf5(path) as file:
        assert own_dataset(file, "own").shape == (3,)
        for name in ("linked", "virtual", "external", "group", "absent"):
            with pytest.raises(UserError, match=f"data set '{name}'"):
                own_dataset(file, name)
    with pytest.raises(UserError, match="is a folder"):
        open_hdf5(tmp_path)


def test_torch_out_of_memory_is_told(capsys):
    status, lines = outcome(capsys, torch.OutOfMemoryError("CUDA out of memory"))
    assert (status, len(lines)) == (1, 1)
