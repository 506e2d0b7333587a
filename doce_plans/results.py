"""What the metric steps left, read back and compared."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from doce_plans.experiment import Experiment, Metric
from doce_plans.outputs import load_array
from doce_plans.selectors import SettingSelection
from doce_plans.settings import Setting
from transcoder.errors import UserError

if TYPE_CHECKING:  # takes a while to import
    import numpy as np

SIGNIFICANCE_LEVEL = 0.05

BEST, NOT_DIFFERENT = "best", "not different"
"""Marks of results: the best, and what a paired t-test does not tell from it."""


@dataclass(frozen=True)
class MetricResult:
    """One setting's array for one metric, and the number that it is shown as."""

    array: "np.ndarray"  # (values,)
    value: float  # not rounded, not in percent
    time: datetime  # of the file


def load_results(
    experiment: Experiment, selection: SettingSelection
) -> list[tuple[Setting, dict[str, MetricResult]]]:
    """Results by metric name of each selected setting, in the selection's order; most have none.

    Raises
    ------
    UserError
        If no setting has a result, saying what was searched and where.
    """
    present = {m.path: _names(experiment, m.path) for m in experiment.metrics}
    found = []
    for setting in selection:
        files = {m: experiment.file(m.path, setting, m.output) for m in experiment.metrics}
        results = {
            m.name: result
            for m, file in files.items()
            if file.name in present[m.path] and (result := _load(file, m)) is not None
        }
        found.append((setting, results))
    if not any(results for _, results in found):
        names = ", ".join(m.name for m in experiment.metrics)
        folders = ", ".join(dict.fromkeys(str(experiment.path(m.path)) for m in experiment.metrics))
        first = experiment.metrics[0]
        example = [
            f", such as {experiment.file(first.path, setting, first.output).name}"
            for setting in selection.settings[:1]
        ]
        raise UserError(
            f"nothing to show: none of the {len(selection)} settings has a file for {names} "
            f"in {folders}{''.join(example)}; run their metric step first"
        )
    return found


def compare(
    results: Sequence[MetricResult | None], metric: Metric
) -> list[tuple[str, float | None]]:
    """For each result its mark, `BEST`, `NOT_DIFFERENT` or none, and the p value against the best.

    All exact ties are best; the others are tested against the first of them by a two-sided paired
    t-test. A result has no p value where it is missing, has one value only or another number of
    values than the best.
    """
    marks: list[tuple[str, float | None]] = [("", None)] * len(results)
    values = {i: r.value for i, r in enumerate(results) if r is not None and r.value == r.value}
    if metric.better is None or not values:
        return marks
    best_value = max(values.values()) if metric.better == "higher" else min(values.values())
    best = [i for i, value in values.items() if value == best_value]
    reference = results[best[0]].array
    for i in values:
        if i in best:
            marks[i] = BEST, None
        elif metric.significance and len(results[i].array) == len(reference) > 1:
            p_value = _paired_t_test(results[i].array, reference)
            marks[i] = NOT_DIFFERENT if p_value > SIGNIFICANCE_LEVEL else "", p_value
    return marks


def _names(experiment: Experiment, path: str) -> set[str]:
    folder = experiment.path(path)
    return {file.name for file in folder.iterdir()} if folder.is_dir() else set()


def _load(file, metric: Metric) -> MetricResult | None:
    import numpy as np

    array = np.ravel(load_array(file))
    if not array.size:
        return None
    value = float(getattr(np, metric.func)(array))
    return MetricResult(array, value, datetime.fromtimestamp(file.stat().st_mtime))


def _paired_t_test(a: "np.ndarray", b: "np.ndarray") -> float:
    from scipy.stats import ttest_rel

    with warnings.catch_warnings():  # of differences that are all the same: p is 0 then
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(ttest_rel(a, b).pvalue)
