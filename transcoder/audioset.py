"""The AudioSet classes of the two classifiers and the groups that the experiments make of them.

Three tables: ``pann/class_list.csv`` and ``yamnet/class_list.csv`` give each network's outputs in
order; ``class_groups.csv`` beside this file says which classes belong to a group. AudioSet ids
(``mid``) tie them together.
"""

import csv
import functools
from dataclasses import dataclass
from importlib import resources

from transcoder.settings import front_end

_CLASS_LISTS = {"PANN": "pann", "YamNet": "yamnet"}

TVB_NAMES = {"t": "traffic", "v": "voice", "b": "birds"}
"""The groups of the traffic/voice/birds metrics (``_tvb``)."""


@dataclass(frozen=True)
class AudioSetClass:
    """One output of a classifier."""

    index: int  # position among the classifier's outputs
    mid: str  # AudioSet id, e.g. "/m/09x0r"
    name: str
    tvb: str | None  # "t" traffic, "v" voice, "b" birds
    sonyc_ust: int | None  # coarse class 1 to 8 of SONYC-UST
    urbansound8k: int | None  # class 0 to 9 of UrbanSound8K


@functools.cache
def audioset_classes(classifier: str) -> tuple[AudioSetClass, ...]:
    """The classes of ``classifier`` in output order: 527 for "PANN", 521 for "YamNet".

    Raises `UsageError` for another name.
    """
    expected = front_end(classifier).n_classes
    groups = {row["mid"]: row for row in _rows("transcoder", "class_groups.csv")}
    classes = tuple(
        AudioSetClass(index, row["mid"], row["name"], *_groups_of(groups.get(row["mid"])))
        for index, row in enumerate(_rows(_CLASS_LISTS[classifier], "class_list.csv"))
    )
    if len(classes) != expected:
        raise ValueError(f"class list of {classifier} has {len(classes)} rows, not {expected}")
    return classes


def class_names(classifier: str) -> list[str]:
    """Display names of the classifier's outputs, in order."""
    return [c.name for c in audioset_classes(classifier)]


def tvb_indices(classifier: str) -> list[int]:
    """Outputs that belong to traffic, voice or birds: 46 for PANN."""
    return [c.index for c in audioset_classes(classifier) if c.tvb]


def _rows(package: str, name: str) -> list[dict[str, str]]:
    text = (resources.files(package) / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _groups_of(row: dict[str, str] | None) -> tuple[str | None, int | None, int | None]:
    if row is None:
        return None, None, None
    return (
        row["traffic_voice_birds"] or None,
        int(row["sonyc_ust_class"]) if row["sonyc_ust_class"] else None,
        int(row["urbansound8k_class"]) if row["urbansound8k_class"] else None,
    )
