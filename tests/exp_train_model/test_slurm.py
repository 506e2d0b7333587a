"""The SLURM scripts in a real SLURM: one node, one controller, all files in a temporary folder.

Needs root and Debian's packages: apt-get install slurmctld slurmd slurm-client munge. Run with
``pytest -m slow tests/exp_train_model/test_slurm.py``; takes some minutes,
for SLURM lets a requeued job wait.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from training_data import write_classifier, write_features

from exp_train_model.launch_experiment import launch_exp_py, launch_exp_slurms, slurms_create

PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
MISSING = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
TIME_LIMIT_S = 540

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"SLURM is not installed: no {', '.join(MISSING)}"),
    pytest.mark.skipif(os.getuid() != 0, reason="a private SLURM needs root"),
]

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A running SLURM of one node; skips with the log where it does not start."""
    folder = tmp_path / "slurm"
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir(parents=True)
    host = socket.gethostname().split(".")[0]
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=host, folder=folder, ports=(free_port(), free_port()), cpus=os.cpu_count()
        )
    )
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("SLURM_CONF", str(configuration))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the same sums here and in the jobs
    subprocess.run(["mungekey", "--create", "--keyfile", str(folder / "munge.key")], check=True)
    munge = folder / "munge"
    commands = [
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket",
         f"--key-file={folder}/munge.key", f"--log-file={munge}/log", f"--pid-file={munge}/pid",
         f"--seed-file={munge}/seed"],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D", "-N", host],
    ]  # fmt: skip
    daemons = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("w") as out:
                daemons.append(subprocess.Popen(command, stdout=out, stderr=out))
            time.sleep(1)
        if not until(lambda: "idle" in output("sinfo", "-h", "-o", "%T"), 30):
            logs = "\n".join(p.read_text()[-500:] for p in sorted(folder.glob("*.log")))
            pytest.skip(f"SLURM does not start here: {logs}")
        yield folder
    finally:
        subprocess.run(["scancel", "--user=root"], capture_output=True)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(timeout=30)


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout


def until(condition, limit_s: float) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_killed_and_warned_jobs_end_as_the_local_launcher_does(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("YAMNET_WEIGHTS", str(write_classifier(tmp_path / "yamnet.pth")))
    features = write_features(tmp_path / "features", n_files=16)
    there, here = tmp_path / "there", tmp_path / "here"
    args = ["--dataset", "TEST", "--epoch", "10", "--classifier", "YamNet", "--no_pretrained",
            "--device", "cpu", "--data_path", str(features), "--experiment_path"]  # fmt: skip
    template = tmp_path / "node.slurm"
    text = (slurms_create.TEMPLATES / "generic.slurm").read_text()
    template.write_text(text.replace("gpu:1", "none").replace("per-task=4", "per-task=1"))
    assert slurms_create.main([*args, str(there), "--template", str(template)]) == 0
    assert launch_exp_slurms.main([str(there / "slurm")]) == 0

    def training(model: str) -> bool:
        return bool(list(there.glob(f"session/[!.]*{model}*.pt")))

    assert until(lambda: training("cnn_pinv+ts=0"), TIME_LIMIT_S), logs(there)
    # one job is killed, the other gets the warning that SLURM gives before the time limit
    array = output("squeue", "-h", "-r", "-o", "%A %F_%K").split()[1].split("_")[0]
    assert subprocess.run(["scontrol", "requeue", f"{array}_0"]).returncode == 0
    assert until(lambda: training("cnn_pinv+ts=1"), TIME_LIMIT_S), logs(there)
    with subprocess.Popen(["scancel", "--batch", "--signal=USR1", f"{array}_1"]) as warning:
        assert until(lambda: "stopped by SIGUSR1" in logs(there), TIME_LIMIT_S), logs(there)
        warning.kill()  # it would go on until the job runs again
    assert until(lambda: not output("squeue", "-h"), TIME_LIMIT_S), logs(there)
    assert launch_exp_py.main([*args, str(here)]) == 0
    assert_same_results(there, here)
    texts = {p.name: p.read_text() for p in (there / "slurm" / "logs").iterdir()}
    restarted = [name for name, text in texts.items() if "start number 1" in text]
    assert len(restarted) == 2, texts  # logs are appended to, not written anew
    assert any("stopped by SIGUSR1" in texts[name] for name in restarted)


def assert_same_results(there: Path, here: Path) -> None:
    scores = sorted(p.name for p in (here / "metric").glob("*.npy"))
    assert scores and scores == sorted(p.name for p in (there / "metric").glob("*.npy"))
    for name in scores:
        found, expected = (np.load(folder / "metric" / name) for folder in (there, here))
        np.testing.assert_array_equal(found, expected)
    for path in (here / "model").glob("*_model"):
        expected, found = torch.load(path), torch.load(there / "model" / path.name)
        assert all(torch.equal(found[k], v) for k, v in expected.items()), path.name


def logs(folder: Path) -> str:
    return "\n".join(p.read_text()[-2000:] for p in (folder / "slurm" / "logs").iterdir())
