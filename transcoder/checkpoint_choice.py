"""Which checkpoint of a folder is the one for a classifier and a method."""

import functools
import logging
import os
from pathlib import Path

from transcoder.checkpoints import FETCH_HINT, SETTINGS_SUFFIX, read_settings
from transcoder.classifiers import SMALL_YAMNET, Classifier, fetch_hint
from transcoder.errors import MissingFileError, UsageError
from transcoder.files import FETCHED_MODELS, REFERENCE_MODELS
from transcoder.fingerprint import fingerprint
from transcoder.names import (
    CLASS_METHODS,
    FACTORS_OF_METHODS,
    PAPER_METHODS,
    WAYS,
    factors_of,
    is_demo,
)
from transcoder.settings import front_end
from transcoder.weights import SAFETENSORS
from transcoder.yaml_files import read_yaml

LOG = logging.getLogger(__name__)

_ANY_JUDGE = ("cnn_mels",)
"""Methods that no classifier had a part in; the others are for the one they learned from."""


def find_checkpoint(
    folder: str | os.PathLike, *, classifier: str, method: str, judge: Classifier | None
) -> Path:
    """The checkpoint in ``folder`` for a classifier and a method with weights.

    With the models that come with the project go those that were fetched, wherever they lie.

    Of several, it is

    1. one for the judge: all but CNN-mels are for the classifier that they learned from. What
       learned from the real YAMNet is for the embedded small one, too, which answers as it does;
       what learned from a small one is for that one alone;
    2. not one that was trained on DEMO's sounds;
    3. one that a user trained or downloaded, not one that ships with the project (its YAML says
       ``shipped: true``);
    4. the one whose file was written last.

    Parameters
    ----------
    judge
        The classifier that the Mels are for. A warning is logged if the checkpoint does not suit
        it. None, where its weights are not at hand, and whatever it is for `CLASS_METHODS`, which
        need none: no warning; one of the small YAMNet is the last choice.

    Raises
    ------
    MissingFileError
        If there is none.
    """
    if method not in FACTORS_OF_METHODS:
        known = ", ".join(FACTORS_OF_METHODS)
        raise UsageError(f"no checkpoint for method {method!r}: choose {known}")
    front_end(classifier)
    if method in CLASS_METHODS:
        judge = None  # its classes need no classifier: the real one is the better teacher
    found = _checkpoints(Path(folder), classifier, method)
    if not found:
        fetch = f"{FETCH_HINT}, or " if method in PAPER_METHODS else ""
        raise MissingFileError(
            f"no {WAYS[method]} transcoder for {classifier} in {folder}; {fetch}"
            f"train one with exp_train_model/main_doce_training.py"
        )

    def rank(path: Path) -> tuple:
        is_suited = method in _ANY_JUDGE or suits(path, judge)
        is_shipped = read_settings(path).get("shipped") is True
        learned_rules = is_demo(factors_of(path.name).get("dataset", ""))
        return is_suited, not learned_rules, not is_shipped, path.stat().st_mtime_ns

    chosen = max(found, key=rank)
    if method not in _ANY_JUDGE and judge is not None and not suits(chosen, judge):
        _warn(chosen, judge)
    return chosen


def _checkpoints(folder: Path, classifier: str, method: str) -> list[Path]:
    wanted = {"classifier": classifier} | FACTORS_OF_METHODS[method]
    folders = (folder, FETCHED_MODELS) if folder == REFERENCE_MODELS else (folder,)
    found = []
    for yaml_path in sorted({path for f in folders for path in f.glob(f"*{SETTINGS_SUFFIX}")}):
        path = yaml_path.with_name(yaml_path.name.removesuffix(SETTINGS_SUFFIX))
        if wanted.items() <= factors_of(path.name).items():
            both = (path, path.with_name(f"{path.name}{SAFETENSORS}"))
            found += [path for path in both if path.is_file()]
    return found


def suits(path: Path, judge: Classifier | None) -> bool:
    """Whether a checkpoint learned from the judge, as far as its YAML tells.

    Published ones do not say; their teachers were the real ones.
    """
    training = read_settings(path).get("settings")
    teacher = training.get("teacher") if isinstance(training, dict) else None
    small = small_yamnet()
    if judge is None or not _is_small(judge):
        return teacher is None or teacher != small.get("fingerprint")
    own = fingerprint(judge.network)
    stands_in = own == small.get("fingerprint")
    return teacher == own or (stands_in and teacher in (None, small["teacher_fingerprint"]))


def _is_small(classifier: Classifier) -> bool:
    return classifier.name == "YamNet" and not classifier.network.is_full


@functools.cache
def small_yamnet() -> dict:
    """What the YAML beside the embedded small YAMNet tells of it."""
    path = SMALL_YAMNET.with_suffix(".yaml")
    return read_yaml(path) if path.is_file() else {}


def _warn(path: Path, judge: Classifier) -> None:
    teacher = "another classifier" if _is_small(judge) else "the embedded small YAMNet"
    hint = fetch_hint(judge.name) if _is_small(judge) else FETCH_HINT
    LOG.warning(
        "%s was trained through %s: its classes are unreliable behind %s; %s",
        path.name,
        teacher,
        judge.label,
        hint,
    )
