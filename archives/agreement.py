"""How far groups can be trusted: the table that comes with the models.

Made by ``python -m open_corpus.score_groups``.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archives.presence_map import FOLDER

COLUMNS = (
    "group", "seconds", "correlation", "known_seconds", "present", "estimated", "found", "right",
    "transcoder_fingerprint",
)  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """One group, in mixtures that no training had; shares as text in percent, "-" if unknown.

    Attributes
    ----------
    seconds : of mixtures
    correlation : over the seconds, of the group's probability by levels with that of the audio
    present : share of the time in which the group is there
    found : share of that in which presence is .5 or more
    right : share of such seconds in which the group is there
    """

    group: str
    seconds: int
    correlation: str
    present: str
    found: str
    right: str


def agreement_path(models: Path, way: Mapping[str, object]) -> Path:
    """Where the table of a way (of `presence_map.way_of`) lies."""
    return models / FOLDER / f"{way['classifier']}_{way['method']}_agreement.csv"


def find_agreement(models: Path, way: Mapping[str, object]) -> list[Agreement]:
    """The table of a way; empty if it is not there, or of other weights."""
    path = agreement_path(models, way)
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["transcoder_fingerprint"] == way.get("transcoder_fingerprint")
        ]
    return [
        Agreement(
            row["group"],
            int(row["seconds"]),
            f"{float(row['correlation']):.2f}" if row["correlation"] else "-",
            *(_percent(row[name]) for name in ("present", "found", "right")),
        )
        for row in rows
    ]


def _percent(share: str) -> str:
    return f"{100 * float(share):.0f}" if share else "-"
