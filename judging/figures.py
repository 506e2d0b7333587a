"""Figures of a judgement: a panel for each measure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from judging.judgement import MEASURES
from judging.perturbations import PERTURBATIONS, UNPERTURBED
from judging.tables import Row
from transcoder.plots import add_notes

_PANELS_A_ROW = 3


def judgement_figure(rows: Sequence[Row], judge: str) -> Figure:
    """For each measure a dot for every method and set, and a line over its 95 % interval."""
    methods = list(dict.fromkeys(row.method for row in rows))
    sets = list(dict.fromkeys(row.data for row in rows))
    measures = _measures(rows)
    n_rows = -(-len(measures) // _PANELS_A_ROW)
    height = 1 + 0.09 * len(methods) * (1 + len(sets))
    figure = Figure(figsize=(13, 0.8 + n_rows * height), layout="constrained")
    panels = figure.subplots(n_rows, _PANELS_A_ROW, sharey=True, squeeze=False).flat
    for name, panel in zip(measures, panels, strict=False):
        for row in rows:
            if name in row.estimates:
                place = sets.index(row.data)
                dodge = (place - (len(sets) - 1) / 2) * 0.7 / len(sets)
                y = methods.index(row.method) + dodge
                estimate, scale, colour = row.estimates[name], _scale(name), f"C{place}"
                interval = [scale * estimate.low, scale * estimate.high]
                panel.plot(interval, [y, y], color=colour, linewidth=1)
                panel.plot(scale * estimate.value, y, "o", color=colour, markersize=4)
        panel.set_title(_title(name), fontsize=10)
        if MEASURES[name].log_scale:
            panel.set_xscale("log")
            _label_log(panel.xaxis, (1, 2, 5))
        panel.grid(axis="x", alpha=0.3)
        for border in range(1, len(methods)):
            panel.axhline(border - 0.5, color="0.9", linewidth=0.6)
    for panel in list(panels)[len(measures) :]:
        panel.set_axis_off()
    panels[0].set_yticks(range(len(methods)), methods)
    panels[0].set_ylim(len(methods) - 0.5, -0.5)
    handles = [panels[0].plot([], [], "o", color=f"C{i}", label=n)[0] for i, n in enumerate(sets)]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(sets), fontsize=9)
    add_notes(figure, [f"judge: {judge}"])
    return figure


def perturbation_figure(rows: Sequence[Row], judge: str) -> Figure:
    """Measures over the sensor's offset, and with fewer bands or slower levels beside it.

    A line of panels for each set; a line for each method, grey where it was not perturbed (the
    floor, a constant answer).
    """
    sets = list(dict.fromkeys(row.data for row in rows))
    perturbed = list(dict.fromkeys(row.method for row in rows if row.levels != UNPERTURBED))
    measures = [name for name in _measures(rows) if name in _PERTURBED]
    figure = Figure(figsize=(4.6 * len(measures), 0.6 + 3.6 * len(sets)), layout="constrained")
    panels = figure.subplots(len(sets), len(measures), squeeze=False)
    for line, data in zip(panels, sets, strict=True):
        for panel, name in zip(line, measures, strict=True):
            of_panel = [row for row in rows if row.data == data and name in row.estimates]
            if not of_panel:
                panel.set_axis_off()
                continue
            _perturbation_panel(panel, name, of_panel, perturbed)
            panel.set_title(f"{data}: {_title(name)}", fontsize=9)
    handles = [
        panels[0, 0].plot([], [], "o-", color=f"C{place}", label=method)[0]
        for place, method in enumerate(perturbed)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, fontsize=8)
    add_notes(figure, [f"judge: {judge}"])
    return figure


_PERTURBED = ("bce", "top1", "correlation", "accuracy")


def _perturbation_panel(panel, name: str, rows: Sequence[Row], perturbed: Sequence[str]) -> None:
    """One measure on one set: lines over the offsets, dots for the other perturbations."""
    n = len(_OFFSETS)
    x = np.arange(n + len(_OTHERS))
    x = x + 0.5 * (x >= n)
    for method in dict.fromkeys(row.method for row in rows):
        of_method = {
            row.levels: _scale(name) * row.estimates[name].value
            for row in rows
            if row.method == method
        }
        if method in perturbed:
            values = [of_method.get(key, np.nan) for key in _OFFSETS + _OTHERS]
            colour = f"C{perturbed.index(method)}"
            panel.plot(x[:n], values[:n], ".-", color=colour)
            panel.plot(x[n:], values[n:], "D", color=colour, markersize=4)
        elif name not in ("top1", "correlation"):  # there the floor is 100 % and 1
            panel.axhline(of_method[UNPERTURBED], color="0.5", linewidth=0.8, linestyle="--")
            panel.text(x[-1], of_method[UNPERTURBED], method, color="0.5", fontsize=6, ha="right",
                       va="bottom")  # fmt: skip
    names = ["0 dB" if key == UNPERTURBED else key for key in _OFFSETS + _OTHERS]
    panel.set_xticks(x, names, rotation=40, ha="right", fontsize=7)
    panel.grid(alpha=0.3)
    if MEASURES[name].log_scale:
        panel.set_yscale("log")
        _label_log(panel.yaxis, (1, 1.5, 2, 3, 5, 7))


_OFFSETS = sorted(
    [UNPERTURBED, *(name for name in PERTURBATIONS if name.endswith("dB"))],
    key=lambda name: 0 if name == UNPERTURBED else float(name.split()[0]),
)
_OTHERS = [name for name in PERTURBATIONS if name not in _OFFSETS]


def _measures(rows: Sequence[Row]) -> list[str]:
    return [name for name in MEASURES if any(name in row.estimates for row in rows)]


def _label_log(axis, steps: Sequence[float]) -> None:
    """Plain numbers at ``steps`` of each decade, of which less than one may be seen."""
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def _scale(name: str) -> float:
    return 100 if MEASURES[name].in_percent else 1


def _title(name: str) -> str:
    if name in ("traffic", "voice", "birds"):
        return f"{name}: correlation with the listeners"
    return MEASURES[name].heading
