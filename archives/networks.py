"""The networks that the command lines name, ready to classify, and what tells of the groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from numpy.typing import NDArray

from archives.answers import Answers
from archives.inference import LevelClassifier
from archives.options import DEFAULT_WINDOW_S, Choice
from archives.presence_map import (
    PRESENCE,
    Calibration,
    GroupEstimate,
    choose_calibration,
    way_of,
)
from archives.selection import (
    Selection,
    all_classes,
    best_classes,
    read_groups,
    traffic_voice_birds,
)
from transcoder import __version__
from transcoder.class_groups import GROUP_TABLES
from transcoder.classifiers import Classifier, load_classifier
from transcoder.devices import choose_device
from transcoder.errors import MissingFileError, UsageError, UserError
from transcoder.fingerprint import fingerprint
from transcoder.hearing import joins_seconds
from transcoder.names import CLASS_METHODS, WAYS
from transcoder.transcode import Transcoder


def load_networks(
    classifier: str, method: str, *, models: Path, weights: Path | None, draws: int = 1
) -> tuple[Transcoder, Classifier | None, dict[str, str]]:
    """The networks of ``method``, and what to write about them into results.

    A method of `CLASS_METHODS` needs no classifier, and ``weights`` are not looked at.

    Raises
    ------
    MissingFileError
        If a model is not there; the message names the command that makes it, and texture.
    """
    about = {"classifier": f"{classifier} (its classes, without its network)"}
    try:
        network = None
        if method not in CLASS_METHODS:
            network = load_classifier(classifier, weights)
            about["classifier"] = network.label
        found = Transcoder.load(classifier, method, models=models, judge=network)
    except MissingFileError as error:
        raise MissingFileError(f"{error}; or use --method texture, which needs no model") from None
    about |= {
        "transcoder": WAYS[method],
        "transcoder_checkpoint": found.source,
        "spectral_transcoder": __version__,
        **marks_of(found, network, draws),
    }
    return found, network, about


def load_level_classifier(
    classifier: str,
    method: str,
    *,
    models: Path,
    weights: Path | None,
    device: torch.device,
    draws: int = 1,
) -> tuple[LevelClassifier, dict[str, str]]:
    """What tells classes from levels by ``method``; errors and the rest as of `load_networks`."""
    found, network, about = load_networks(
        classifier, method, models=models, weights=weights, draws=draws
    )
    draws = len(found.draws(draws))
    return LevelClassifier(found.model, network, device=device, draws=draws), about


def marks_of(found: Transcoder, network: Classifier | None, draws: int) -> dict[str, str]:
    """What tells a way from levels to classes from others: its weights, and draws of noise."""
    marks = {"transcoder_fingerprint": fingerprint(found.model)}
    if network is not None:
        marks["classifier_fingerprint"] = fingerprint(network)
    draws = len(found.draws(draws))
    return marks | ({"draws": str(draws)} if draws > 1 else {})


def seconds_heard(classifier: str, method: str, window_s: int | None) -> int:
    """So many seconds are heard as one: a window by PANN, each second by itself by all others."""
    if joins_seconds(classifier) and method not in CLASS_METHODS:
        return window_s or DEFAULT_WINDOW_S[classifier]
    return 1


def choose_selection(classifier: str, *, groups: str | None, top_k: int | None) -> Selection:
    """What the options ``--groups`` and ``--top_k`` ask for; all classes without them."""
    if groups is not None and top_k is not None:
        raise UsageError("--groups and --top_k exclude each other")
    if top_k is not None:
        if top_k < 1:
            raise UsageError(f"--top_k must be 1 or more, not {top_k}")
        return best_classes(classifier, top_k)
    if groups is None:
        return all_classes(classifier)
    if groups.casefold() == "tvb":
        return traffic_voice_birds(classifier)
    table = GROUP_TABLES.get(groups.casefold(), Path(groups))
    if not table.is_file():
        known = ", ".join(("tvb", *GROUP_TABLES))
        raise UsageError(f"--groups {groups!r}: neither one of {known} nor an existing file")
    return read_groups(table, classifier)


def known_groups(classifier: str, names: Sequence[str], table: str | None) -> Selection:
    """The groups called ``names``: of ``--groups`` where it was given, else of all known ones.

    Raises
    ------
    UserError
        Naming what is unknown, and what is known.
    """
    tables = (table,) if table else ("tvb", *GROUP_TABLES)
    found: dict[str, NDArray] = {}
    for given in tables:
        selection = choose_selection(classifier, groups=given, top_k=None)
        for name, group in zip(selection.names, selection.groups, strict=True):
            found.setdefault(name, group)
    unknown = [name for name in names if name not in found]
    if unknown:
        raise UserError(
            f"unknown group {unknown[0]!r}: known are {', '.join(found)}; --groups FILE says what "
            "belongs to others"
        )
    return Selection(tuple(names), tuple(found[name] for name in names))


@dataclass(frozen=True, eq=False)
class Loaded:
    """What `load_answers` gives: ``about`` goes into the files of results, ``note`` to people."""

    answers: Answers
    selection: Selection
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


def load_answers(choice: Choice) -> Loaded:
    """The networks of a choice, and what tells of the groups: selected, or traffic, voice, birds.

    Raises
    ------
    UserError
        If a model is not there, or the calibration is for another way from levels to classes.
    """
    selection = choose_selection(choice.classifier, groups=choice.groups, top_k=choice.top_k)
    classify, about, heard_s, way = load_way(choice)
    calibration, note = choose_calibration(choice.calibration, choice.models, way)
    estimate, note = group_estimate(calibration, note, selection, choice.classifier)
    if calibration is not None and estimate.names:
        about["presence"] = f"{calibration.about} ({calibration.mark})"
    return Loaded(Answers(classify, estimate, heard_s), selection, about, note, way)


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
    for method, one in transcoders.items():
        network = None if method in CLASS_METHODS else classifier
        marks = marks_of(one, network, choice.draws)
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
