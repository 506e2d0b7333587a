"""The training experiment's files, setting by setting, and the command that makes a setting's."""

from pathlib import Path

from doce_plans.experiment import Experiment
from doce_plans.plans import plan_on
from doce_plans.settings import Setting
from exp_train_model.plans import OPEN

COMMAND = "python exp_train_model/main_doce_training.py"


def model_file(setting: Setting, experiment: Experiment) -> Path:
    """The checkpoint of the setting's train step: ``<identifier>_model``, as published."""
    return experiment.file("model", setting.replace("step", "train"), "model", "")


def session_file(setting: Setting, experiment: Experiment) -> Path:
    """The state of the setting's training while it is under way."""
    return experiment.file("session", setting.replace("step", "train"), "session", ".pt")


def duration_file(setting: Setting, experiment: Experiment, what: str) -> Path:
    """Seconds: the step's ``duration``, and ``train_duration`` without validation."""
    return experiment.file("duration", setting, what)


def loss_file(setting: Setting, experiment: Experiment, split: str) -> Path:
    """``train``: a loss for each batch; ``valid``, ``eval``: before the first epoch and after
    each. ``mel_train``, ``logit_train``...: the weighted parts of a hybrid training's loss."""
    return experiment.file("loss", setting.replace("step", "train"), f"losses_{split}")


def output_file(setting: Setting, experiment: Experiment, split: str = "eval") -> Path:
    """What the setting's evaluate step stores of a split."""
    return experiment.file("output", setting.replace("step", "evaluate"), split, ".h5")


def metric_file(setting: Setting, experiment: Experiment, metric: str) -> Path:
    """One value for each recording of the eval split."""
    return experiment.file("metric", setting.replace("step", "metric"), metric)


def metric_names(setting: Setting) -> list[str]:
    """The metrics that the setting's model can have."""
    from transcoder.metrics import READABLE_NAMES
    from transcoder.models import CLASS_MODELS

    has_mels = setting["transcoder"] not in CLASS_MODELS
    return [name for name in READABLE_NAMES if has_mels or name != "mel_mse"]


def scores_file(setting: Setting, experiment: Experiment) -> Path:
    """The metrics' means under readable names."""
    return experiment.file("metric", setting.replace("step", "metric"), "scores", ".csv")


def oracle_setting(setting: Setting, experiment: Experiment) -> Setting:
    """The evaluate step of the oracle on the setting's data set and classifier."""
    plan = "reference_open" if setting["dataset"] == OPEN else "reference"
    return experiment.setting(
        plan_on(plan, setting["dataset"]),
        step="evaluate",
        transcoder="oracle",
        dataset=setting["dataset"],
        classifier=setting["classifier"],
    )


def command_for(setting: Setting, experiment: Experiment) -> str:
    """The command that runs one setting."""
    return f"{COMMAND} -s {setting.selector()} -c{experiment.given}"
