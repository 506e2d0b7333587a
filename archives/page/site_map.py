"""Where the sensors are: dots on an empty map, north up, with a scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
