"""The rows of the tables of scores that are a model's, for its card."""

import csv
from dataclasses import dataclass
from pathlib import Path

from transcoder.files import REFERENCE_MODELS

_JUDGED = {"bce": "BCE", "kl": "KL", "top1": "top-1", "correlation": "class correlation",
           "accuracy": "nearest class"}  # fmt: skip
_HELD_OUT = {"mel_mse": "Mel MSE", "logit_bce": "BCE", "logit_kl": "KL", "ptopafc": "top-1"}
_JUDGES = {"scores_yamnet.csv": "the real YAMNet"}


@dataclass(frozen=True)
class CardTable:
    """A Markdown table: lines of it."""

    title: str
    header: str
    rows: tuple[str, ...]

    @property
    def rule(self) -> str:
        return "| " + " | ".join("---" for _ in self.header.split("|")[1:-1]) + " |"


def scores_of(label: str) -> list[CardTable]:
    """The scores of a way for YAMNet, by what the tables call it: nothing else was judged."""
    found = [_judged(label)]
    found += [_held_out(REFERENCE_MODELS / file, judge, label) for file, judge in _JUDGES.items()]
    return [table for table in found if table.rows]


def _judged(label: str) -> CardTable:
    rows = []
    for row in _rows(REFERENCE_MODELS / "judged" / "yamnet.csv"):
        if row["method"] == label or row["method"].startswith(f"{label}, "):
            draws = row["method"].removeprefix(label).removeprefix(", ")
            data = f"{row['data']}, {row['seconds']} s{', ' + draws if draws else ''}"
            values = [_with_spread(row, key) for key in _JUDGED]
            rows.append(_line([data, *values]))
    title = (
        "Against what the real YAMNet hears in the recordings themselves; in brackets 95 % "
        "intervals, bootstrap over the recordings (`judged/yamnet.csv`):"
    )
    return CardTable(title, _line(["recordings", *_JUDGED.values()]), tuple(rows))


def _held_out(path: Path, judge: str, label: str) -> CardTable:
    rows = [
        _line([f"{row['data']}, {row['files']} files", *(_short(row[key]) for key in _HELD_OUT)])
        for row in _rows(path)
        if row["transcoder"] == label
    ]
    title = f"On held-out scenes, {judge} as judge (`{path.name}`; no intervals were computed):"
    return CardTable(title, _line(["data", *_HELD_OUT.values()]), tuple(rows))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _with_spread(row: dict[str, str], key: str) -> str:
    if not row[key]:
        return "-"
    return f"{_short(row[key])} ({_short(row[f'{key}_low'])} to {_short(row[f'{key}_high'])})"


def _short(value: str) -> str:
    number = float(value)
    return f"{number:.4f}" if abs(number) < 0.1 else f"{number:.2f}"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
