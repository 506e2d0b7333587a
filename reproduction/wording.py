"""What the report calls things: the names of files, factors and metrics in words."""

import dataclasses
from pathlib import Path

from doce_plans.tables import Cell
from exp_classif_eval.probability_files import METHODS_OF
from exp_train_model.experiment_sizes import training_title
from exp_train_model.plans import PLANS
from reproduction.score_tables import ScoreTable
from transcoder.names import DEMO, TITLES, TRUE_MELS

_CAPTIONS = {
    "spectro_dcase_2023": "One second as each transcoder shows it, beside the true Mel spectrogram "
    "(figure of the paper)",
    "thirdo_mel": "Where third-octave bands and the Mel bands of both classifiers lie",
    "demo_scenes": "The synthetic scenes of the embedded DEMO data",
    "_curve": "Losses of training, validation and evaluation data",
    "confusion": "Confusion matrix",
    "precision_recall": "Precision-recall curves",
}
"""Part of a figure's file name -> what the figure shows."""

_DATASETS = {"urbansound8k": "UrbanSound8K", "sonycust": "SONYC-UST"}
_DEEP = {"0": "class groups", "1": "trained head"}
_TRANSCODERS = {
    "oracle": TITLES[TRUE_MELS],
    **{word: TITLES[method or TRUE_MELS] for word, method in METHODS_OF.items()},
    **TITLES,
}
"""The plans' words for Mels -> ours."""

_HEADINGS = {
    "deep": "classes by",
    "avg_mels_mse": "Mel MSE",
    "avg_logit_bce": "BCE",
    "avg_logit_kl": "KL",
    "ptopafc %": "top-1 agreement %",
    "acc_classif %": "accuracy %",
    "macro_f1 %": "macro F1 %",
    "acc_folds_sd %": "SD of accuracy over folds %",
    "macro_auprc": "macro AUPRC",
}
_CELLS = {"deep": _DEEP, "transcoder": _TRANSCODERS}
_FACTORS = frozenset(factor for plan in PLANS for factor in plan.factors)


def figure_caption(path: Path) -> str:
    """What the figure of a file shows, as far as its name tells."""
    known = next((part for part in _CAPTIONS if part in path.stem), "")
    detail = path.stem.replace(known, "").strip("_") if known else path.stem
    if known == "_curve":
        detail = _training(detail)
    elif detail.startswith("deep"):
        detail = _scored(detail)
    elif known == "thirdo_mel":
        detail = ""
    words = detail.replace("_", " ").replace("+", ", ").strip()
    return ": ".join(part for part in (_CAPTIONS.get(known), words) if part)


def _training(identifier: str) -> str:
    """The training of an identifier in words; the identifier if that is no published one."""
    factors = dict(part.split("=", 1) for part in identifier.split("+") if "=" in part)
    values = {k: int(v) if v.lstrip("-").isdecimal() else v for k, v in factors.items()}
    try:
        return training_title(values)
    except KeyError:
        return identifier


def _scored(name: str) -> str:
    """``deep0_YamNet_cnn``: who found the classes, for which classifier, in which Mels."""
    deep, _, rest = name.removeprefix("deep").partition("_")
    classifier, _, transcoder = rest.partition("_")
    words = (_DEEP.get(deep, deep), classifier, _TRANSCODERS.get(transcoder, transcoder))
    return ", ".join(words)


def dataset_title(name: str) -> str:
    """The data set that a folder ``classes_<data set>`` or a table's name ends with."""
    real = name.removesuffix(f"_{DEMO}")
    title = _DATASETS.get(real.rpartition("_")[2], real.replace("_", " "))
    return title if real == name else f"{title} ({DEMO})"


def table_title(stem: str) -> str:
    """The table of a file, as far as its name tells."""
    if stem.startswith("results_training_"):
        return f"Transcoders for {dataset_title(stem.removeprefix('results_training_'))}"
    if stem.startswith("results_classif_"):
        return dataset_title(stem)
    if stem.startswith("classes_"):
        return f"{dataset_title(stem)}, class by class"
    return stem.replace("_", " ")


def in_words(table: ScoreTable) -> ScoreTable:
    """``table`` with headings and factors' values in words."""
    words = [_CELLS.get(heading, {}) for heading in table.headings]
    rows = tuple(
        tuple(_in_words(cell, of) for cell, of in zip(row, words, strict=True))
        for row in table.rows
    )
    return dataclasses.replace(
        table,
        headings=tuple(map(_heading, table.headings)),
        rows=rows,
        title=table_title(table.title),
    )


def _in_words(cell: Cell, words: dict[str, str]) -> Cell:
    return Cell(words[cell.text]) if cell.text in words else cell


def _heading(text: str) -> str:
    """A heading in words; whether higher or lower is better stays behind it."""
    arrow = text[-2:] if text[-2:] in (" ↑", " ↓") else ""
    name = text.removesuffix(arrow)
    prefix = "published " if name.startswith("published ") else ""
    name, on, whose = name.removeprefix(prefix).partition(" on ")
    return prefix + _HEADINGS.get(name, name) + on + whose + arrow


def condensed(table: ScoreTable) -> ScoreTable:
    """``table`` without factors, where the column ``method`` tells its rows apart."""
    if "method" not in table.headings:
        return table
    methods = [row[table.headings.index("method")].text for row in table.rows]
    if len(set(methods)) < len(methods):
        return table
    kept = [i for i, heading in enumerate(table.headings) if heading not in _FACTORS]
    return dataclasses.replace(
        table,
        headings=tuple(table.headings[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
    )
