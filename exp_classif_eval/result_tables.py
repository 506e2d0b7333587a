"""Tables of the classification experiment: scores beside the published ones, and class by class."""

import csv
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from doce_plans.experiment import Experiment, Metric
from doce_plans.results import load_results
from doce_plans.selectors import SettingSelection
from doce_plans.settings import Setting
from doce_plans.tables import MISSING, Cell, Heading, Table, make_table
from exp_classif_eval.datasets import Dataset
from exp_classif_eval.experiment import command_for, predictions_file
from exp_classif_eval.scores import Predictions, class_table, load
from transcoder.names import DEMO_NOTE, is_demo, real_name

if TYPE_CHECKING:  # takes a while to import
    import pandas as pd

PUBLISHED_SCORES = Path(__file__).with_name("published_scores.csv")

_FACTORS = ("deep", "classifier", "transcoder")


def scored_settings(experiment: Experiment, dataset: Dataset) -> SettingSelection:
    """The metric settings of the data set that have scores, in all plans, the extra ones included.

    Raises
    ------
    UserError
        If there are none.
    """
    plans = [plan for plan in experiment.plans if dataset.name in plan.factors["dataset"]]
    plans.sort(key=lambda plan: plan.factors["deep"])
    selection = experiment.select(
        *(f"{plan.name}/step=metric+dataset={dataset.name}" for plan in plans)
    )
    scored = (setting for setting, results in load_results(experiment, selection) if results)
    return dataclasses.replace(selection, settings=tuple(scored))


def score_table(experiment: Experiment, dataset: Dataset, scored: SettingSelection) -> Table:
    """Of `scored_settings` the main metric, ours and the published one, and macro F1."""
    main = next(m for m in experiment.metrics if m.name == dataset.main_metric)
    shown = [main.name, "macro_f1"]
    if not dataset.multi_label:
        shown.append("acc_folds_sd")
    table = make_table(experiment, scored, ",".join(shown))
    published = published_scores(dataset, main)
    cells = [published.get(tuple(s[f] for f in _FACTORS), Cell(MISSING)) for s in scored]
    real = real_name(dataset.name)
    whose = "" if dataset.name == real else f" on the real {real}"
    table = table.with_column(Heading(f"published {main.label}{whose}"), cells).with_remarks()
    return dataclasses.replace(
        table,
        notes=_notes(experiment, dataset, scored.settings),
        made_with=tuple(made_with(setting, experiment) for setting in scored),
    )


def published_scores(dataset: Dataset, metric: Metric) -> dict[tuple, Cell]:
    """Published values of the metric as tables show them, by deep, classifier and transcoder."""
    with PUBLISHED_SCORES.open(encoding="utf-8", newline="") as file:
        return {
            (int(row["deep"]), row["classifier"], row["transcoder"]): Cell(
                metric.format(float(row["value"])), float(row["value"])
            )
            for row in csv.DictReader(file)
            if (row["dataset"], row["metric"]) == (real_name(dataset.name), metric.name)
        }


def read_predictions(setting: Setting, experiment: Experiment) -> Predictions:
    """What the setting's metric step stored; errors name the command that stores it."""
    path = predictions_file(setting, experiment)
    return load(path, Predictions, command=command_for(setting, experiment))


def made_with(setting: Setting, experiment: Experiment) -> str:
    """The classifier's weights and the transcoder's checkpoint behind a setting's scores."""
    origin = json.loads(str(read_predictions(setting, experiment).origin))
    names = (origin.get(key) for key in ("teacher", "checkpoint"))
    return ", ".join(filter(None, names))


def class_tables(
    experiment: Experiment, dataset: Dataset, settings: Sequence[Setting]
) -> "pd.DataFrame":
    """`scores.class_table` of each setting, one below the other, with remarks if there are any."""
    import pandas as pd

    tables = {}
    remarks = experiment.remarks(settings, experiment)
    for setting, remark in zip(settings, remarks, strict=True):
        found = read_predictions(setting, experiment)
        key = tuple(setting[factor] for factor in _FACTORS)
        table = class_table(found.scores, found.decisions, found.labels, dataset.class_names)
        tables[key] = table.assign(remarks=remark) if any(remarks) else table
    return pd.concat(tables, names=[*_FACTORS, "class"])


def _notes(
    experiment: Experiment, dataset: Dataset, settings: Sequence[Setting]
) -> tuple[str, ...]:
    """What the numbers were computed from, and how that differs from the publication."""
    from transcoder.checkpoints import provenance

    found = [read_predictions(setting, experiment) for setting in settings]
    origins = [json.loads(str(predictions.origin)) for predictions in found]

    def all_of(key: str) -> str:
        return ", ".join(sorted({origin[key] for origin in origins if key in origin}))

    n_files = " or ".join(map(str, sorted({len(predictions.files) for predictions in found})))
    ours = provenance()
    notes = [
        f"{dataset.name}, {n_files} scored files; classifiers: {all_of('teacher')}; "
        f"spectral_transcoder {ours['spectral_transcoder']} ({ours['git_commit']}), torch "
        f"{ours['torch']}",
        "deep 0: groups of AudioSet classes; deep 1: a trained head. self: the true Mels; cnn: "
        "CNN-logits. Published: Tailleur et al., DCASE 2023, on the whole data set.",
        f"checkpoints: {all_of('checkpoint') or 'none'}",
        f"Sampling: {all_of('sampling')}. In the published program, YamNet's transcoders got "
        "16 kHz audio in a transform for 32 kHz.",
    ]
    if dataset.multi_label:
        notes.append(
            f"Labels: {all_of('labels')}. Ours: a class that nobody labelled is absent; published: "
            "present. Significance is tested over classes."
        )
    else:
        notes.append(
            "acc_folds_sd: standard deviation of the folds' accuracies. Significance is tested "
            "over folds; that of macro_f1 over classes."
        )
    return (*notes, *[DEMO_NOTE] * is_demo(dataset.name))
