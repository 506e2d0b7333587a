"""Fit the maps of a calibration to what people, or whoever mixed the sounds, say was heard.

An annotation says for a stretch of time which share of it a group was heard in. Which of its
seconds those are is not said where it is longer than a second: they are estimated in turns with
the map (expectation maximisation), so that every stretch keeps its share.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archives.presence_map import (
    MAPS,
    Calibration,
    GroupMap,
    Isotonic,
    Logistic,
    expit,
    log_odds,
)
from archives.selection import Selection
from transcoder.audioset import audioset_classes
from transcoder.errors import UserError

MOST_FOLDS = 8

_TURNS, _SETTLED = 50, 1e-3
_INVERSE_PENALTY = 100.0  # nearly none; keeps the slope finite where one value tells all
_POINTS = 200  # of an isotonic map at most
_BISECTIONS = 40


@dataclass(frozen=True, eq=False)
class Heard:
    """One group in the seconds that are annotated.

    Attributes
    ----------
    probability : (n,) of the group in each second
    stretch : (n,) int, which annotation it belongs to; they are numbered in order
    share : (n_stretches,) of the time in which the group is heard, 0 to 1
    fold : (n_stretches,) int, which stretches are left out together
    """

    probability: NDArray[np.float64]
    stretch: NDArray[np.int64]
    share: NDArray[np.float64]
    fold: NDArray[np.int64]

    def where(self, kept: NDArray[np.bool_]) -> "Heard":
        """Only the stretches that are ``kept``."""
        seconds = kept[self.stretch]
        number = np.cumsum(kept) - 1
        return Heard(
            self.probability[seconds],
            number[self.stretch[seconds]],
            self.share[kept],
            self.fold[kept],
        )

    def means(self, values: NDArray) -> NDArray[np.float64]:
        """Of each stretch: ``(n,)`` -> ``(n_stretches,)``."""
        return np.bincount(self.stretch, values) / np.bincount(self.stretch)


def fit_groups(
    heard: Mapping[str, Heard], selection: Selection, classifier: str
) -> tuple[dict[str, GroupMap], list[str]]:
    """The maps of the groups, and a line for each that there is none for."""
    mids = [c.mid for c in audioset_classes(classifier)]
    found, left_out = {}, []
    for name, members in zip(selection.names, selection.groups or (), strict=True):
        try:
            fitted, measured = fit_group(heard[name], name)
        except UserError as error:
            left_out.append(str(error))
        else:
            found[name] = GroupMap(frozenset(mids[i] for i in members), fitted, measured)
    return found, left_out


def describe_scores(
    groups: Mapping[str, GroupMap], heard: Mapping[str, Heard], usual: Calibration | None
) -> list[str]:
    """Lines of a table: how far presence is from the annotations, on stretches left out.

    ``usual``: the calibration that comes with the models, beside the new one.
    """
    width = max(map(len, groups))
    lines = [
        "time of presence: RMS error, mean absolute error, correlation (+-: one standard error)"
    ]
    for name, group in groups.items():
        kind = next(key for key, value in MAPS.items() if isinstance(group.map, value))
        rows = {"probabilities themselves": group.scores["raw"]}
        rows[f"fitted to others, {kind}"] = group.scores[kind]
        known = usual.groups.get(name) if usual else None
        if known is not None and known.classes == group.classes:
            estimate = heard[name].means(known.map(heard[name].probability))
            rows["comes with the models"] = scores(heard[name], estimate)
        for number, (what, values) in enumerate(rows.items()):
            cells = "   ".join(map(_with_spread, values.values()))
            lines.append(f"  {name if number == 0 else '':<{width}}  {what:<27}{cells}")
    return lines


def _with_spread(pair: Sequence[float | None]) -> str:
    value, spread = pair
    if value is None:
        return "      -      "
    return f"{value:5.2f} +- {spread:.2f}" if spread is not None else f"{value:5.2f}        "


def fit_group(heard: Heard, name: str) -> tuple[Logistic | Isotonic, dict]:
    """The map of a group with the least squared error on stretches left out, and the scores.

    The scores are those of the probabilities themselves (``raw``) and of both kinds of map, on
    stretches that were not fitted on: see `scores`.

    Raises
    ------
    UserError
        If the group is always heard, or never, or there is but one fold.
    """
    if heard.share.min() == heard.share.max():
        raise UserError(f"{name}: its presence is {heard.share[0]:g} throughout: nothing to fit")
    if len(np.unique(heard.fold)) < 2:
        raise UserError(f"{name}: one stretch of time is too little: annotate more")
    found = {"raw": scores(heard, heard.means(heard.probability))}
    for kind in FITS:
        found[kind] = scores(heard, left_out(heard, kind))
    best = min(FITS, key=lambda kind: found[kind]["rms_error"][0])
    return fit(heard, best), found


def left_out(heard: Heard, kind: str) -> NDArray[np.float64]:
    """The presence of each stretch by a map that was fitted without its fold."""
    estimate = np.empty(len(heard.share))
    for fold in np.unique(heard.fold):
        is_out = heard.fold == fold
        out = heard.where(is_out)
        estimate[is_out] = out.means(fit(heard.where(~is_out), kind)(out.probability))
    return estimate


def scores(heard: Heard, estimate: NDArray) -> dict[str, list[float]]:
    """``[value, spread]`` of how far estimates are from the annotations, of the errors' RMS first.

    The value is over all stretches; the spread is the jackknife's over folds: how much it would
    vary with other recordings (one standard error).
    """
    folds = np.unique(heard.fold)

    def measured(kept: NDArray[np.bool_]) -> tuple[float, float, float]:
        error = estimate[kept] - heard.share[kept]
        varies = np.ptp(estimate[kept]) > 1e-12 and np.ptp(heard.share[kept]) > 0
        correlation = np.corrcoef(estimate[kept], heard.share[kept])[0, 1] if varies else np.nan
        rms = float(np.sqrt((error**2).mean()))
        return rms, float(np.abs(error).mean()), float(correlation)

    whole = measured(np.ones(len(estimate), dtype=bool))
    without = np.array([measured(heard.fold != fold) for fold in folds])
    centred = without - without.mean(axis=0)
    spread = np.sqrt((len(folds) - 1) / len(folds) * (centred**2).sum(axis=0))
    names = ("rms_error", "absolute_error", "correlation")
    return {
        name: [_rounded(value), _rounded(deviation)]
        for name, value, deviation in zip(names, whole, spread.tolist(), strict=True)
    }


def fit(heard: Heard, kind: str) -> Logistic | Isotonic:
    """A map of one kind to all of ``heard``."""
    target = heard.share[heard.stretch]
    is_open = (np.bincount(heard.stretch) > 1) & (heard.share > 0) & (heard.share < 1)
    fitted = FITS[kind](heard.probability, target)
    for _ in range(_TURNS if is_open.any() else 0):
        before, target = target, _with_shares(fitted(heard.probability), heard)
        fitted = FITS[kind](heard.probability, target)
        if np.abs(target - before).max() < _SETTLED:
            break
    return fitted


def _with_shares(estimate: NDArray, heard: Heard) -> NDArray[np.float64]:
    """``(n,)``: the estimates moved, in log-odds and as one in each stretch, to its share."""
    odds = log_odds(estimate)
    low, high = np.full((2, len(heard.share)), [[-40.0], [40.0]])
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_low = heard.means(expit(odds + middle[heard.stretch])) < heard.share
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    moved = expit(odds + high[heard.stretch])
    share = heard.share[heard.stretch]
    return np.where((share == 0) | (share == 1), share, moved)


def _logistic(probability: NDArray, target: NDArray) -> Logistic:
    from sklearn.linear_model import LogisticRegression

    x = np.tile(log_odds(probability), 2)[:, np.newaxis]
    is_heard = np.repeat([1, 0], len(probability))
    weight = np.concatenate((target, 1 - target))
    model = LogisticRegression(C=_INVERSE_PENALTY).fit(x, is_heard, sample_weight=weight)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope < 0:  # the probabilities do not follow what is heard: the same answer to everything
        slope, intercept = 0.0, float(log_odds(target.mean()))
    return Logistic(slope, intercept)


def _isotonic(probability: NDArray, target: NDArray) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probability, target)
    x, y = model.X_thresholds_, model.y_thresholds_
    if len(x) > _POINTS:
        places = np.unique(np.linspace(0, len(x) - 1, _POINTS).round().astype(int))
        x, y = x[places], y[places]
    return Isotonic(*(tuple(np.round(a.astype(float), 6).tolist()) for a in (x, y)))


FITS: dict[str, Callable[[NDArray, NDArray], Logistic | Isotonic]] = {
    "logistic": _logistic,
    "isotonic": _isotonic,
}


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
