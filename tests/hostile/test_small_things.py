"""Names, folders, links and processes that lead astray."""

import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from attacks import _networks, _quick

from archives import inputs
from archives.arrays import open_npz
from archives.options import ReadOptions
from exp_train_model.launch_experiment.slurms_create import TEMPLATES, fill
from sources.unpack import UnpackError, unpack
from transcoder.errors import UserError
from transcoder.files import printable


def test_line_break_in_a_name_adds_nothing_to_a_job():
    template = TEMPLATES / "generic.slurm"
    for values in (
        {"job_name": "a", "log": Path("a\n#SBATCH --uid=0")},
        {"job_name": "a\n#SBATCH --uid=0", "log": Path("a")},
    ):
        with pytest.raises(UserError, match="would add lines"):
            fill(template, "true", **values)
    with pytest.raises(UserError, match="would add lines"):
        fill(template, "true\n#SBATCH", job_name="a", log=Path("a"))


def test_what_a_run_reads_is_never_written(tmp_path, capsys, monkeypatch):
    """Nor by links; tables of groups and models too, not the archives alone."""
    import classify_third_octave
    from exp_train_model import ship_model

    np.save(tmp_path / "a.npy", np.zeros((8, 29)))
    (tmp_path / "groups.csv").write_text("target_class_name,audioset_id,audioset_name\nx,,Speech\n")
    (tmp_path / "a.csv").symlink_to(tmp_path / "groups.csv")
    monkeypatch.chdir(tmp_path)
    status = classify_third_octave.main(
        ["a.npy", "--groups", "groups.csv", "--format", "csv", "--output", "."]
    )
    assert status == 2
    assert "would overwrite the input groups.csv" in capsys.readouterr().err
    (model,) = (p for p in _networks()[1].iterdir() if p.name.endswith("ts=1_model"))
    before = model.read_bytes()
    assert ship_model.main([str(model), "--output", str(model.parent)]) == 2
    assert model.read_bytes() == before


def test_unreadable_folder_is_named(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    np.save(tmp_path / "a.npy", np.zeros((8, 29)))
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):  # root may read everything
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=r"locked: Permission denied"):
        inputs.find_inputs([str(tmp_path)])


def test_links_that_lead_round(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    for name in "xyz":
        (folder / name).symlink_to(folder)  # three: 3 ** 40 ways
    np.save(folder / "b.npy", np.zeros((8, 29)))
    for given in (str(tmp_path), f"{tmp_path}/**/*.npy", f"{tmp_path}/a/*.npy"):
        assert [task.path for task in inputs.find_inputs([given])] == [folder / "b.npy"]


def test_two_arrays_of_times_are_taken_in_one_order(tmp_path):
    np.savez(
        tmp_path / "a.npz",
        timestamp=np.arange(16) / 8 + 1e9,
        levels=np.zeros((16, 29)),
        time=np.arange(16) / 8 + 1.5e9,
    )
    (block,) = open_npz(tmp_path / "a.npz", ReadOptions(data_set="levels")).blocks()
    assert block.times_s[0] == 1.5e9


def test_name_that_is_no_text_can_be_printed():
    assert printable(Path(os.fsdecode(b"caf\xe9.csv"))) == "caf\\xe9.csv"
    assert printable("café") == "café"


@pytest.mark.parametrize("suffix", ["h5", "parquet", "csv"])
def test_latin_1_name_is_classified(tmp_path, suffix):
    import classify_third_octave

    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.npy"))
    with path.open("wb") as file:
        np.save(file, np.full((16, 29), -20, "f4"))
    with _quick():
        status = classify_third_octave.main(
            [str(path), "--output", str(tmp_path / "out"), "--format", suffix]
        )
    assert status == 0
    assert path.with_suffix(f".{suffix}").name in os.listdir(tmp_path / "out")  # noqa: PTH208


def test_sparse_tar_is_refused(tmp_path):
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz", format=tarfile.GNU_FORMAT) as packed:
        info = tarfile.TarInfo("a.wav")
        info.type = tarfile.GNUTYPE_SPARSE
        packed.addfile(info)
    with pytest.raises(UnpackError, match=r"a\.wav"):
        unpack(archive, lambda member: member)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz"]


def test_bomb_is_refused(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for n in range(3):
            packed.writestr(f"{n}.wav", bytes(50_000_000))
    with pytest.raises(UnpackError, match=r"unpacks to far more"):
        unpack(archive, lambda member: member)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing tells a process of it")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(tmp_path, sent):
    """A pool's workers, and commands that are run, do not go on when their parent is gone."""
    code = f"""
import sys, time
from pathlib import Path
from transcoder.processes import map_all
from hostile_worker import note
if __name__ == "__main__":
    map_all(note, [{str(tmp_path)!r}] * 2, workers=2, desc="", unit="")
"""
    (tmp_path / "hostile_worker.py").write_text(
        "import os, time\nfrom pathlib import Path\n"
        "def note(folder):\n"
        "    (Path(folder) / f'{os.getpid()}.pid').touch()\n    time.sleep(60)\n"
    )
    (tmp_path / "main.py").write_text(code)
    env = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py")], env=env, stderr=subprocess.DEVNULL
    )
    _until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    parent.send_signal(sent)
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    _until(lambda: not any(_is_running(pid) for pid in pids))
    parent.wait(30)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def _until(is_so, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)
