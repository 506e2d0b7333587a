"""create_mel_tho_dataset.py as a process of its own: killed at random moments; its memory."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tau_data import clip_name, digests, write_noise, write_tau

from exp_train_model import create_mel_tho_dataset

START_TIMEOUT_S = 300
MEMORY_LIMIT_BYTES = 1.5e9


def options(sounds: Path, output: Path, workers: int) -> list[str]:
    where = ["--audio_dataset_path", str(sounds), "--output_path", str(output)]
    return [*where, "--workers", str(workers)]


def start(sounds: Path, output: Path, workers: int = 2) -> subprocess.Popen:
    command = [sys.executable, create_mel_tho_dataset.__file__]
    process = subprocess.Popen(
        command + options(sounds, output, workers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # until the first of the working files is there: imports take longer than the work
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and not any(output.glob("full/*_shards.part")):
        assert time.monotonic() < deadline, "the program does not start"
        time.sleep(0.002)
    return process


@pytest.mark.parametrize("n_kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments(tmp_path, n_kills):
    sounds = tmp_path / "sounds"
    write_tau(sounds, 40, duration_s=10)
    process = start(sounds, tmp_path / "whole")
    work_start = time.monotonic()
    assert process.wait() == 0
    work_s = time.monotonic() - work_start
    expected = digests(tmp_path / "whole" / "full")

    moments, n_interrupted = random.Random(71), 0
    for _ in range(n_kills):
        output = tmp_path / "killed"
        process = start(sounds, output)
        time.sleep(moments.uniform(0, work_s))
        process.kill()
        n_interrupted += process.wait() == -signal.SIGKILL
        found = digests(output / "full") if output.exists() else {}
        for name in expected:  # no file is there in part
            assert found.get(name, expected[name]) == expected[name]
        assert create_mel_tho_dataset.main(options(sounds, output, workers=1)) == 0
        found = digests(output / "full")
        assert {name: found.get(name) for name in expected} == expected
        shutil.rmtree(output)
    assert n_interrupted > 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs the memory use of a process")
def test_memory_does_not_grow_with_the_data_set(tmp_path):
    """4 workers, 1600 clips (one sound under many names): 830 MB of features."""
    root = write_tau(tmp_path, 1600, duration_s=0.01)
    write_noise(root / "noise.wav", 0, duration_s=10)
    for i in range(1600):
        (root / clip_name(i)).unlink()
        os.link(root / "noise.wav", root / clip_name(i))
    process = start(tmp_path, tmp_path / "out", workers=4)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    factor = 1 if sys.platform == "darwin" else 1024
    assert usage.ru_maxrss * factor < MEMORY_LIMIT_BYTES
    print(f"peak: {usage.ru_maxrss * factor / 1e6:.0f} MB")
