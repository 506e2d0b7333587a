"""What noise sensors heard, from their third-octave levels: the library's front door.

    import spectral_transcoder as st

    levels = st.levels("street_scene.wav")  # or those of a sensor
    mels = st.mels(levels)
    classes = st.classes_of_mels(mels)  # or st.classes(levels), without Mels
    wave = st.sound(mels)

Arrays and torch tensors go in alike; Mels and sound come out as what went in was, classes as pandas
tables over time. Nothing heavy is imported before a function is called.
"""

import importlib

from transcoder.errors import UserError
from transcoder.names import CLASSIFIERS, WAYS

METHODS = tuple(WAYS)
"""Every way from levels to classes; all but ``"direct"`` give Mels."""

_HOMES = {
    "levels": "signals",
    "true_mels": "signals",
    "mels": "signals",
    "sound": "signals",
    "noise": "signals",
    "classes": "tables",
    "classes_of_mels": "tables",
    "groups": "tables",
}

__all__ = [*_HOMES, "CLASSIFIERS", "METHODS", "UserError"]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
