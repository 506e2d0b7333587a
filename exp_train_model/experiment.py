"""The training experiment: its files, setting by setting, and what readers must know of scores."""

from collections.abc import Sequence
from pathlib import Path

from doce_plans.experiment import Experiment
from doce_plans.plans import plan_on
from doce_plans.records import newest, read_record
from doce_plans.settings import Setting
from exp_train_model.plans import METRICS, PLANS, TS
from features.files import OPEN, SPLITS
from transcoder.files import WORK_ROOT
from transcoder.marks import file_mark
from transcoder.names import DEMO, is_demo, trial_of

NAME = "train_exp"
DEFAULT_FOLDER = WORK_ROOT / "exp_train_model" / NAME
COMMAND = "python exp_train_model/main_doce_training.py"

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
    purpose = "train transcoders from third-octave levels to Mels or classes, and score them"
    return Experiment(
        NAME, purpose, PLANS, METRICS, PATHS, step_outputs, given=given, remarks=remarks
    ).placed(folder, DEFAULT_FOLDER)


def command_for(setting: Setting, experiment: Experiment) -> str:
    """The command that runs one setting."""
    return f"{COMMAND} -s {setting.selector()} -c{experiment.given}"


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


def remarks(settings: Sequence[Setting], experiment: Experiment) -> list[str]:
    """For each metric setting: whether it is a trial, DEMO's, or of another state than the rest."""
    records = newest(settings, experiment, _of)
    return [_remark(s, experiment, _state(records.get(_of(s)))) for s in settings]


def _remark(setting: Setting, experiment: Experiment, state: tuple) -> str:
    found = [DEMO] if is_demo(setting["dataset"]) else []
    record = read_record(setting, experiment)
    if record is None:
        return "; ".join([*found, "nobody knows from which model and data"])
    model = record.get("outputs", {}).get("model", {})
    scratch_counts = setting["transcoder"] in TS.factors["transcoder"]
    found.append(trial_of(model, setting.get("epoch"), scratch_counts=scratch_counts))
    if model:
        path = model_file(setting, experiment)
        if path.is_file() and file_mark(path) != model["weights"]:
            found.append("of an older model")
    if _state(record) != state:
        found.append("of other data or another teacher than the newest row")
    return "; ".join(filter(None, found))


def _of(setting: Setting) -> tuple[str, str]:
    return setting["dataset"], setting["classifier"]


def _state(record: dict | None) -> tuple:
    outputs = (record or {}).get("outputs", {})
    return outputs.get("data_eval"), outputs.get("teacher")
