"""All measures of a method on a set of recordings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from archives.selection import traffic_voice_birds
from judging.material import Material
from judging.measures import (
    Estimate,
    class_correlation,
    cross_entropy,
    mean_over_recordings,
    nearest_class_hits,
    presence_correlation,
    recording_means,
    top1_agreement,
)
from judging.methods import Method
from transcoder.errors import UserError
from transcoder.metrics import file_metrics


@dataclass(frozen=True)
class Measure:
    """How tables and figures show a measure."""

    heading: str
    decimals: int
    in_percent: bool = False
    log_scale: bool = False

    def text(self, value: float) -> str:
        """The value as a table shows it, "-" for NaN."""
        if np.isnan(value):
            return "-"
        rounded = round(100 * value if self.in_percent else value, self.decimals)
        return f"{rounded + 0.0:.{self.decimals}f}"  # no "-0.00"


MEASURES: Mapping[str, Measure] = {
    "mel_mse": Measure("Mel MSE", 2, log_scale=True),
    "bce": Measure("BCE", 4, log_scale=True),
    "kl": Measure("KL", 4),
    "top1": Measure("top-1 %", 1, in_percent=True),
    "correlation": Measure("correlation", 2),
    "accuracy": Measure("nearest class %", 1, in_percent=True),
    "traffic": Measure("traffic", 2),
    "voice": Measure("voice", 2),
    "birds": Measure("birds", 2),
}
"""By their names in the CSV. The last three: correlation with the listeners' presence."""

FOLDS: Mapping[str, Callable[[str], str]] = {
    "recording": lambda name: name,
    "source": lambda name: name.rpartition("-")[0] or name,
    "fold": lambda name: name.partition("-")[0],
}
"""What is left out at a time for the nearest-class accuracy, by the recording's name. ESC's are
``<fold>-<source>-<part>``: parts of one source sound alike."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What a method answered on a set, and how far its Mels are from the true ones."""

    probabilities: NDArray[np.float32]  # (all seconds, n_classes)
    mel_mse: NDArray[np.float64] | None = None  # (n_recordings,); None without Mels


def run(
    method: Method, material: Material, perturb: Callable[[Tensor], Tensor] | None = None
) -> Judged:
    """Run a method on every recording, its levels passed through ``perturb`` before."""
    answers = [method(perturb(levels) if perturb else levels) for levels in material.levels]
    probabilities = np.concatenate([answer.probabilities.numpy() for answer in answers])
    if answers[0].mels is None:
        return Judged(probabilities)
    errors = [
        float((answer.mels - true).square().mean())
        for answer, true in zip(answers, material.mels, strict=True)
    ]
    return Judged(probabilities, np.array(errors))


def floor(material: Material) -> Judged:
    """The judge against itself: no method can have less BCE."""
    return Judged(material.truth, np.zeros(len(material.recordings)))


def estimates(
    judged: Judged,
    material: Material,
    weights: NDArray[np.float64],
    *,
    classifier: str,
    folds: str = "recording",
) -> dict[str, Estimate]:
    """Every measure of `MEASURES` that the set and the method allow.

    Parameters
    ----------
    weights
        See `judging.measures.resamples`.
    folds
        Key of `FOLDS`.
    """
    truth, answer, counts = material.truth, judged.probabilities, material.counts
    if answer.shape != truth.shape:
        raise UserError(f"{material.name}: {answer.shape} probabilities, not {truth.shape}")
    values = {}
    if judged.mel_mse is not None:
        values["mel_mse"] = mean_over_recordings(judged.mel_mse, weights)
    values["bce"] = mean_over_recordings(cross_entropy(truth, answer, counts), weights)
    of_files = file_metrics(truth, answer, classifier=classifier, chunks_per_file=counts)
    values["kl"] = mean_over_recordings(of_files["logit_kl"], weights)
    values["top1"] = top1_agreement(truth, answer, counts, weights)
    values["correlation"] = class_correlation(truth, answer, counts, weights)
    if material.labels is not None:
        left_out = [FOLDS[folds](name) for name in material.recordings]
        hits = nearest_class_hits(answer, counts, material.labels, left_out)
        values["accuracy"] = mean_over_recordings(hits, weights)
    if material.presence is not None:
        groups = traffic_voice_birds(classifier)
        heard = recording_means(groups.apply(answer)[0], counts)
        for name, a, b in zip(groups.names, heard.T, material.presence.T, strict=True):
            values[name] = presence_correlation(a, b, weights)
    return {name: Estimate.of(value) for name, value in values.items()}
