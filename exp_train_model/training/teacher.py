"""The frozen classifier as a teacher: as exact as the plain one, but faster."""

import os

from exp_train_model.training.precision import Precision, last_layer_in_float32
from transcoder.classifiers import Classifier, load_classifier
from transcoder.fingerprint import fingerprint
from transcoder.folding import fold_classifier


def load_teacher(
    name: str, precision: Precision, *, weights: str | os.PathLike | None = None
) -> tuple[Classifier, str]:
    """The classifier ``name``, ready to teach on the device of ``precision``.

    Returns
    -------
    teacher
        Frozen, its BatchNorms folded into the convolutions before them, channels last.
    fingerprint
        Of the weights as they were loaded: see `fingerprint`.

    Raises
    ------
    MissingFileError
        If its weights are not there; the message names the command that fetches them.
    """
    teacher = load_classifier(name, weights)
    mark = fingerprint(teacher.network)
    return prepare_teacher(teacher, precision), mark


def prepare_teacher(teacher: Classifier, precision: Precision) -> Classifier:
    """Make a frozen classifier fast, in place: see `load_teacher`."""
    fold_classifier(teacher)
    if precision.is_mixed:
        last_layer_in_float32(teacher.network)
    return teacher.to(precision.device)
