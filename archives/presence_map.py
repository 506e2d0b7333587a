"""From what a classifier answers to how long a group of classes was heard: presence.

A probability says how sure a network is, not how much of the time something is there: over streets
where people hear traffic 40 % of the time, YAMNet's mean probability of traffic is .08. A
calibration holds, for each group, a monotone map from the probability of a second to the chance
that the group is heard in it; the mean over seconds is the time of presence. It is for one way from
levels to classes, and says what it was fitted on.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archives.selection import Selection
from transcoder.audioset import audioset_classes
from transcoder.errors import MissingFileError, UsageError, UserError
from transcoder.files import atomic_write_text

PRESENT = 0.5
"""A group counts as present in a second from this chance on."""

NONE = "none"
"""What ``--calibration`` says to leave presence out."""

FOLDER = "presence"
"""Calibrations that come with trained models lie in a folder of that name beside them."""

PRESENCE, PROBABILITY = "presence", "probability"
"""What is known of a group: how long it was there, or how sure the classifier was of it."""

FORMAT = 1

_LEAST = 1e-6  # probabilities are kept so far from 0 and 1


@dataclass(frozen=True)
class Logistic:
    """``1 / (1 + exp(-(slope * log-odds + intercept)))``, ``slope`` not negative."""

    slope: float
    intercept: float

    def __call__(self, probabilities: NDArray) -> NDArray[np.float64]:
        return expit(self.slope * log_odds(probabilities) + self.intercept)


@dataclass(frozen=True)
class Isotonic:
    """Straight lines between points that rise in both coordinates."""

    probability: tuple[float, ...]
    presence: tuple[float, ...]

    def __call__(self, probabilities: NDArray) -> NDArray[np.float64]:
        return np.interp(probabilities, self.probability, self.presence)


MAPS = {"logistic": Logistic, "isotonic": Isotonic}


@dataclass(frozen=True)
class GroupMap:
    """The map of one group, which is the set of AudioSet ids that count for it."""

    classes: frozenset[str]
    map: Logistic | Isotonic
    scores: Mapping[str, object]  # by cross-validation: see `archives.presence_fit`


@dataclass(frozen=True, eq=False)
class Calibration:
    """The maps of some groups.

    Attributes
    ----------
    made_for : the way from levels to classes: see `way_of`
    fitted_on : what the annotations were of, for people
    """

    made_for: Mapping[str, object]
    fitted_on: Mapping[str, object]
    groups: Mapping[str, GroupMap]

    def save(self, path: Path) -> None:
        """Write to ``.json``, atomically."""
        groups = {
            name: {
                "classes": sorted(group.classes),
                "map": next(key for key, kind in MAPS.items() if isinstance(group.map, kind)),
                **vars(group.map),
                "scores": group.scores,
            }
            for name, group in self.groups.items()
        }
        content = {
            "format": FORMAT,
            "made_for": self.made_for,
            "fitted_on": self.fitted_on,
            "groups": groups,
        }
        atomic_write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read a file of `save`; `UserError` if it is none."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}, this program reads {FORMAT}")
            groups = {name: _group_map(entry) for name, entry in content["groups"].items()}
            return cls(dict(content["made_for"]), dict(content["fitted_on"]), groups)
        except FileNotFoundError:
            raise MissingFileError(
                f"{path}: no such file; make a calibration with calibrate_presence.py"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path}: is no calibration of calibrate_presence.py: {error!r}"
            ) from None

    @property
    def about(self) -> str:
        """What it was fitted on, in a line."""
        on = self.fitted_on
        return on.get("note") or f"{on['recordings']} recordings, {on['seconds']} s"

    @property
    def mark(self) -> str:
        """Changes with the maps: 16 hexadecimal digits."""
        maps = [(n, sorted(g.classes), repr(g.map)) for n, g in sorted(self.groups.items())]
        return hashlib.sha256(repr(maps).encode()).hexdigest()[:16]

    def differences(self, way: Mapping[str, object]) -> list[str]:
        """In what ``way`` (of `way_of`) is not what the maps are for; empty if in nothing."""
        keys = sorted({*self.made_for, *way})
        return [
            f"{key.replace('_', ' ')} {self.made_for.get(key, 'none')}, not {way.get(key, 'none')}"
            for key in keys
            if self.made_for.get(key) != way.get(key)
        ]


class GroupEstimate:
    """How present groups are: ``(n, n_classes)`` probabilities to ``(n, len(names))``.

    Without a calibration it is the groups' probability, which is no time of presence.

    Attributes
    ----------
    names : the groups; with a calibration, those that it has a map for
    lacking : those of the selection that it has none for
    kind : "presence" or "probability"
    """

    def __init__(self, calibration: Calibration | None, selection: Selection, classifier: str):
        mids = [c.mid for c in audioset_classes(classifier)]
        self.kind = PROBABILITY if calibration is None else PRESENCE
        self._groups: list[NDArray[np.int64]] = []
        self._maps: list[Logistic | Isotonic | None] = []
        names, self.lacking = [], []
        for name, group in zip(selection.names, selection.groups or (), strict=True):
            fitted = None
            if calibration is not None:
                found = calibration.groups.get(name)
                if found is None or found.classes != {mids[index] for index in group}:
                    self.lacking.append(name)
                    continue
                fitted = found.map
            names.append(name)
            self._groups.append(group)
            self._maps.append(fitted)
        self.names = tuple(names)

    def __call__(self, probabilities: NDArray) -> NDArray[np.float32]:
        columns = np.empty((len(probabilities), len(self.names)), dtype=np.float32)
        for number, (group, fitted) in enumerate(zip(self._groups, self._maps, strict=True)):
            highest = probabilities[:, group].max(axis=1)
            columns[:, number] = highest if fitted is None else fitted(highest)
        return columns


def way_of(classifier: str, method: str, about: Mapping[str, str], heard_s: int) -> dict:
    """What a calibration is for, of what `load_level_classifier` says ``about`` its networks.

    ``heard_s``: seconds that the classifier hears as one.
    """
    marks = ("classifier_fingerprint", "transcoder_fingerprint", "draws")
    found = {key: about[key] for key in marks if key in about}
    return {"classifier": classifier, "method": method, "heard_s": heard_s, **found}


def choose_calibration(
    given: str | None, models: Path, way: Mapping[str, object]
) -> tuple[Calibration | None, str]:
    """What ``--calibration`` asks for, and a line about it for people.

    Raises
    ------
    UsageError
        If a file was named that is for another way from levels to classes.
    """
    if given == NONE:
        return None, "no presence, as --calibration none asks for"
    found = find_calibration(models, way) if given is None else Calibration.load(Path(given))
    if found is None:
        return None, (
            "no presence: none of the calibrations that come with the models is for this way; "
            "calibrate_presence.py makes one"
        )
    if differences := found.differences(way):
        raise UsageError(f"--calibration {given}: is for another way: {'; '.join(differences)}")
    return found, f"presence is fitted on {found.about}"


def find_calibration(models: Path, way: Mapping[str, object]) -> Calibration | None:
    """The one for ``way`` (of `way_of`) that comes with the models of a folder, if there is one."""
    for path in sorted((models / FOLDER).glob("*.json")):
        calibration = Calibration.load(path)
        if not calibration.differences(way):
            return calibration
    return None


def log_odds(probabilities: NDArray) -> NDArray[np.float64]:
    """``log(p / (1 - p))``, finite for 0 and 1 too."""
    kept = np.clip(np.asarray(probabilities, dtype=np.float64), _LEAST, 1 - _LEAST)
    return np.log(kept / (1 - kept))


def expit(x: NDArray) -> NDArray[np.float64]:
    """The inverse of `log_odds`."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x, dtype=np.float64)))


def _group_map(entry: Mapping) -> GroupMap:
    kind = MAPS[entry["map"]]
    if kind is Logistic:
        fitted = Logistic(float(entry["slope"]), float(entry["intercept"]))
        is_valid = fitted.slope >= 0
    else:
        points = np.array([entry["probability"], entry["presence"]], dtype=np.float64)
        fitted = Isotonic(*map(tuple, points.tolist()))
        is_valid = points.size and (np.diff(points) >= 0).all() and np.isfinite(points).all()
    if not is_valid:
        raise ValueError("a map that falls")
    return GroupMap(frozenset(entry["classes"]), fitted, entry["scores"])
