"""The steps of the training experiment: what ``-c`` does with a setting."""

import time
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from doce_plans.experiment import Experiment
from doce_plans.settings import Setting
from exp_train_model import experiment as files
from exp_train_model.options import RunOptions
from exp_train_model.scoring.evaluation import evaluate_oracle, evaluate_transcoder
from exp_train_model.scoring.outputs import open_outputs
from exp_train_model.stopping import StopRequest
from exp_train_model.training.train_step import train_setting
from transcoder.files import atomic_path, atomic_write_text
from transcoder.metrics import READABLE_NAMES, file_metrics, top_labels


def run_step(
    setting: Setting, experiment: Experiment, *, options: RunOptions, stop: StopRequest
) -> None:
    """Run the step that ``setting`` names, and note how long it took."""
    stop.stop("nothing was left undone")
    start = time.perf_counter()
    _run(setting, experiment, options, stop)
    duration_s = time.perf_counter() - start
    _save(files.duration_file(setting, experiment, "duration"), duration_s)


def _run(setting: Setting, experiment: Experiment, options: RunOptions, stop: StopRequest) -> None:
    if setting["step"] == "train":
        train_setting(setting, experiment, options, stop)
    elif setting["step"] == "metric":
        score(setting, experiment)
    elif setting["transcoder"] == "oracle":
        evaluate_oracle(setting, experiment, options, stop)
    else:
        evaluate_transcoder(setting, experiment, options, stop)


def score(setting: Setting, experiment: Experiment) -> None:
    """Compare the stored outputs of the setting's model with the oracle's, file by file."""
    oracle = files.oracle_setting(setting, experiment)
    own = setting.replace("step", "evaluate")

    def outputs_of(what: Setting):
        path = files.output_file(what, experiment)
        return open_outputs(path, command=files.command_for(what, experiment))

    with outputs_of(oracle) as true, outputs_of(own) as model:
        _, chunks_per_file = np.unique(true["file_index"][:], return_counts=True)
        has_mels = "mels" in model
        values = file_metrics(
            true["probabilities"],
            model["probabilities"],
            true["mels"] if has_mels else None,
            model["mels"] if has_mels else None,
            classifier=setting["classifier"],
            chunks_per_file=chunks_per_file,
        )
        labels = top_labels(
            model["probabilities"],
            classifier=setting["classifier"],
            chunks_per_file=chunks_per_file,
        )
    for name, array in (values | labels).items():
        _save(files.metric_file(setting, experiment, name), array)
    rows = [f"{READABLE_NAMES[k]},{k},{x.mean():.9g},{x.std():.9g}" for k, x in values.items()]
    header = "name,published_name,mean,standard_deviation"
    atomic_write_text(files.scores_file(setting, experiment), "\n".join([header, *rows]) + "\n")


def _save(path: Path, values: ArrayLike) -> None:
    with atomic_path(path) as temporary:
        np.save(temporary, values)
