"""Launchers: which models run in which order; scripts for SLURM are in test_slurm_scripts.py."""

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import write_program
from training_data import write_classifier, write_features

from exp_train_model.experiment import training_experiment
from exp_train_model.experiment_sizes import model_selectors
from exp_train_model.launch_experiment import launch_exp_py
from exp_train_model.launch_experiment import test as smoke_run
from exp_train_model.options import TrainingOptions
from features.files import SPLITS, split_path
from transcoder.errors import UsageError

RESTRICTED = ["cnn", "hybridts", "ts", "ts", "ts"]


def make_features(folder: Path) -> None:
    """Files that launchers look for, of no content."""
    for split in SPLITS:
        path = split_path(folder, "TEST", split)
        path.parent.mkdir(exist_ok=True)
        path.touch()


# ---- which models


def test_restricted_size_is_the_table_of_the_paper():
    selectors = model_selectors("restricted", "full", classifiers=["PANN"])
    assert [s.split("/")[0] for s in selectors] == RESTRICTED
    assert "dilation=1" in selectors[0] and "prop_logit=100" in selectors[1]
    assert all("epoch=200" in s and "dataset=full" in s for s in selectors)
    experiment = training_experiment()
    for selector in selectors:
        steps = [setting["step"] for setting in experiment.select(selector)]
        assert steps == ["train", "evaluate", "metric"]


def test_detailed_size_adds_every_hyper_parameter():
    selectors = model_selectors("detailed", "full")
    assert len(selectors) == len(set(selectors)) == 48 + 288 + 24 + 18
    assert len(model_selectors("detailed", "full", epoch=None)) == 144 + 1152 + 192 + 180
    assert model_selectors("restricted", "full")[0] == selectors[0]


def test_ablations_are_trained_by_the_cnn_alone():
    selectors = model_selectors("restricted", "urban_mel_time")
    assert [s.split("/")[0] for s in selectors] == ["cnn", "cnn"]


def test_an_epoch_that_no_plan_has_is_an_error():
    with pytest.raises(UsageError, match="epoch"):
        model_selectors("restricted", "full", epoch=7)


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
