"""Launchers: what runs in which order, on this computer and under SLURM."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_data import write_classifier, write_features

from exp_train_model.experiment import training_experiment
from exp_train_model.experiment_sizes import model_selectors
from exp_train_model.launch_experiment import launch_exp_py, launch_exp_slurms, slurms_create
from exp_train_model.launch_experiment import test as smoke_run
from exp_train_model.options import TrainingOptions
from features.files import SPLITS, split_path
from transcoder.errors import UsageError

RESTRICTED = ["cnn", "hybridts", "ts", "ts", "ts"]


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def make_features(folder: Path) -> None:
    """Files that launchers look for, of no content."""
    for split in SPLITS:
        path = split_path(folder, "TEST", split)
        path.parent.mkdir(exist_ok=True)
        path.touch()


# ---- which models


def test_restricted_size_is_the_table_of_the_paper():
    selectors = model_selectors(training_experiment(), "restricted", "full", classifiers=["PANN"])
    assert [s.split("/")[0] for s in selectors] == RESTRICTED
    assert "dilation=1" in selectors[0] and "prop_logit=100" in selectors[1]
    assert all("epoch=200" in s and "dataset=full" in s for s in selectors)
    experiment = training_experiment()
    for selector in selectors:
        steps = [setting["step"] for setting in experiment.select(selector)]
        assert steps == ["train", "evaluate", "metric"]


def test_detailed_size_adds_every_hyper_parameter():
    experiment = training_experiment()
    selectors = model_selectors(experiment, "detailed", "full")
    assert len(selectors) == len(set(selectors)) == 48 + 288 + 24 + 18
    assert (
        len(model_selectors(experiment, "detailed", "full", epoch=None)) == 144 + 1152 + 192 + 180
    )
    assert model_selectors(experiment, "restricted", "full")[0] == selectors[0]


def test_ablations_are_trained_by_the_cnn_alone():
    selectors = model_selectors(training_experiment(), "restricted", "urban_mel_time")
    assert [s.split("/")[0] for s in selectors] == ["cnn", "cnn"]


def test_an_epoch_that_no_plan_has_is_an_error():
    with pytest.raises(UsageError, match="epoch"):
        model_selectors(training_experiment(), "restricted", "full", epoch=7)


def test_options_are_handed_on():
    options = TrainingOptions(Path("/data"), seed=3, compile=True, pretrained=False, max_steps=0)
    assert options.as_arguments() == [
        "--data_path", "/data", "--seed", "3", "--max_steps", "0", "--compile", "--no_pretrained"
    ]  # fmt: skip
    assert TrainingOptions().as_arguments() == []
    assert TrainingOptions(renew=True).as_arguments() == ["--renew"]


# ---- on this computer


def test_smoke_run_names_real_settings_of_every_plan(capsys):
    assert smoke_run.main(["--dry-run", "--max_steps", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(smoke_run.SELECTORS)
    assert all("--max_steps 1" in line and "-c -S" in line for line in lines)
    experiment = training_experiment()
    chosen = {
        plan: list(experiment.select(selector)) for plan, selector in smoke_run.SELECTORS.items()
    }
    counts = {plan: len(settings) for plan, settings in chosen.items()}
    assert counts == {"oracle": 2, "pinv": 2, "mlp": 3, "cnn": 3, "hybridts": 3, "ts": 9}
    for settings in chosen.values():
        assert {setting["dataset"] for setting in settings} == {"TEST"}
        assert all(setting.get("epoch", 1) == 1 for setting in settings)


def test_smoke_run_needs_its_features(tmp_path, capsys):
    assert smoke_run.main(["--plan", "cnn", "--data_path", str(tmp_path)]) == 1
    assert "create_mel_tho_dataset.py --dataset_type test" in capsys.readouterr().err


def test_dry_run_begins_with_the_reference(capsys):
    assert (
        launch_exp_py.main(["--dry-run", "--dataset", "TEST", "--epoch", "1", "--seed", "5"]) == 0
    )
    commands = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    plans = [words[words.index("-s") + 1].split("/")[0] for words in commands]
    assert plans == ["reference"] * 2 + RESTRICTED * 2
    assert all("-c" in words and "-S" in words and "5" in words for words in commands)


def test_a_failure_is_reported_and_the_others_go_on(tmp_path, monkeypatch, capfd):
    ran = tmp_path / "ran"
    program = write_program(
        tmp_path / "main.py",
        f"import sys\nopen({str(ran)!r}, 'a').write(sys.argv[-1] + '\\n')\n"
        "sys.exit(3 if sys.argv[-1].startswith('cnn/') else 0)\n",
    )
    monkeypatch.setattr("exp_train_model.launch_experiment.choice.MAIN_SCRIPT", program)
    make_features(tmp_path)
    status = launch_exp_py.main(
        ["--dataset", "TEST", "--epoch", "1", "--classifier", "YamNet", f"--data_path={tmp_path}"]
    )
    assert status == 1
    assert [s.split("/")[0] for s in ran.read_text().splitlines()] == ["reference", *RESTRICTED]
    failures = [x for x in capfd.readouterr().err.splitlines() if x.startswith("failed with")]
    assert len(failures) == 1 and "exit status 3: cnn/" in failures[0]


def test_without_features_there_is_one_message(tmp_path, capfd):
    status = launch_exp_py.main(["--dataset", "TEST", "--epoch", "1", f"--data_path={tmp_path}"])
    out, err = capfd.readouterr()
    assert (status, out) == (1, "")
    assert err == (
        f"error: {tmp_path}/TEST/TEST_train.h5 is missing; make it with: python "
        f"exp_train_model/create_mel_tho_dataset.py --dataset_type test --output_path {tmp_path}\n"
    )


def test_signals_are_handed_on(tmp_path):
    """The launcher stops with its child, which is told by the same signal."""
    program = write_program(
        tmp_path / "main.py",
        "import pathlib, signal, sys, time\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "def leave(number, frame):\n"
        "    (here / 'left').write_text(str(number))\n"
        "    sys.exit(128 + number)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "(here / 'begun').touch()\n"
        "time.sleep(60)\n",
    )
    code = (
        "import sys, exp_train_model.launch_experiment.choice as c, pathlib\n"
        f"c.MAIN_SCRIPT = pathlib.Path({str(program)!r})\n"
        "from exp_train_model.launch_experiment.launch_exp_py import main\n"
        f"sys.exit(main(['--dataset', 'TEST', '--epoch', '1', '--data_path', {str(tmp_path)!r}]))\n"
    )
    make_features(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "begun").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "left").read_text() == str(int(signal.SIGTERM))
    assert "stopped at reference/" in errors


# ---- SLURM


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
    monkeypatch.setattr(slurms_create, "__file__", str(programs / "slurms_create.py"))
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


@pytest.mark.slow
def test_launcher_runs_everything(tmp_path, monkeypatch, capfd):
    """The restricted plan of YAMNet on made-up data, with random weights."""
    monkeypatch.setenv("YAMNET_WEIGHTS", str(write_classifier(tmp_path / "yamnet.pth")))
    features = write_features(tmp_path / "features")
    args = ["--dataset", "TEST", "--epoch", "1", "--classifier", "YamNet", "--max_steps", "1",
            "--no_pretrained", "--device", "cpu", "--data_path", str(features),
            "--experiment_path", str(tmp_path / "exp")]  # fmt: skip
    assert launch_exp_py.main(args) == 0
    assert len(list((tmp_path / "exp" / "model").glob("*_model"))) == len(RESTRICTED)
