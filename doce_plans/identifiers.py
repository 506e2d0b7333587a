"""How a setting is written: in file names, in lists and in selectors."""

import math
from collections.abc import Mapping

from transcoder.errors import UsageError

Modality = str | int | float | bool

FILLER = -99999
"""Stands for "this plan has no such factor" where settings of several plans are put together."""

_SIGNS_OF_SELECTORS = set("+=,/{}[]'\"")


def modality_text(modality: Modality) -> str:
    """Write a modality: floats positional with a final dot when whole, booleans as 1 and 0.

    Examples: ``0.00001`` for 1e-5, ``1.`` for 1.0, ``1`` for True.
    """
    if isinstance(modality, bool):
        return str(int(modality))
    if isinstance(modality, float):
        import numpy as np

        return np.format_float_positional(modality)
    return str(modality)


def identifier(values: Mapping[str, Modality]) -> str:
    """``factor=modality`` joined by ``+``, factors sorted by name, absent ones left out."""
    return "+".join(
        f"{factor}={modality_text(values[factor])}"
        for factor in sorted(values)
        if values[factor] != FILLER
    )


def check_modality(factor: str, modality: Modality) -> None:
    """Raise `UsageError` for what neither a file name nor a selector could express."""
    if not isinstance(modality, str | int | float):
        raise UsageError(f"factor {factor}: {modality!r} is not a string, number or boolean")
    if isinstance(modality, float) and not math.isfinite(modality):
        raise UsageError(f"factor {factor}: {modality!r} is not a finite number")
    if isinstance(modality, str) and (
        not modality or any(c.isspace() or c in _SIGNS_OF_SELECTORS for c in modality)
    ):
        raise UsageError(f"factor {factor}: {modality!r} holds a sign that selectors use")
