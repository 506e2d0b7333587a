"""From class probabilities to decisions on a data set's classes; how good these are.

Everywhere ``scores`` are real numbers, higher = more likely, and ``decisions`` and ``labels`` are
0 or 1, all ``(n_files, n_classes)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from exp_classif_eval.datasets import Dataset
from transcoder.class_groups import group_maxima
from transcoder.errors import MissingFileError, UserError
from transcoder.files import atomic_path

TOP_RANKS = 8
"""SONYC-UST without training: a group among this many best is present."""

PRESENT_FROM = 0.5
"""SONYC-UST with training: probability from which a class is present."""


def group_decisions(
    probs: ArrayLike, groups: Sequence[NDArray[np.int64]], dataset: Dataset
) -> NDArray[np.int8]:
    """Decisions without training (deep 0).

    UrbanSound8K: the best group. SONYC-UST: groups and ungrouped outputs are ranked together, and
    groups among the `TOP_RANKS` best are present; in a tie a group comes first.
    """
    probs = np.asarray(probs)
    scores = group_maxima(probs, groups)
    if not dataset.multi_label:
        return _best(scores)
    ungrouped = np.delete(probs, np.concatenate(groups), axis=1)
    ranked = np.argsort(-np.concatenate([scores, ungrouped], axis=1), axis=1, kind="stable")
    decisions = np.zeros_like(ranked, dtype=np.int8)
    np.put_along_axis(decisions, ranked[:, :TOP_RANKS], 1, axis=1)
    return decisions[:, : len(groups)]


def head_decisions(scores: NDArray, dataset: Dataset) -> NDArray[np.int8]:
    """Decisions from the class probabilities of the trained head (deep 1)."""
    if dataset.multi_label:
        return (scores >= PRESENT_FROM).astype(np.int8)
    return _best(scores)


def first_class_agrees(decisions: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """1 for each file whose first present class is the labelled one, else 0; ``(n_files,)``.

    The mean is ``acc_classif``: the accuracy for UrbanSound8K. For SONYC-UST, where several
    classes or none may be present, it is what the published code computed: no class counts as
    the first.
    """
    return (decisions.argmax(axis=1) == labels.argmax(axis=1)).astype(np.float64)


def auprc(scores: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """Area under each class's precision-recall curve by the trapezoidal rule, ``(n_classes,)``.

    NaN for a class that no file has.
    """
    from sklearn.metrics import auc, precision_recall_curve  # takes a second: once it is needed

    areas = np.full(labels.shape[1], np.nan)
    for k in np.flatnonzero(labels.any(axis=0)):
        precision, recall, _ = precision_recall_curve(labels[:, k], scores[:, k])
        areas[k] = auc(recall, precision)
    return areas


def class_table(
    scores: NDArray, decisions: NDArray, labels: NDArray, class_names: Sequence[str]
) -> pd.DataFrame:
    """A row for each class: files with it, precision, recall, F1 and area under the PR curve.

    NaN where there is nothing to divide by.
    """
    hits = (decisions * labels).sum(axis=0, dtype=float)
    n_files, n_decided = labels.sum(axis=0, dtype=float), decisions.sum(axis=0, dtype=float)
    with np.errstate(invalid="ignore"):
        columns = {
            "n_files": n_files.astype(int),
            "precision": hits / n_decided,
            "recall": hits / n_files,
            "f1": 2 * hits / (n_files + n_decided),
            "auprc": auprc(scores, labels),
        }
    return pd.DataFrame(columns, index=pd.Index(class_names, name="class"))


def confusion_matrix(decisions: NDArray, labels: NDArray) -> NDArray[np.int64]:
    """Files that have class i and were given class j, ``(n_classes, n_classes)``.

    With several classes in a file (SONYC-UST) it counts for each pair, so that an entry off the
    diagonal need not be an error.
    """
    return labels.astype(np.int64).T @ decisions.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Outputs:
    """What trained heads say of the files that they have not seen."""

    files: NDArray  # (n_files,) names
    scores: NDArray  # (n_files, n_classes)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a setting is scored by; in all arrays a row is a file."""

    files: NDArray  # (n_files,) names
    parts: NDArray  # (n_files,) fold or split
    scores: NDArray  # (n_files, n_classes), higher = more likely
    decisions: NDArray  # (n_files, n_classes) 0 or 1
    labels: NDArray  # (n_files, n_classes) 0 or 1
    origin: NDArray  # () text, JSON: what the probabilities were computed with, and the options


def metric_arrays(predictions: Predictions, dataset: Dataset) -> dict[str, NDArray[np.float64]]:
    """The arrays whose means are the scores, and that significance is tested on.

    - ``acc_classif``: UrbanSound8K: one value for each fold, its right files over the mean number
      of files of a fold. So each file counts once, as published, where a plain mean over folds
      would give small folds more weight. SONYC-UST: 0 or 1 for each file.
    - ``acc_folds``: the folds' own accuracies; UrbanSound8K only
    - ``macro_auprc``, ``macro_f1``: one value for each class, over all files; the first without
      classes that no file has.
    """
    right = first_class_agrees(predictions.decisions, predictions.labels)
    table = class_table(
        predictions.scores, predictions.decisions, predictions.labels, dataset.class_names
    )
    arrays = {
        "acc_classif": right,
        "macro_auprc": table["auprc"].dropna().to_numpy(),
        # a class neither decided nor labelled counts as 0
        "macro_f1": table["f1"].fillna(0).to_numpy(),
    }
    if not dataset.multi_label:
        in_fold = predictions.parts == np.unique(predictions.parts)[:, np.newaxis]
        n_right, n_files = (in_fold * right).sum(axis=1), in_fold.sum(axis=1)
        arrays |= {"acc_classif": n_right / n_files.mean(), "acc_folds": n_right / n_files}
    return arrays


def save(path: Path, content: Outputs | Predictions) -> None:
    """Write the arrays, complete or not at all."""
    arrays = {field.name: getattr(content, field.name) for field in fields(content)}
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def load(path: Path, kind: type, *, command: str):
    """Read what `save` wrote of a ``kind``; errors name the command that makes it."""
    try:
        with np.load(path) as data:
            return kind(**{field.name: data[field.name] for field in fields(kind)})
    except FileNotFoundError:
        raise MissingFileError(f"{path} is missing; make it with: {command}") from None
    except Exception as error:  # numpy, zipfile and zlib each have their own
        raise UserError(f"{path}: is damaged ({error}); make it again with: {command}") from error


def _best(scores: NDArray) -> NDArray[np.int8]:
    return np.eye(scores.shape[1], dtype=np.int8)[scores.argmax(axis=1)]
