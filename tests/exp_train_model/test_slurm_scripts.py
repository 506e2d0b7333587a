"""Scripts for SLURM: what they hold, how they are submitted, what a warned job does."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import write_program

from exp_train_model.launch_experiment import launch_exp_slurms, slurms_create


def create(folder, *more):
    args = ["--dataset", "TEST", "--epoch", "1", "--experiment_path", str(folder), *more]
    assert slurms_create.main(args) == 0
    return folder / "slurm"


def test_without_options_the_scripts_are_where_the_published_readme_launches_them(
    tmp_path, monkeypatch, capsys
):
    default = launch_exp_slurms.build_parser().get_default("folder")
    assert default == Path(launch_exp_slurms.__file__).parent
    programs, experiment = tmp_path / "launch_experiment", tmp_path / "train_exp"
    monkeypatch.setattr(slurms_create, "DEFAULT_SCRIPTS", programs)
    monkeypatch.setattr(slurms_create, "DEFAULT_FOLDER", experiment)
    assert slurms_create.main(["--experiment_path", str(experiment)]) == 0
    assert (programs / "jean_zay_slurm_reference.slurm").is_file()
    said = capsys.readouterr().out
    assert said.endswith("with: python exp_train_model/launch_experiment/launch_exp_slurms.py\n")
    assert launch_exp_slurms.main([str(programs), "--dry-run"]) == 0
    assert (experiment / "slurm" / "logs").is_dir()


def test_scripts_for_jean_zay(tmp_path, capsys):
    folder = create(tmp_path, "--precision", "fp16")
    names = sorted(p.name for p in folder.iterdir() if p.is_file())
    assert names == [
        "jean_zay_slurm_models.slurm",
        "jean_zay_slurm_models.txt",
        "jean_zay_slurm_reference.slurm",
    ]
    models = (folder / names[0]).read_text()
    for line in ("#SBATCH --array=0-9", "#SBATCH --requeue", "#SBATCH --signal=B:USR1@120",
                 "#SBATCH --open-mode=append", "#SBATCH -C v100-32g"):  # fmt: skip
        assert line in models
    reference = (folder / names[2]).read_text()
    assert "-s reference/dataset=TEST+classifier=YamNet" in reference
    assert "--precision fp16" in reference and "--array" not in reference
    assert len((folder / names[1]).read_text().splitlines()) == 10
    assert (folder / "logs").is_dir()


def test_scripts_are_correct_shell(tmp_path):
    for path in create(tmp_path).glob("*.slurm"):
        subprocess.run(["bash", "-n", str(path)], check=True)


def test_a_template_of_a_site(tmp_path, capsys):
    template = tmp_path / "site.slurm"
    text = (slurms_create.TEMPLATES / "generic.slurm").read_text()
    template.write_text(text.replace("gpu:1", "gpu:h100:1"))
    folder = create(tmp_path / "exp", "--template", str(template))
    assert "gpu:h100:1" in (folder / "site_slurm_models.slurm").read_text()
    arguments = ["--experiment_path", str(tmp_path), "--template"]
    template.write_text(text.replace("%%{command}", ""))
    assert slurms_create.main([*arguments, str(template)]) == 1
    assert "lacks the place %%{command}" in capsys.readouterr().err
    template.write_text(text + "%%{partition}")
    assert slurms_create.main([*arguments, str(template)]) == 1
    assert "unknown or broken place" in capsys.readouterr().err
    assert slurms_create.main([*arguments, "nowhere"]) == 1
    assert "generic, jean_zay" in capsys.readouterr().err


@pytest.fixture
def fake_slurm(tmp_path, monkeypatch):
    """``sbatch`` and ``scontrol`` that note how they were called; the first job has number 41."""
    folder, calls = tmp_path / "bin", tmp_path / "calls"
    for name in ("sbatch", "scontrol"):
        write_program(
            folder / name,
            f'#!/bin/bash\necho "{name} $*" >> {calls}\n'
            f'echo "$((40 + $(wc -l < {calls})));cluster"\n',
        )
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return calls


def test_array_waits_for_the_reference(tmp_path, fake_slurm, capsys):
    folder = create(tmp_path / "exp")
    assert launch_exp_slurms.main([str(folder), "--max-parallel", "3"]) == 0
    first, second = fake_slurm.read_text().splitlines()
    assert first == f"sbatch --parsable {folder}/jean_zay_slurm_reference.slurm"
    assert "--dependency=afterok:41" in second and "--array=0-9%3" in second
    assert second.endswith(f"{folder}/jean_zay_slurm_models.slurm")
    assert "array job 42" in capsys.readouterr().out


def test_dry_run_submits_nothing(tmp_path, fake_slurm, capsys):
    assert launch_exp_slurms.main([str(create(tmp_path / "exp")), "--dry-run"]) == 0
    assert "--dependency=afterok:REFERENCE_JOB" in capsys.readouterr().out
    assert not fake_slurm.exists()


def test_errors_of_submission(tmp_path, monkeypatch, capsys):
    folder = create(tmp_path / "exp")
    monkeypatch.setenv("PATH", "/nowhere")
    assert launch_exp_slurms.main([str(folder)]) == 1
    assert "launch_exp_py.py" in capsys.readouterr().err
    assert launch_exp_slurms.main([str(tmp_path)]) == 1
    assert "write it with slurms_create.py" in capsys.readouterr().err
    assert launch_exp_slurms.main([str(folder), "--max-parallel", "0"]) == 2
    create(tmp_path / "exp", "--template", "generic")
    assert launch_exp_slurms.main([str(folder)]) == 1
    assert "several templates" in capsys.readouterr().err


def run_job(script, tmp_path, command, *, warn):
    """Run a job script as SLURM would, warning it once its program runs."""
    text = slurms_create.fill(
        slurms_create.TEMPLATES / "generic.slurm", command, job_name="job", log=tmp_path / "log"
    )
    environment = {**os.environ, "SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7",
                   "SLURM_ARRAY_TASK_ID": "2"}  # fmt: skip
    process = subprocess.Popen(["bash", str(write_program(script, text))], env=environment)
    while warn and not (tmp_path / "begun").exists() and process.poll() is None:
        time.sleep(0.02)
    if warn:
        process.send_signal(signal.SIGUSR1)
    return process.wait(timeout=30)


def program(tmp_path, leave):
    code = (
        "import pathlib, signal, sys, time; "  # one line, as a job's script wants it
        f"signal.signal(signal.SIGUSR1, lambda *_: ({leave})); "
        f"pathlib.Path({str(tmp_path / 'begun')!r}).touch(); "
        "time.sleep(20)"
    )
    return shlex.join([sys.executable, "-c", code])


def test_a_warned_job_saves_and_takes_its_place_in_the_queue_again(tmp_path, fake_slurm):
    command = program(tmp_path, "time.sleep(0.3), sys.exit(138)")
    assert run_job(tmp_path / "job", tmp_path, command, warn=True) == 138
    assert fake_slurm.read_text() == "scontrol requeue 7_2\n"


def test_a_warned_job_that_finishes_stays_finished(tmp_path, fake_slurm):
    command = program(tmp_path, "sys.exit(0)")
    assert run_job(tmp_path / "job", tmp_path, command, warn=True) == 0
    assert not fake_slurm.exists()


def test_a_failed_job_fails(tmp_path, fake_slurm):
    assert run_job(tmp_path / "job", tmp_path, "false", warn=False) == 1
    assert not fake_slurm.exists()
