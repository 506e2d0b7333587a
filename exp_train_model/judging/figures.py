"""Figures of a judgement: a panel for each measure."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from exp_train_model.judging.judgement import MEASURES
from exp_train_model.judging.perturbations import PERTURBATIONS, UNPERTURBED
from exp_train_model.judging.tables import Row
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
            _label_log(panel.xaxis)
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

    A line of panels for each set; a line for each method.
    """
    methods = list(dict.fromkeys(row.method for row in rows))
    sets = list(dict.fromkeys(row.data for row in rows))
    measures = [name for name in _measures(rows) if name in _PERTURBED]
    offsets = sorted(
        [UNPERTURBED, *(n for n in PERTURBATIONS if n.endswith("dB"))],
        key=lambda name: 0 if name == UNPERTURBED else float(name.split()[0]),
    )
    others = [name for name in PERTURBATIONS if name not in offsets]
    figure = Figure(figsize=(4.6 * len(measures), 0.6 + 3.6 * len(sets)), layout="constrained")
    panels = figure.subplots(len(sets), len(measures), squeeze=False)
    colours = colormaps["tab20"](np.arange(len(methods)) % 20)
    for line, data in zip(panels, sets, strict=True):
        for panel, name in zip(line, measures, strict=True):
            for method, colour in zip(methods, colours, strict=True):
                found = {
                    row.levels: _scale(name) * row.estimates[name].value
                    for row in rows
                    if row.data == data and row.method == method and name in row.estimates
                }
                if found:
                    values = [found.get(key, np.nan) for key in (*offsets, *others)]
                    panel.plot(range(len(offsets)), values[: len(offsets)], ".-", color=colour)
                    x = np.arange(len(offsets), len(values)) + 0.5
                    panel.plot(x, values[len(offsets) :], "D", color=colour, markersize=4)
            ticks = [*range(len(offsets)), *(np.arange(len(others)) + len(offsets) + 0.5)]
            names = ["0 dB" if key == UNPERTURBED else key for key in (*offsets, *others)]
            panel.set_xticks(ticks, names, rotation=40, ha="right", fontsize=7)
            panel.set_title(f"{data}: {_title(name)}", fontsize=9)
            panel.grid(alpha=0.3)
            if MEASURES[name].log_scale:
                panel.set_yscale("log")
                _label_log(panel.yaxis)
    handles = [
        panels[0, 0].plot([], [], "o-", color=colour, label=method)[0]
        for method, colour in zip(methods, colours, strict=True)
    ]
    figure.legend(handles=handles, loc="outside right upper", fontsize=8)
    add_notes(figure, [f"judge: {judge}"])
    return figure


_PERTURBED = ("bce", "top1", "correlation", "accuracy")


def _measures(rows: Sequence[Row]) -> list[str]:
    return [name for name in MEASURES if any(name in row.estimates for row in rows)]


def _label_log(axis) -> None:
    """Plain numbers, also where less than a decade is seen."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def _scale(name: str) -> float:
    return 100 if MEASURES[name].in_percent else 1


def _title(name: str) -> str:
    if name in ("traffic", "voice", "birds"):
        return f"{name}: correlation with the listeners"
    return MEASURES[name].heading
