"""Runs that are killed twice end as those that nobody disturbed; SIGTERM ends a run in order.

The moments are those at which a file is about to appear, which are the ones that matter: all else
that a run has written has no name yet.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_jobs
from misbehaving_server import MisbehavingServer
from sandbox import attack

from benchmarks.folder_content import content
from transcoder.files import PROJECT_ROOT
from transcoder.names import TAU_FOLDER

JOBS = {
    "archives": small_jobs.archive("csv"),
    "network": small_jobs.network,
    "features": small_jobs.features,
    "probabilities": small_jobs.probabilities,
    "training": small_jobs.training,
    "scores": small_jobs.scores,
    "classify_audio.py": small_jobs.classify_recording,
    "generate_audio.py": small_jobs.generate,
}
QUICK = "network"  # a second; the others are slow together


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return small_jobs.write_source(tmp_path_factory.mktemp("source"))


def signalled_at(number: int, sent: signal.Signals, job, output: Path, source: Path):
    """``job``, which sends itself a signal when it is about to name its file ``number``."""

    def run() -> int:
        replace, count = os.replace, iter(range(1, 100_000))

        def replace_or_end(*args, **kwargs):
            if next(count) == number:
                os.kill(os.getpid(), sent)
            return replace(*args, **kwargs)

        os.replace = replace_or_end
        return job(output, source)

    return run


def n_files_named(job, output: Path, source: Path) -> int:
    """How often the job gives a file its name."""
    tally = output.with_name("tally")

    def run() -> int:
        replace = os.replace

        def count(*args, **kwargs):
            with tally.open("a") as file:
                file.write(".")
            return replace(*args, **kwargs)

        os.replace = count
        return job(output, source)

    assert attack(run).kind == "right"
    return len(tally.read_text())


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.suffix not in (".lock", ".run")]


def jobs(*but: str):
    names = [name for name in JOBS if name not in but]
    return [name if name == QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", jobs())
def test_two_kills(tmp_path, source, name):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    n_files = n_files_named(JOBS[name], whole, source)
    assert n_files >= 2
    for number in (n_files // 2, max(1, n_files // 4)):  # the second run has less to do
        run = signalled_at(number, signal.SIGKILL, JOBS[name], killed, source)
        assert "signal 9" in attack(run).text
        for path in killed.rglob("[!.]*.csv"):  # whole, if it is there
            assert path.read_bytes() == (whole / path.relative_to(killed)).read_bytes()
    assert attack(lambda: JOBS[name](killed, source)).kind == "right"
    assert content(killed) == content(whole)
    assert hidden(killed) == []


@pytest.mark.parametrize("name", jobs("training"))  # which ends its batch: test_training_resume.py
def test_sigterm(tmp_path, source, name):
    """What is there afterwards has a name, and the next run goes on with it."""
    whole, ended = tmp_path / "whole", tmp_path / "ended"
    n_files = n_files_named(JOBS[name], whole, source)
    outcome = attack(signalled_at(n_files // 2 + 1, signal.SIGTERM, JOBS[name], ended, source))
    assert outcome.text.strip().endswith("terminated")
    assert list(ended.rglob(".*")) == []
    assert attack(lambda: JOBS[name](ended, source)).kind == "right"
    assert content(ended) == content(whole)


@pytest.mark.slow
def test_nothing_is_left_beside_the_folder_of_a_recording(tmp_path, source):
    """Neither by a run that ends well, nor by one that is refused."""
    output = tmp_path / "deep" / "folder"
    assert attack(lambda: small_jobs.generate(output, source)).kind == "right"
    assert [path.name for path in output.iterdir()] == ["a"]
    assert [path.name for path in output.parent.iterdir()] == ["folder"]
    assert not any(path.name.startswith(".") for path in tmp_path.rglob("*"))
    refused = attack(lambda: small_jobs.generate(tmp_path / "no" / "folder", tmp_path))
    assert refused.kind == "refused"
    assert not (tmp_path / "no").exists()


def test_two_kills_of_a_download(tmp_path):
    """Within the last block, and before the file gets its name."""
    with MisbehavingServer() as server:
        job = small_jobs.download_from(server)(None)
        for _ in range(2):
            run = signalled_at(1, signal.SIGKILL, job, tmp_path, tmp_path)
            assert "signal 9" in attack(run).text
            assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
        assert attack(lambda: job(tmp_path, tmp_path)).kind == "right"
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == small_jobs.CONTENT


class Reproduction:
    """Features and references of few sounds, by reproduce.py; each step is a process of its own."""

    PARTS = "work/features/*/*.part/*.npz"
    REFERENCES = "work/train_exp/output/*transcoder=oracle*"

    def __init__(self, folder: Path, source: Path):
        self.folder = folder
        shutil.copytree(source / TAU_FOLDER, folder / "work" / "DEMO" / TAU_FOLDER)

    def start(self) -> subprocess.Popen:
        places = ("--demo_work", self.folder / "work", "--results", self.folder / "results")
        options = ("--demo", "--device", "cpu", "--only", "3", "4", *places)
        return subprocess.Popen(
            [sys.executable, str(PROJECT_ROOT / "reproduce.py"), *map(str, options)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def finish(self) -> None:
        assert self.start().wait(_PATIENCE_S) == 0

    def end_when_there_is(self, pattern: str, sent: signal.Signals) -> int:
        """Begin, and send the program a signal amid a step; its status when all have ended."""
        process = self.start()
        _until(lambda: any(self.folder.glob(pattern)) or process.poll() is not None)
        process.send_signal(sent)
        status = process.wait(_PATIENCE_S)
        _until(lambda: not self.processes())
        return status

    def processes(self) -> list[str]:
        """Command lines that name the folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:  # it has just ended
                continue
        return [line for line in found if str(self.folder) in line]


_PATIENCE_S = 300


def _until(is_so) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_signals_amid_the_steps_of_a_reproduction(tmp_path, source):
    """The steps' own processes end too; what two kills left is finished, and so after SIGTERM."""
    out = tmp_path / "out"  # for all: reports name their folder
    Reproduction(out, source).finish()
    whole = content(out)
    killed, ended = (signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 128 + signal.SIGTERM)
    for sent, status in (killed, ended):
        shutil.rmtree(out)
        job = Reproduction(out, source)
        for pattern in (job.PARTS, job.REFERENCES):
            assert job.end_when_there_is(pattern, sent) == status
        job.finish()
        assert content(out) == whole
        assert hidden(out) == []
