"""The golden selectors and tables of doce 2023, and experiments that hold their data."""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
from golden_files import DATA

import exp_classif_eval.plans
import exp_train_model.plans
from doce_plans.experiment import Experiment

GOLDEN = json.loads((DATA / "doce_golden.json").read_text())


def published_experiment(name: str, folder: Path) -> Experiment:
    """The experiment ``train_exp`` or ``classif_exp`` in ``folder``."""
    ours = {"train_exp": exp_train_model.plans, "classif_exp": exp_classif_eval.plans}[name]
    paths = GOLDEN["experiments"][name]["paths"]
    return Experiment(
        name,
        "golden data",
        ours.PLANS,
        ours.METRICS,
        paths,
        outputs=lambda setting, experiment: [],
    ).at(folder)


def with_display_data(display: dict, folder: Path) -> Experiment:
    """The experiment of a golden table, with the arrays that the table was made of."""
    experiment = published_experiment(display["experiment"], folder)
    path = {metric.output: metric.path for metric in experiment.metrics}
    for item in display["data"]:
        place = experiment.path(path[item["output"]])
        place.mkdir(parents=True, exist_ok=True)
        np.save(place / f"{item['setting']}_{item['output']}.npy", np.array(item["values"]))
    return experiment


def is_recent(time: datetime) -> bool:
    """Within the last minutes, as files that a test just wrote."""
    return abs((datetime.now() - time).total_seconds()) < 600
