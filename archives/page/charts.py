"""Drawings of the page: lines as paths of SVG, presence as pictures of one pixel a cell.

Both stretch to whatever width they get, and text stands beside them in HTML, so that it can be
read on a phone. Coordinates of paths are thousandths of the width and of the height.
"""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZE = 1000

_DARKER = 0.6  # of presence, so that rare sounds still show
_RAMP = np.array([[241, 239, 233], [126, 186, 193], [28, 116, 130], [8, 48, 60]], dtype=float)
_BLANK = 255  # index of the colour of "no levels": transparent


@dataclass(frozen=True)
class Tick:
    """A place on an axis, in percent of it, and what stands there."""

    percent: float
    text: str


def picture(values: NDArray) -> str:
    """``(rows, columns)`` shares of 0 to 1 as a data URI of PNG, a pixel each; NaN: transparent."""
    from PIL import Image

    shade = np.clip(np.nan_to_num(values), 0, 1) ** _DARKER
    index = np.where(np.isnan(values), _BLANK, np.rint(shade * (_BLANK - 1))).astype(np.uint8)
    image = Image.fromarray(index, mode="P")
    image.putpalette(_palette().tobytes())
    data = io.BytesIO()
    image.save(data, "PNG", transparency=_BLANK, optimize=True)
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"


def legend() -> tuple[str, list[Tick]]:
    """The colours of `picture` from 0 to 1, and ticks."""
    places = np.linspace(0, 1, 200) ** (1 / _DARKER)
    ticks = [Tick(100 * share**_DARKER, f"{share:.0%}") for share in (0, 0.1, 0.5, 1)]
    return picture(places[np.newaxis]), ticks


def _palette() -> NDArray[np.uint8]:
    at = np.linspace(0, len(_RAMP) - 1, _BLANK)
    columns = [np.interp(at, np.arange(len(_RAMP)), _RAMP[:, c]) for c in range(3)]
    return np.vstack((np.rint(np.stack(columns, axis=1)), [255, 255, 255])).astype(np.uint8)


def line(values: NDArray, low: float, high: float) -> str:
    """Path data of values at even steps along the width, broken where they are NaN."""
    x = (np.arange(len(values)) + 0.5) * SIZE / len(values)
    y = _height(values, low, high)
    parts = []
    for run in _runs(np.isfinite(values)):
        points = [f"{x[i]:.1f} {y[i]:.0f}" for i in run]
        if len(points) == 1:  # a dot would not show
            half = 0.5 * SIZE / len(values)
            points = [f"{x[run[0]] - half:.1f} {y[run[0]]:.0f}", f"{x[run[0]] + half:.1f} "
                      f"{y[run[0]]:.0f}"]  # fmt: skip
        parts.append("M" + "L".join(points))
    return "".join(parts)


def band(lower: NDArray, upper: NDArray, low: float, high: float) -> str:
    """Path data of the area between two lines."""
    half = 0.5 * SIZE / len(lower)
    x = (np.arange(len(lower)) + 0.5) * SIZE / len(lower)
    top, bottom = _height(upper, low, high), _height(lower, low, high)
    parts = []
    for run in _runs(np.isfinite(lower) & np.isfinite(upper)):
        across = [x[run[0]] - half, *x[run], x[run[-1]] + half]
        there = [top[run[0]], *top[run], top[run[-1]]]
        back = [bottom[run[0]], *bottom[run], bottom[run[-1]]]
        points = [*zip(across, there, strict=True), *reversed([*zip(across, back, strict=True)])]
        parts.append("M" + "L".join(f"{a:.1f} {b:.0f}" for a, b in points) + "Z")
    return "".join(parts)


