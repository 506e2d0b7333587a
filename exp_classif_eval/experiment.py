"""The classification experiment: its files, and what readers must know of its scores."""

from collections.abc import Sequence
from pathlib import Path

from doce_plans.experiment import Experiment
from doce_plans.records import newest, read_record
from doce_plans.settings import Setting
from exp_classif_eval.datasets import dataset
from exp_classif_eval.plans import METRICS, PLANS
from transcoder.files import WORK_ROOT
from transcoder.names import DEMO, is_demo

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
    purpose = "score the classes that classifiers hear behind transcoders, on two data sets"
    return Experiment(
        NAME, purpose, PLANS, METRICS, PATHS, step_outputs, given=given, remarks=remarks
    ).placed(folder, DEFAULT_FOLDER)


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


def remarks(settings: Sequence[Setting], experiment: Experiment) -> list[str]:
    """For each metric setting: whether it is DEMO's, of a trial, or of other labels than others."""
    records = newest(settings, experiment, lambda setting: setting["dataset"])
    truths = {dataset: record.get("truth") for dataset, record in records.items()}
    return [_remark(s, experiment, truths.get(s["dataset"])) for s in settings]


def _remark(setting: Setting, experiment: Experiment, truth: str | None) -> str:
    found = [DEMO] if is_demo(setting["dataset"]) else []
    record = read_record(setting, experiment)
    if record is None:
        return "; ".join([*found, "nobody knows from which model and data"])
    found.append(record.get("origin", {}).get("trial", ""))
    if record.get("truth") != truth:
        found.append("of other files or labels than the newest row")
    return "; ".join(filter(None, found))
