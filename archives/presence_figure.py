"""Figures of `Presence`: over the time of a recording, or hours of the day by days."""

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from archives.frames import LOCAL, UTC
from archives.presence import Presence

MOST_SHOWN = 8
"""Classes in a figure: the most present ones, or the groups."""

_LONG_S = 3 * 86400  # from here on hours of the day by days
_LONGEST_S = 30 * 366 * 86400  # beyond that no sensor's life but a wrong clock
_MOST_COLUMNS = 600  # of a figure over time
_MINUTES_SHOWN = 10  # finest step within a day


def presence_figure(presence: Presence, clock: str, title: str = "") -> Figure:
    """Mean probability of the most present classes over time.

    A long series with dates has a panel for each class: days along, hours of the day up. Any
    other has one row for each class. Times without levels stay white.
    """
    means = presence.means()
    shown = np.argsort(-means, kind="stable")[:MOST_SHOWN]
    first, last = min(presence.sums), max(presence.sums)
    span_s = (last - first + 1) * presence.width_s
    if clock in (LOCAL, UTC) and _LONG_S <= span_s <= _LONGEST_S and presence.width_s <= 3600:
        figure = _day_panels(presence, first, last, shown, clock)
    else:
        figure = _rows_over_time(presence, first, last, shown, clock)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _rows_over_time(
    presence: Presence, first: int, last: int, shown: NDArray, clock: str
) -> Figure:
    import matplotlib.dates as dates

    step = -(-(last - first + 1) // _MOST_COLUMNS)
    n_columns = -(-(last - first + 1) // step)
    start_s, step_s = first * presence.width_s, step * presence.width_s
    stop_s = start_s + n_columns * step_s
    grid = presence.columns(start_s, step_s, n_columns)[:, shown]
    has_dates = clock in (LOCAL, UTC)
    if has_dates:
        start, stop = (dates.date2num(np.datetime64(int(s), "s")) for s in (start_s, stop_s))
    else:
        scale = 60 if stop_s - start_s > 600 else 1
        start, stop = start_s / scale, stop_s / scale
    figure = Figure(figsize=(9, 1.6 + 0.32 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(
        grid.T,
        aspect="auto",
        interpolation="nearest",
        extent=(start, stop, len(shown) - 0.5, -0.5),
        norm=_scale(grid),
        cmap="viridis",
    )
    axes.set_yticks(range(len(shown)), [presence.names[k] for k in shown])
    if has_dates:
        locator = dates.AutoDateLocator(maxticks=8)
        axes.xaxis_date()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        axes.set_xlabel("time (UTC)" if clock == UTC else "time")
    else:
        axes.set_xlabel("time (s)" if scale == 1 else "time (min)")
    figure.colorbar(image, ax=axes, label="mean probability", pad=0.01)
    return figure


def _day_panels(presence: Presence, first: int, last: int, shown: NDArray, clock: str) -> Figure:
    import matplotlib.dates as dates

    width_s = max(presence.width_s, _MINUTES_SHOWN * 60)
    per_day = 86400 // width_s
    first_day = first * presence.width_s // 86400
    n_days = last * presence.width_s // 86400 - first_day + 1
    grid = presence.columns(first_day * 86400, width_s, n_days * per_day)[:, shown]
    days = grid.reshape(n_days, per_day, len(shown))
    start = dates.date2num(np.datetime64(first_day, "D"))
    n_columns = min(2, len(shown))
    n_rows = -(-len(shown) // n_columns)
    figure = Figure(figsize=(9, 0.8 + 1.9 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, k, values_of_day in zip(panels, shown, days.transpose(2, 1, 0), strict=False):
        image = panel.imshow(
            values_of_day,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            extent=(start, start + n_days, 0, 24),
            norm=_scale(days),
            cmap="viridis",
        )
        panel.set_title(presence.names[k], fontsize=9)
        panel.set_yticks(range(0, 25, 6))
        locator = dates.AutoDateLocator(maxticks=6)
        panel.xaxis.set_major_locator(locator)
        panel.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    for panel in panels[len(shown) :]:
        panel.axis("off")
    figure.supylabel("hour of the day (UTC)" if clock == UTC else "hour of the day", fontsize=10)
    figure.colorbar(image, ax=panels.tolist(), label="mean probability", pad=0.01)
    return figure


def _scale(grid: NDArray) -> PowerNorm:
    """One scale for all classes: its top is no single peak, and rare classes still show."""
    return PowerNorm(0.5, vmin=0, vmax=max(float(np.nanpercentile(grid, 99.5)), 0.01))
