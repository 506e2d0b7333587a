"""What readers of the training experiment's scores must know of each row."""

from collections.abc import Sequence

from doce_plans.experiment import Experiment
from doce_plans.records import newest, read_record
from doce_plans.settings import Setting
from exp_train_model.files import model_file
from exp_train_model.plans import TS
from transcoder.marks import file_mark
from transcoder.names import DEMO, is_demo, trial_of


def remarks(settings: Sequence[Setting], experiment: Experiment) -> list[str]:
    """For each metric setting: whether it is a trial, DEMO's, or of another state than the rest."""
    latest = {}
    for key in {_of(setting) for setting in settings}:
        record = newest([setting for setting in settings if _of(setting) == key], experiment)
        latest[key] = _state(record)
    return [_remark(setting, experiment, latest[_of(setting)]) for setting in settings]


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
