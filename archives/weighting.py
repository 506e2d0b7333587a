"""The frequency weightings A and C of IEC 61672-1, at the bands' exact centres."""

import numpy as np
from numpy.typing import NDArray

from transcoder.settings import THIRD_OCTAVE

# poles of the curves, in Hz (IEC 61672-1:2013, annex E)
_F1, _F2, _F3, _F4 = 20.598997, 107.65265, 737.86223, 12194.217


def weighting_db(weighting: str) -> NDArray[np.float64]:
    """What ``weighting`` ("A", "C" or "Z") adds to each of the 29 bands, in dB."""
    squared = np.array(THIRD_OCTAVE.centres_hz) ** 2
    if weighting == "Z":
        return np.zeros(len(squared))
    return _curve_db(squared, weighting) - _curve_db(np.array([1e6]), weighting)  # 0 at 1 kHz


def describe_weighting(weighting: str) -> str:
    """What was done to levels of ``weighting``, for people; nothing for Z."""
    if weighting == "Z":
        return ""
    return f"turned back from {weighting} weighting by the curve of IEC 61672"


def _curve_db(squared: NDArray[np.float64], weighting: str) -> NDArray[np.float64]:
    gain = _F4**2 * squared / ((squared + _F1**2) * (squared + _F4**2))
    if weighting == "A":
        gain = gain * squared / np.sqrt((squared + _F2**2) * (squared + _F3**2))
    return 20 * np.log10(gain)
