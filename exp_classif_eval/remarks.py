"""What readers of the classification experiment's scores must know of each row."""

from collections.abc import Sequence

from doce_plans.experiment import Experiment
from doce_plans.records import newest, read_record
from doce_plans.settings import Setting
from transcoder.names import DEMO, is_demo


def remarks(settings: Sequence[Setting], experiment: Experiment) -> list[str]:
    """For each metric setting: whether it is DEMO's, of a trial, or of other labels than others."""
    latest = {}
    for dataset in {setting["dataset"] for setting in settings}:
        record = newest([s for s in settings if s["dataset"] == dataset], experiment)
        latest[dataset] = (record or {}).get("truth")
    return [_remark(setting, experiment, latest[setting["dataset"]]) for setting in settings]


def _remark(setting: Setting, experiment: Experiment, truth: str | None) -> str:
    found = [DEMO] if is_demo(setting["dataset"]) else []
    record = read_record(setting, experiment)
    if record is None:
        return "; ".join([*found, "nobody knows from which model and data"])
    found.append(record.get("origin", {}).get("trial", ""))
    if record.get("truth") != truth:
        found.append("of other files or labels than the newest row")
    return "; ".join(filter(None, found))
