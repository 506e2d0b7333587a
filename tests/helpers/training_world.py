"""The training experiment on made-up features: a world to run it in, stops, what it leaves."""

import os
import signal
from pathlib import Path

import torch
from training_data import write_classifier, write_features

from exp_train_model.experiment import training_experiment
from exp_train_model.main_doce_training import main
from exp_train_model.training import loop

N_FILES = 6
PAPER_CNN = "learning_rate=-3+kernel_size=5+nb_layers=5+dilation=1+nb_channels=64"
MODELS = {
    "mlp": "mlp/transcoder=mlp+hidden1=100+hidden2=1000+learning_rate=-3",
    "mlp_pinv": "mlp/transcoder=mlp_pinv+hidden1=100+hidden2=1000+learning_rate=-3",
    "CNN-mels": f"cnn/{PAPER_CNN}",
    "CNN-logits": "hybridts/prop_logit=100+dilation=1+learning_rate=-3",
    "CNN-hybrid": "hybridts/prop_logit=50+dilation=1+learning_rate=-3",
    "self": "ts/transcoder=self+learning_rate=-4",
    "effnet_b0": "ts/transcoder=effnet_b0+learning_rate=-5",
}


class World:
    """Features, a classifier and an experiment folder."""

    def __init__(self, folder):
        self.folder = folder
        self.features = write_features(folder / "features", n_files=N_FILES)
        self.weights = write_classifier(folder / "yamnet.pth")
        self.experiment = training_experiment(folder / "exp")

    def run(self, selector, *more):
        return self.run_plain(f"{selector}+dataset=TEST+classifier=YamNet", *more)

    def run_plain(self, selector, *more):
        return main(["-s", selector, *(more or ("-c",)), "--data_path", str(self.features),
                     "--experiment_path", str(self.experiment.folder), "--device", "cpu",
                     "--epochs_override", "1", "--no_pretrained"])  # fmt: skip

    def setting(self, selector):
        (setting,) = self.experiment.select(f"{selector}+dataset=TEST+classifier=YamNet")
        return setting


def use(monkeypatch, world):
    monkeypatch.setenv("YAMNET_WEIGHTS", str(world.weights))
    return world


def weights(folder):
    (path,) = (p for p in Path(folder, "model").iterdir() if p.name.endswith("_model"))
    return torch.load(path)


def assert_same(found, expected):
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def stop_after_batches(monkeypatch, n, how=signal.SIGTERM):
    """Send SIGTERM or another signal to this process in its training step ``n``."""
    step, count = loop.training_step, iter(range(1, 1000))

    def step_with_signal(*args):
        if next(count) == n:
            os.kill(os.getpid(), how)
        return step(*args)

    monkeypatch.setattr(loop, "training_step", step_with_signal)