def level_range(values: Sequence[NDArray]) -> tuple[float, float]:
    """Multiples of 5 dB around all values, at least 20 dB apart; 0 to 20 if there are none."""
    finite = [part[np.isfinite(part)] for part in values]
    known = np.concatenate(finite) if finite else np.empty(0)
    if not len(known):
        return 0.0, 20.0
    low, high = 5 * math.floor(known.min() / 5), 5 * math.ceil(known.max() / 5)
    missing = max(0, 20 - (high - low))
    return float(low - 5 * math.ceil(missing / 10)), float(high + 5 * (missing // 10))


def level_ticks(low: float, high: float) -> list[Tick]:
    """From the top in percent, every 10 or 20 dB."""
    step = 10 if high - low <= 60 else 20
    first = step * math.ceil(low / step)
    return [
        Tick(100 * (high - level) / (high - low), f"{level:g}")
        for level in np.arange(first, high + 0.1, step)
    ]


_STEPS_S = (10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400,
            7 * 86400, 14 * 86400)  # fmt: skip
_MOST_TICKS = 6


def time_ticks(start_s: float, end_s: float, has_dates: bool) -> list[Tick]:
    """Even times between two, at most `_MOST_TICKS`; of a long span, first days of months."""
    span_s = end_s - start_s
    if has_dates and span_s > _MOST_TICKS * _STEPS_S[-1]:
        return _month_ticks(start_s, end_s)
    step = next((s for s in _STEPS_S if span_s / s <= _MOST_TICKS), _STEPS_S[-1])
    while span_s / step > 2 * _MOST_TICKS:  # a long time without dates
        step *= 2
    first = math.ceil(start_s / step) * step
    times = np.arange(first, end_s + 0.5, step)
    return [
        Tick(100 * (time - start_s) / span_s, _time_text(float(time), step, has_dates))
        for time in times
    ]


def _time_text(time_s: float, step_s: float, has_dates: bool) -> str:
    if not has_dates:
        if step_s < 60:
            return f"{time_s:g} s"
        return f"{time_s / 60:g} min" if step_s < 3600 else f"{time_s / 3600:g} h"
    moment = np.datetime64(round(time_s), "s").item()
    if step_s >= 86400 or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return f"{moment.day} {moment:%b}"
    return f"{moment:%H:%M:%S}" if step_s < 60 else f"{moment:%H:%M}"


def _month_ticks(start_s: float, end_s: float) -> list[Tick]:
    first, last = (np.datetime64(int(t), "s").astype("datetime64[M]") for t in (start_s, end_s))
    months = np.arange(first + 1, last + 1)
    step = next((n for n in (1, 2, 3, 6, 12) if len(months) <= n * _MOST_TICKS), 24)
    months = months[months.astype(int) % step == 0]  # counted from a January
    ticks = []
    for month in months:
        time = month.astype("datetime64[s]").astype(float)
        text = f"{month.item():%b}" if month.item().month > 1 else f"{month.item():%Y}"
        ticks.append(Tick(100 * (time - start_s) / (end_s - start_s), text))
    return ticks


def _height(values: NDArray, low: float, high: float) -> NDArray[np.float64]:
    return SIZE * (high - np.asarray(values, dtype=float)) / (high - low)


def _runs(kept: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    places = np.flatnonzero(kept)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(run)]


_KM_PER_DEGREE = 111.32
_EDGE = 0.12  # of the larger side, left free around the dots
_LEAST_KM = 0.05
_FLATTEST = 0.4


@dataclass(frozen=True)
class Dot:
    """In percent of the map from its left and its top."""

    name: str
    left: float
    top: float
    label_left: bool  # of the dot, near the right edge


@dataclass(frozen=True)
class SiteMap:
    """``height``: of the map, in parts of its width; ``bar_percent``: of ``bar_text``."""

    dots: list[Dot]
    height: float
    bar_percent: float
    bar_text: str


def site_map(places: Sequence[tuple[str, float, float]]) -> SiteMap | None:
    """A map of (name, latitude, longitude); None of fewer than two places."""
    if len(places) < 2:
        return None
    middle = math.radians(sum(latitude for _, latitude, _ in places) / len(places))
    points = [
        (name, longitude * math.cos(middle) * _KM_PER_DEGREE, -latitude * _KM_PER_DEGREE)
        for name, latitude, longitude in places
    ]
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    width, height = (max(max(v) - min(v), _LEAST_KM) for v in (xs, ys))
    edge = _EDGE * max(width, height)
    width, height = width + 2 * edge, height + 3 * edge  # the scale stands below the dots
    width, height = max(width, height), max(height, _FLATTEST * max(width, height))
    left, top = (max(xs) + min(xs) - width) / 2, (max(ys) + min(ys) - height + edge) / 2
    dots = [
        Dot(name, 100 * (x - left) / width, 100 * (y - top) / height, (x - left) / width > 0.5)
        for name, x, y in points
    ]
    bar_km = _round_length(width / 4)
    text = f"{bar_km:g} km" if bar_km >= 1 else f"{1000 * bar_km:g} m"
    return SiteMap(dots, height / width, 100 * bar_km / width, text)


def _round_length(km: float) -> float:
    """The largest of 1, 2, 5 times a power of ten up to ``km``."""
    power = 10 ** math.floor(math.log10(km))
    return max(step * power for step in (1, 2, 5) if step * power <= km * 1.0001)
