"""How close a method's answers are to the judge's on the true Mels, with bootstrap intervals.

Every measure is a function of weights ``(n_resamples, n_recordings)``: how often a recording
counts. One row of ones gives the value; rows of counts drawn with replacement give its spread.
Recordings are drawn, not seconds, as neighbouring seconds sound alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AUDIBLE = 0.1
"""A class counts for the correlation if the true Mels make it so probable somewhere."""

_CONFIDENCE_PERCENT = 95
_SURE = 1e-7
_LOG_FLOOR = 1e-4  # probabilities below it are alike
_DEVIATION_FLOOR = 0.3  # of log probabilities: classes that hardly vary shall not weigh more
_VARIANCE_FLOOR = 1e-12  # a constant answer correlates by 0, not by its rounding


@dataclass(frozen=True)
class Estimate:
    """A measure's value and the borders of its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Estimate":
        """From a measure of `resamples`: the first is the value, the others are its spread."""
        spread = values[1:][np.isfinite(values[1:])]
        if not spread.size:
            return cls(float(values[0]), np.nan, np.nan)
        tail = (100 - _CONFIDENCE_PERCENT) / 2
        low, high = np.percentile(spread, (tail, 100 - tail))
        return cls(float(values[0]), float(low), float(high))


def resamples(n_recordings: int, n_resamples: int, seed: int = 0) -> NDArray[np.float64]:
    """Weights ``(1 + n_resamples, n_recordings)``: ones, then how often each recording is drawn.

    A single recording has no spread to draw from: there is only the row of ones.
    """
    ones = np.ones((1, n_recordings))
    if n_recordings == 1:
        return ones
    shares = np.full(n_recordings, 1 / n_recordings)
    draws = np.random.default_rng(seed).multinomial(n_recordings, shares, size=n_resamples)
    return np.concatenate((ones, draws))


def mean_over_recordings(values: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """``(n_recordings,)`` -> ``(n_resamples,)``."""
    return weights @ np.asarray(values, dtype=np.float64) / weights.sum(axis=1)


def cross_entropy(
    truth: NDArray, answer: NDArray, counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Binary cross-entropy, mean over the classes and seconds of each recording.

    Answers are kept `_SURE` from 0 and 1, as float32 hardly tells them apart there: otherwise the
    few classes of which a method is wrongly sure would weigh more than all others, by whatever
    floor the logarithm is given (-100 in `transcoder.metrics`, as published). Parameters: see
    `top1_agreement`. Returns ``(n_recordings,)``.
    """
    p, q = truth.astype(np.float64), np.clip(answer.astype(np.float64), _SURE, 1 - _SURE)
    return recording_means(-(p * np.log(q) + (1 - p) * np.log1p(-q)), counts).mean(axis=1)


def top1_agreement(
    truth: NDArray, answer: NDArray, counts: NDArray[np.int64], weights: NDArray
) -> NDArray[np.float64]:
    """Share of seconds whose most probable class is the same.

    Parameters
    ----------
    truth, answer
        Probabilities ``(n_seconds, n_classes)``, the seconds of a recording in a row.
    counts
        ``(n_recordings,)``: seconds of each recording.
    """
    agrees = truth.argmax(axis=1) == answer.argmax(axis=1)
    return weights @ _sums(agrees.astype(np.float64), counts) / (weights @ counts)


def class_correlation(
    truth: NDArray, answer: NDArray, counts: NDArray[np.int64], weights: NDArray
) -> NDArray[np.float64]:
    """Pearson's correlation over seconds for each audible class; the mean over these classes.

    NaN where no class is audible. Parameters: see `top1_agreement`.
    """
    a = truth.astype(np.float64) - truth.mean(axis=0)  # centred, so that little cancels below
    b = answer.astype(np.float64) - answer.mean(axis=0)
    n = (weights @ counts)[:, np.newaxis]
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = (
        weights @ _sums(x, counts) / n for x in (a, b, a * a, b * b, a * b)
    )
    covariance = mean_ab - mean_a * mean_b
    variances = np.maximum((mean_aa - mean_a**2) * (mean_bb - mean_b**2), 0)
    # as sums over the seconds, where the floor is small against any class that varies
    correlation = n * covariance / np.sqrt(n**2 * variances + _VARIANCE_FLOOR)
    starts = np.cumsum(counts) - counts
    audible_in = np.maximum.reduceat(truth, starts, axis=0) > AUDIBLE
    audible = (weights > 0).astype(np.float64) @ audible_in > 0
    with np.errstate(invalid="ignore"):
        return np.where(audible, correlation, 0).sum(axis=1) / audible.sum(axis=1)


def nearest_class_hits(
    answer: NDArray, counts: NDArray[np.int64], labels: Sequence[str], folds: Sequence
) -> NDArray[np.bool_]:
    """Whether each recording is nearest to its own class, learned from the other folds.

    It asks whether what comes through tells sounds apart, not whether the judge's names fit. A
    recording is described by the logarithm of each class's highest probability, standardised by
    mean and deviation of the other folds; it goes to the label whose mean there has the highest
    cosine similarity. Parameters: see `top1_agreement`; ``labels`` and ``folds`` are those of the
    recordings. Returns ``(n_recordings,)``.
    """
    starts = np.cumsum(counts) - counts
    x = np.log(np.maximum.reduceat(answer.astype(np.float64), starts, axis=0) + _LOG_FLOOR)
    names, label = np.unique(np.asarray(labels), return_inverse=True)
    folds = np.asarray(folds)
    members = np.eye(len(names))[label]  # (n_recordings, n_names)
    hits = np.zeros(len(x), dtype=bool)
    for fold in np.unique(folds):
        known, asked = folds != fold, folds == fold
        if not known.any():
            continue  # nothing to learn from: no hit
        z = (x - x[known].mean(axis=0)) / (x[known].std(axis=0) + _DEVIATION_FLOOR)
        totals = members[known].sum(axis=0)
        centres = members[known].T @ z[known] / np.maximum(totals, 1)[:, np.newaxis]
        lengths = np.linalg.norm(z[asked], axis=1)[:, np.newaxis] * np.linalg.norm(centres, axis=1)
        similarity = z[asked] @ centres.T / np.maximum(lengths, 1e-9)
        similarity[:, totals == 0] = -np.inf
        hits[asked] = similarity.argmax(axis=1) == label[asked]
    return hits


def presence_correlation(
    heard: NDArray, presence: NDArray, weights: NDArray
) -> NDArray[np.float64]:
    """Pearson's correlation over recordings of two columns ``(n_recordings,)``.

    ``heard`` is a group's mean probability, ``presence`` what listeners said. NaN where one of
    them does not vary.
    """
    share = weights / weights.sum(axis=1, keepdims=True)
    a, b = (np.asarray(x, dtype=np.float64) for x in (heard, presence))
    a, b = a - share @ a[:, np.newaxis], b - share @ b[:, np.newaxis]  # (n_resamples, n_recordings)
    variances = (share * a * a).sum(axis=1) * (share * b * b).sum(axis=1)
    varies = variances > _VARIANCE_FLOOR**2
    covariance = (share * a * b).sum(axis=1)
    return np.where(varies, covariance / np.sqrt(np.where(varies, variances, 1)), np.nan)


def recording_means(values: NDArray, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means over the seconds of each recording: ``(n_seconds, k)`` -> ``(n_recordings, k)``."""
    return _sums(values.astype(np.float64), counts) / counts[:, np.newaxis]


def _sums(values: NDArray, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums over the seconds of each recording."""
    return np.add.reduceat(values, np.cumsum(counts) - counts, axis=0)
