"""Runs that are killed twice end as those that nobody disturbed; SIGTERM ends a run in order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

PROGRAM = """
import sys, time
from attacks import _quick, _QuickNetwork
import classify_third_octave
once = _QuickNetwork.__call__
def slowly(self, units):
    time.sleep({pause})
    return once(self, units)
_QuickNetwork.__call__ = slowly
with _quick():
    sys.exit(classify_third_octave.main({arguments!r}))
"""
N_PARTS = 5


def start(folder: Path, output: Path, pause: float) -> subprocess.Popen:
    arguments = [str(folder / "levels.npy"), "--output", str(output), "--format", "csv"]
    helpers = Path(__file__).resolve().parent.parent / "helpers"
    path = f"{helpers}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(pause=pause, arguments=arguments)],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
    )


def n_parts(output: Path) -> int:
    return len(list(output.glob("reports/levels.parts/part_*.npz")))


def wait_for_parts(process: subprocess.Popen, output: Path, n: int) -> None:
    end = time.monotonic() + 120
    while n_parts(output) < n:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def levels(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "levels.npy", rng.normal(-20, 5, (8 * 600 * N_PARTS, 29)).astype("f4"))
    return tmp_path


@pytest.mark.slow
def test_two_kills(levels):
    whole, killed = levels / "whole", levels / "killed"
    assert start(levels, whole, 0).wait(120) == 0
    for n in (1, 3):
        process = start(levels, killed, 0.3)
        wait_for_parts(process, killed, n)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
        assert not (killed / "levels.csv").exists()
    assert n_parts(killed) >= 3
    assert start(levels, killed, 0).wait(120) == 0
    assert (killed / "levels.csv").read_bytes() == (whole / "levels.csv").read_bytes()
    hidden = [path for path in killed.rglob(".*") if path.suffix != ".lock"]
    assert hidden == []
    assert not (killed / "reports" / "levels.parts").exists()


@pytest.mark.slow
def test_sigterm(levels):
    output = levels / "out"
    process = start(levels, output, 0.3)
    wait_for_parts(process, output, 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert list(output.rglob(".*")) == []
    assert not (output / "levels.csv").exists()
    assert n_parts(output) >= 1  # with which the next run goes on
