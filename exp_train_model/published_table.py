"""The training experiment's table with the published results beside ours."""

import csv
import dataclasses
import re
from importlib import resources

from doce_plans.experiment import Experiment, Metric
from doce_plans.plans import FILLER
from doce_plans.results import load_results
from doce_plans.selectors import SettingSelection
from doce_plans.settings import Setting
from doce_plans.tables import MISSING, Cell, Heading, Table, make_table
from exp_train_model.experiment import model_file, output_file
from transcoder.names import DEMO_NOTE, is_demo, model_name

NOT_TRAINED = ("oracle", "pinv", "texture")
PUBLISHED_DATASET = "full"


def published_results(classifier: str) -> dict[str, dict[str, float]]:
    """The paper's results: by method, then by the metrics' published names.

    Source: Tailleur et al., DCASE 2023; data set ``full`` (TAU), 200 epochs.
    """
    text = (resources.files(__package__) / "published_results.csv").read_text("utf-8")
    results = {}
    for row in csv.DictReader(text.splitlines()):
        if row.pop("classifier") == classifier:
            method = row.pop("method")
            results[method] = {name: float(value) for name, value in row.items() if value}
    return results


def table_beside_published(
    experiment: Experiment, selection: SettingSelection, classifier: str
) -> Table:
    """Our table of the selected metric steps, each metric followed by the paper's value.

    Raises
    ------
    UserError
        If no selected setting has results.
    """
    table = make_table(experiment, selection)
    settings = [setting for setting, results in load_results(experiment, selection) if results]
    methods = [model_name(setting) for setting in settings]
    published = published_results(classifier)
    is_same = all(setting["dataset"] == PUBLISHED_DATASET for setting in settings)
    beside = Heading("published" if is_same else "published on TAU full")
    for metric in experiment.metrics:
        at = next((i for i, h in enumerate(table.headings) if h.name == metric.label), None)
        if at is not None:
            values = [published.get(method, {}).get(metric.output) for method in methods]
            table = table.with_column(beside, [_published_cell(v, metric) for v in values], at + 1)
    table = table.with_column(Heading("method", is_factor=True), list(map(Cell, methods)), 0)
    return dataclasses.replace(
        table,
        header=re.sub(rf"\w+: {FILLER} ", "", table.header),
        notes=(*table.notes, *_notes(experiment, settings)),
    )


def only_methods(table: Table) -> Table:
    """`table_beside_published` without its columns of factors: where methods tell rows apart."""
    return table.only_columns(lambda heading: not heading.is_factor or heading.name == "method")


def _published_cell(value: float | None, metric: Metric) -> Cell:
    return Cell(MISSING) if value is None else Cell(metric.format(value), value)


def _notes(experiment: Experiment, settings: list[Setting]) -> list[str]:
    """Where the numbers come from."""
    from transcoder.checkpoints import provenance, read_settings

    made = provenance()
    tables = {
        setting: read_settings(model_file(setting, experiment))
        for setting in settings
        if setting["transcoder"] not in NOT_TRAINED
    }
    how = {setting: table.get("settings") or {} for setting, table in tables.items()}
    datasets = ", ".join(dict.fromkeys(setting["dataset"] for setting in settings))
    devices = ", ".join(dict.fromkeys(str(h.get("device", "?")) for h in how.values())) or "-"
    notes = [
        "published: Tailleur et al., DCASE 2023 (data set full of TAU, 200 epochs)",
        f"table made {made['date']}, spectral-transcoder {made['spectral_transcoder']} "
        f"({made['git_commit']}), torch {made['torch']}, data set {datasets}, trained on {devices}",
    ]
    notes.append(f"classifier: {', '.join(_teachers(experiment, settings))}")
    notes += _notes_of_modes(experiment, settings)
    return notes + [DEMO_NOTE] * any(is_demo(setting["dataset"]) for setting in settings)


def _notes_of_modes(experiment: Experiment, settings: list[Setting]) -> list[str]:
    """In which mode self and effnet were scored: published values are of the training mode."""
    from transcoder.models import PAPER_CLASS_MODELS

    theirs = "training mode (statistics of each batch, dropout on)"
    notes = []
    for setting in settings:
        if setting["transcoder"] in PAPER_CLASS_MODELS:
            (mode,) = _attributes(experiment, [setting], "mode", "evaluation mode") or ("?",)
            notes.append(f"{model_name(setting)}: published was scored in {theirs}; ours: {mode}")
    return notes


def _teachers(experiment: Experiment, settings: list[Setting]) -> list[str]:
    """The classifiers that the results were computed with, as the stored outputs name them."""
    return _attributes(experiment, settings, "teacher_name", "unknown") or ["unknown"]


def _attributes(
    experiment: Experiment, settings: list[Setting], name: str, default: str
) -> list[str]:
    """The values of an attribute of the stored outputs, each once."""
    import h5py

    values = {}
    for setting in settings:
        path = output_file(setting.replace("step", "evaluate"), experiment, "eval")
        if path.is_file():
            with h5py.File(path) as outputs:
                values[outputs.attrs.get(name, default)] = None
    return list(values)
