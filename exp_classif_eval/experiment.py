"""The classification experiment: where its files are and which of them each step leaves."""

from pathlib import Path

from doce_plans.experiment import Experiment
from doce_plans.settings import Setting
from exp_classif_eval.datasets import dataset
from exp_classif_eval.plans import METRICS, PLANS
from exp_classif_eval.remarks import remarks
from transcoder.files import WORK_ROOT

NAME = "classif_exp"
DEFAULT_FOLDER = WORK_ROOT / "exp_classif_eval" / NAME

PATHS = {
    "model": "model",  # trained heads
    "predictions": "predictions",  # scores and decisions for the scored files
    "metrics": "metrics",  # how good these are
}

COMMAND = "python exp_classif_eval/main_doce_score.py"


def classification_experiment(folder: Path = DEFAULT_FOLDER, given: str = "") -> Experiment:
    """The experiment with its files in ``folder``; of its tables: see `Experiment.placed`.

    ``given`` are the options that advised commands repeat.
    """
    experiment = Experiment(
        name=NAME,
        purpose="score the classes that classifiers hear behind transcoders, on two data sets",
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
        return [heads_file(setting, experiment)]
    if setting["step"] == "eval":
        return [outputs_file(setting, experiment)]
    has_folds = not dataset(setting["dataset"]).multi_label
    outputs = [m.output for m in experiment.metrics if has_folds or m.output != "acc_folds"]
    metrics = [experiment.file("metrics", setting, output) for output in outputs]
    return [predictions_file(setting, experiment), *metrics]


def heads_file(setting: Setting, experiment: Experiment) -> Path:
    """The trained heads of all splits."""
    return experiment.file("model", setting.replace("step", "train"), "heads", ".pth")


def outputs_file(setting: Setting, experiment: Experiment) -> Path:
    """What the heads say, each of the files that it was not trained on."""
    return experiment.file("predictions", setting.replace("step", "eval"), "outputs", ".npz")


def predictions_file(setting: Setting, experiment: Experiment) -> Path:
    """Scores, decisions and labels of the scored files."""
    return experiment.file("predictions", setting, "predictions", ".npz")


def command_for(setting: Setting, experiment: Experiment) -> str:
    """The command that runs one setting."""
    return f"{COMMAND} -s {setting.selector()} -c{experiment.given}"
