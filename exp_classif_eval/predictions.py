"""Scores and decisions of one setting for the scored files, and what its metric step stores."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exp_classif_eval import scores as scoring
from exp_classif_eval.datasets import Dataset
from transcoder.errors import MissingFileError, UserError
from transcoder.files import atomic_path


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
    right = scoring.first_class_agrees(predictions.decisions, predictions.labels)
    table = scoring.class_table(
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
