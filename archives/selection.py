"""Which probabilities are kept: those of all classes, of the best, or of groups of classes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transcoder.audioset import TVB_NAMES, audioset_classes, class_names
from transcoder.class_groups import group_maxima, read_class_groups


@dataclass(frozen=True, eq=False)
class Selection:
    """What is kept of each row of class probabilities.

    Attributes
    ----------
    names : of the columns: the classifier's classes, or the groups
    groups : for each name, the classifier's outputs that count for it; None for classes
    top_k : keep only so many, the highest; None for all
    """

    names: tuple[str, ...]
    groups: tuple[NDArray[np.int64], ...] | None = None
    top_k: int | None = None

    def as_dict(self) -> dict:
        """As JSON takes it."""
        groups = self.groups and [group.tolist() for group in self.groups]
        return {"names": self.names, "groups": groups, "top_k": self.top_k}

    def apply(self, probabilities: NDArray) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
        """``(n, n_classes)`` to what is kept.

        Returns
        -------
        values : ``(n, k)``; a group has the maximum of its classes, as in the classification
            experiment
        indices : with ``top_k`` ``(n, k)``, which of `names` they are, best first; else
            ``(n, 0)``: all, in the order of `names`
        """
        values = probabilities
        if self.groups is not None:
            values = group_maxima(probabilities, self.groups)
        if self.top_k is None:
            return values, np.empty((len(values), 0), dtype=np.int16)
        order = np.argsort(-values, axis=1, kind="stable")[:, : self.top_k]
        return np.take_along_axis(values, order, axis=1), order.astype(np.int16)

    def dense(self, values: NDArray, indices: NDArray) -> NDArray[np.float32]:
        """``(n, len(names))`` of what `apply` gave; what it did not keep is 0."""
        if not indices.shape[1]:
            return values
        full = np.zeros((len(values), len(self.names)), dtype=np.float32)
        np.put_along_axis(full, indices.astype(np.int64), values, axis=1)
        return full


def all_classes(classifier: str) -> Selection:
    """Every class of ``classifier``."""
    return Selection(tuple(class_names(classifier)))


def best_classes(classifier: str, k: int) -> Selection:
    """The ``k`` most probable classes of each row."""
    return Selection(tuple(class_names(classifier)), top_k=min(k, len(class_names(classifier))))


def traffic_voice_birds(classifier: str) -> Selection:
    """The three groups of the paper's metrics."""
    classes = audioset_classes(classifier)
    groups = tuple(np.array([c.index for c in classes if c.tvb == key]) for key in TVB_NAMES)
    return Selection(tuple(TVB_NAMES.values()), groups)


def read_groups(path: Path, classifier: str) -> Selection:
    """Groups from a table (.xlsx or .csv) with the columns `transcoder.class_groups.GROUP_COLUMNS`.

    The workbooks of the classification experiment are such tables. A class may count for several
    groups; classes that ``classifier`` lacks are left out.

    Errors are those of `read_class_groups`.
    """
    groups = read_class_groups(path)
    return Selection(groups.names, tuple(groups.indices(classifier)))
