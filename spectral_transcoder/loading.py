"""Networks by name, loaded once."""

import functools
import os

from transcoder.classifiers import Classifier, load_classifier
from transcoder.devices import choose_device
from transcoder.errors import UsageError
from transcoder.files import REFERENCE_MODELS
from transcoder.names import CLASSIFIERS, WAYS
from transcoder.transcode import Transcoder


@functools.lru_cache(maxsize=8)
def transcoder(classifier: str, method: str, models: str | os.PathLike | None) -> Transcoder:
    """The transcoder of a method, for the classifier at hand, on the GPU if there is one."""
    if classifier not in CLASSIFIERS:
        raise UsageError(f"classifier {classifier!r}: give one of {', '.join(CLASSIFIERS)}")
    if method not in WAYS:
        raise UsageError(f"method {method!r}: give one of {', '.join(WAYS)}")
    judge = None if method in ("pinv", "texture", "cnn_mels") else judge_of(classifier)
    return Transcoder.load(
        classifier, method,
        models=REFERENCE_MODELS if models is None else models,
        judge=judge, device=choose_device("auto"),
    )  # fmt: skip


@functools.lru_cache(maxsize=2)
def judge_of(classifier: str) -> Classifier:
    """The classifier whose weights are at hand: fetched ones before the small YAMNet."""
    return load_classifier(classifier).to(choose_device("auto"))
