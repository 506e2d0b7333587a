"""The training experiment: where its files are and which of them each step leaves."""

from pathlib import Path

from doce_plans.experiment import Experiment
from doce_plans.settings import Setting
from exp_train_model.files import loss_file, metric_file, metric_names, model_file, output_file
from exp_train_model.plans import METRICS, PLANS
from exp_train_model.tables.remarks import remarks
from features.files import SPLITS
from transcoder.files import WORK_ROOT

NAME = "train_exp"
DEFAULT_FOLDER = WORK_ROOT / "exp_train_model" / NAME

PATHS = {
    "model": "model",  # trained transcoders
    "session": "session",  # trainings under way
    "loss": "loss",  # their curves
    "output": "output",  # Mels and probabilities
    "metric": "metric",  # scores
    "duration": "duration",  # of steps and trainings, in seconds
}


def training_experiment(folder: Path = DEFAULT_FOLDER, given: str = "") -> Experiment:
    """The experiment with its files in ``folder``; of its tables: see `Experiment.placed`.

    ``given`` are the options that advised commands repeat.
    """
    experiment = Experiment(
        name=NAME,
        purpose="train transcoders from third-octave levels to Mels or classes, and score them",
        plans=PLANS,
        metrics=METRICS,
        paths=PATHS,
        outputs=step_outputs,
        remarks=remarks,
        given=given,
    )
    return experiment.placed(folder, DEFAULT_FOLDER)


def step_outputs(setting: Setting, experiment: Experiment) -> list[Path]:
    """All the files that the setting's step leaves."""
    if setting["step"] == "train":
        from transcoder.checkpoints import settings_path

        model = model_file(setting, experiment)
        losses = [loss_file(setting, experiment, split) for split in SPLITS]
        return [model, settings_path(model), *losses]
    if setting["step"] == "evaluate":
        splits = SPLITS if setting["transcoder"] == "oracle" else ("eval",)
        return [output_file(setting, experiment, split) for split in splits]
    return [metric_file(setting, experiment, name) for name in metric_names(setting)]
