"""A training that is cut off goes on as if nothing had happened: the same weights, bit for bit."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from training_data import write_classifier, write_features
from training_world import assert_same, stop_after_batches, weights

from exp_train_model.main_doce_training import main
from exp_train_model.training.loop import make_optimizer
from exp_train_model.training.session import Session
from transcoder.files import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "exp_train_model" / "main_doce_training.py"
SMALL_CNN = "epoch=10+learning_rate=-3+kernel_size=3+nb_layers=3+dilation=0+nb_channels=16"
SELECTOR = f"cnn/step=train+dataset=TEST+classifier=YamNet+{SMALL_CNN}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_features(tmp_path_factory.mktemp("features"), n_files=50)


def arguments(data, folder, selector=SELECTOR):
    return ["-s", selector, "-c", "--data_path", str(data), "--experiment_path", str(folder),
            "--device", "cpu", "--seed", "3"]  # fmt: skip


def start(data, folder, selector=SELECTOR):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments(data, folder, selector)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    """The final weights."""
    folder = tmp_path_factory.mktemp("whole")
    assert main(arguments(data, folder)) == 0
    return weights(folder)


def wait_for_session(folder, process):
    """Until the first epoch is saved."""
    while not list(Path(folder).glob("session/[!.]*.pt")) and process.poll() is None:
        time.sleep(0.005)


@pytest.mark.parametrize(
    "delay_s", [0.1, *(pytest.param(d, marks=pytest.mark.slow) for d in (0, 0.03, 0.07, 0.15))]
)
def test_killed_training_goes_on(delay_s, data, uninterrupted, tmp_path, caplog):
    process = start(data, tmp_path)
    wait_for_session(tmp_path, process)
    time.sleep(delay_s)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the training ended before it was killed"
    (session,) = tmp_path.glob("session/[!.]*.pt")
    caplog.set_level("INFO")
    assert main(arguments(data, tmp_path)) == 0
    assert "going on after epoch" in caplog.text
    assert_same(weights(tmp_path), uninterrupted)
    assert not session.exists()


def test_the_signal_of_slurm_saves_and_leaves(data, uninterrupted, tmp_path):
    process = start(data, tmp_path)
    wait_for_session(tmp_path, process)
    process.send_signal(signal.SIGUSR1)
    _, log = process.communicate()
    assert process.returncode == 128 + signal.SIGUSR1
    assert "stopped by SIGUSR1" in log and "Traceback" not in log
    assert not list(tmp_path.glob("model/*_model*"))
    assert main(arguments(data, tmp_path)) == 0
    assert_same(weights(tmp_path), uninterrupted)


def test_session_of_other_options_is_refused(data, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after_batches(patch, 2)
        assert main(arguments(data, tmp_path)) == 128 + signal.SIGTERM
    args = [*arguments(data, tmp_path), "--seed", "4"]
    assert main(args) == 1
    assert "begun with seed 3, not seed 4" in capsys.readouterr().err
    (session,) = tmp_path.glob("session/[!.]*.pt")
    session.write_bytes(session.read_bytes()[:1000])
    assert main(arguments(data, tmp_path)) == 1
    assert "damaged or cut short" in capsys.readouterr().err


def test_random_numbers_of_dropout_go_on_too(tmp_path):
    """PANN trained as "self" draws random numbers in each step."""
    layer = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5))
    torch.manual_seed(1)
    session = Session(layer, make_optimizer(layer, 1e-3), torch.amp.GradScaler("cpu"), {})
    first = layer(torch.ones(2, 4))
    session.save(tmp_path / "session")
    second = layer(torch.ones(2, 4))
    torch.manual_seed(99)
    session.resume(tmp_path / "session")
    assert torch.equal(layer(torch.ones(2, 4)), second)
    assert not torch.equal(first, second)


def test_classes_are_trained_from_targets_and_resumed(tmp_path, monkeypatch):
    """The session of a training with BatchNorm counters and a teacher's mark."""
    monkeypatch.setenv("YAMNET_WEIGHTS", str(write_classifier(tmp_path / "yamnet.pth")))
    features = write_features(tmp_path / "features", n_files=40)
    assert main(["-s", "reference/step=evaluate+transcoder=oracle+dataset=TEST+classifier=YamNet",
                 "-c", "--data_path", str(features), "--experiment_path",
                 str(tmp_path / "whole"), "--device", "cpu"]) == 0  # fmt: skip
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "output").symlink_to(tmp_path / "whole" / "output")
    selector = "ts/step=train+transcoder=self+dataset=TEST+classifier=YamNet+learning_rate=-4"
    whole, cut = (
        [*arguments(features, tmp_path / name, f"{selector}+epoch=5"), "--epochs_override", "2"]
        for name in ("whole", "cut")
    )
    assert main(whole) == 0
    with monkeypatch.context() as patch:
        stop_after_batches(patch, 3)
        assert main(cut) == 128 + signal.SIGTERM
    assert main(cut) == 0
    assert_same(weights(tmp_path / "cut"), weights(tmp_path / "whole"))
