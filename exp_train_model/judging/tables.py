"""The tables of a judgement: for programs (CSV) and for people (Markdown)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from exp_train_model.judging.judgement import MEASURES
from exp_train_model.judging.measures import Estimate
from exp_train_model.judging.perturbations import UNPERTURBED


@dataclass(frozen=True)
class Row:
    """What one method reached on one set."""

    data: str
    recordings: int
    seconds: int
    method: str
    estimates: Mapping[str, Estimate]
    levels: str = UNPERTURBED  # or how they were perturbed

    def as_dict(self) -> dict:
        """A row of the CSV: each measure, its interval as ``<measure>_low`` and ``_high``."""
        row = {"data": self.data, "recordings": self.recordings, "seconds": self.seconds}
        row |= {"method": self.method, "levels": self.levels}
        for name, estimate in self.estimates.items():
            row[name] = estimate.value
            row |= {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        return row


def to_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """All rows, the measures in the order of `MEASURES`."""
    frame = pd.DataFrame([row.as_dict() for row in rows])
    measures = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    first = [column for column in frame.columns if column not in measures]
    return frame[[*first, *(column for column in measures if column in frame.columns)]]


def to_markdown(rows: Sequence[Row], judge: str) -> str:
    """A table for each set, the interval in brackets behind each value."""
    lines = [
        f"Judge: {judge}. In brackets the 95 % interval over recordings (bootstrap).",
        "BCE and KL: mean over recordings; top-1: share of seconds; correlation: over seconds,",
        "mean over the classes that the true Mels make .1 probable somewhere; traffic, voice,",
        "birds: correlation over recordings with the listeners' time of presence.",
    ]
    for data in dict.fromkeys(row.data for row in rows):
        of_set = [row for row in rows if row.data == data]
        perturbed = any(row.levels != UNPERTURBED for row in of_set)
        measures = [name for name in MEASURES if any(name in row.estimates for row in of_set)]
        lines += ["", f"### {data}", ""]
        lines += [f"{of_set[0].recordings} recordings, {of_set[0].seconds} s.", ""]
        lines.append(_line(["method", *(MEASURES[name].heading for name in measures)]))
        lines.append(_line(["---"] * (1 + len(measures))))
        for row in of_set:
            method = f"{row.method}, {row.levels}" if perturbed else row.method
            lines.append(_line([method, *(_cell(name, row.estimates) for name in measures)]))
    return "\n".join(lines) + "\n"


def _cell(name: str, estimates: Mapping[str, Estimate]) -> str:
    if name not in estimates:
        return "-"
    estimate, text = estimates[name], MEASURES[name].text
    if text(estimate.low) == "-":
        return text(estimate.value)
    return f"{text(estimate.value)} ({text(estimate.low)} to {text(estimate.high)})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
