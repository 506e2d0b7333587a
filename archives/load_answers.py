"""What hears an archive, ready to use: networks, groups and the calibration of their presence."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archives.agreement import find_agreement
from archives.answers import Answers
from archives.inference import LevelClassifier
from archives.networks import load_level_classifier, marks_of, seconds_heard
from archives.page.network_page import About
from archives.presence_map import (
    PRESENCE,
    Calibration,
    GroupEstimate,
    choose_calibration,
    way_of,
)
from archives.selection import Selection, traffic_voice_birds
from transcoder.classifiers import Classifier
from transcoder.devices import choose_device
from transcoder.errors import UsageError
from transcoder.names import CLASS_METHODS
from transcoder.transcode import Transcoder


@dataclass(frozen=True)
class Choice:
    """What tells the classes and what is kept of them, as the command line names it."""

    classifier: str
    method: str
    models: Path
    weights: Path | None
    device: str
    draws: int
    groups: str | None
    top_k: int | None
    window_s: int | None = None
    calibration: str | None = None  # a file, or "none"; else what comes with the models


@dataclass(frozen=True, eq=False)
class Loaded:
    """What `load_answers` gives: ``about`` goes into the files of results, ``note`` to people."""

    answers: Answers
    about: dict[str, str]
    note: str
    way: dict[str, object]


def load_way(choice: Choice) -> tuple[LevelClassifier, dict[str, str], int, dict[str, object]]:
    """The networks of a choice, what files of results say of them, how many seconds they hear as
    one, and the way from levels to classes that maps of presence are for."""
    classify, about = load_level_classifier(
        choice.classifier,
        choice.method,
        models=choice.models,
        weights=choice.weights,
        device=choose_device(choice.device),
        draws=choice.draws,
    )
    heard_s = seconds_heard(choice.classifier, choice.method, choice.window_s)
    return classify, about, heard_s, way_of(choice.classifier, choice.method, about, heard_s)


def load_answers(choice: Choice, selection: Selection) -> Loaded:
    """The networks of a choice, and what tells of the groups: selected, or traffic, voice, birds.

    Raises
    ------
    UserError
        If a model is not there, or the calibration is for another way from levels to classes.
    """
    classify, about, heard_s, way = load_way(choice)
    calibration, note = choose_calibration(choice.calibration, choice.models, way)
    estimate, note = group_estimate(calibration, note, selection, choice.classifier)
    if calibration is not None and estimate.names:
        about["presence"] = f"{calibration.about} ({calibration.mark})"
    return Loaded(Answers(classify, estimate, heard_s), about, note, way)


def estimates_of(
    transcoders: Mapping[str, Transcoder],
    classifier: Classifier,
    choice: Choice,
    selection: Selection,
) -> dict[str, GroupEstimate]:
    """What tells of the groups by each method that a calibration is for.

    Raises `UsageError` if ``choice`` names a calibration that is for none of them.
    """
    found, errors = {}, []
    for method, transcoder in transcoders.items():
        network = None if method in CLASS_METHODS else classifier
        marks = marks_of(transcoder, network, choice.draws)
        heard_s = seconds_heard(choice.classifier, method, choice.window_s)
        way = way_of(choice.classifier, method, marks, heard_s)
        try:
            calibration, _ = choose_calibration(choice.calibration, choice.models, way)
        except UsageError as error:
            errors.append(error)
            continue
        estimate, _ = group_estimate(calibration, "", selection, choice.classifier)
        if estimate.kind == PRESENCE:
            found[method] = estimate
    if errors and not found:
        raise errors[0]
    return found


def group_estimate(
    calibration: Calibration | None, note: str, selection: Selection, classifier: str
) -> tuple[GroupEstimate, str]:
    """What tells of the groups, and what people should know of it."""
    groups = selection if selection.groups is not None else traffic_voice_birds(classifier)
    estimate = GroupEstimate(calibration, groups, classifier)
    if estimate.lacking and not estimate.names:
        why = f"no presence: the calibration has none of the groups {', '.join(groups.names)}"
        return GroupEstimate(None, groups, classifier), f"{why}; calibrate_presence.py makes one"
    if estimate.lacking:
        note += f"; there is none of {', '.join(estimate.lacking)}"
    return estimate, note


def about_page(title: str, choice: Choice, loaded: Loaded) -> About:
    """What the page says of how it was made."""
    made_by = "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in loaded.about.items())
    note = f"{loaded.note[0].upper()}{loaded.note[1:]}."
    return About(title, f"Made by {made_by}.", note, find_agreement(choice.models, loaded.way))
