"""The steps of the training experiment: what ``-c`` does with a setting."""

import time

from doce_plans.experiment import Experiment
from doce_plans.settings import Setting
from exp_train_model import experiment as files
from exp_train_model.jobs import evaluation_job, scoring_job, training_job
from exp_train_model.options import TrainingOptions
from exp_train_model.scoring.evaluation import evaluate_oracle, evaluate_transcoder
from exp_train_model.scoring.outputs import score
from exp_train_model.stopping import StopRequest
from exp_train_model.training.train_step import train_transcoder
from transcoder.files import atomic_save_array


def run_step(
    setting: Setting, experiment: Experiment, *, options: TrainingOptions, stop: StopRequest
) -> None:
    """Run the step that ``setting`` names, and note how long it took."""
    stop.stop("nothing was left undone")
    start = time.perf_counter()
    if setting["step"] == "train":
        train_transcoder(training_job(setting, experiment, options), stop)
    elif setting["step"] == "metric":
        score(scoring_job(setting, experiment))
    else:
        evaluate = evaluate_oracle if setting["transcoder"] == "oracle" else evaluate_transcoder
        evaluate(evaluation_job(setting, experiment, options), stop)
    duration_s = time.perf_counter() - start
    atomic_save_array(files.duration_file(setting, experiment, "duration"), duration_s)
