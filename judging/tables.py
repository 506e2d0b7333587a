"""The tables of a judgement: for programs (CSV) and for people (Markdown)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from judging.judgement import MEASURES
from judging.measures import Estimate
from judging.perturbations import UNPERTURBED
from transcoder.errors import MissingFileError, UserError


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


def to_frame(rows: Sequence[Row], judge: str) -> pd.DataFrame:
    """All rows, the measures in the order of `MEASURES`."""
    frame = pd.DataFrame([{"judge": judge, **row.as_dict()} for row in rows])
    measures = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    first = [column for column in frame.columns if column not in measures]
    return frame[[*first, *(column for column in measures if column in frame.columns)]]


def read_rows(path: Path, judge: str) -> list[Row]:
    """The rows of a table that `to_frame` made.

    Raises `MissingFileError` if it is not there, `UserError` if it is no such table or another
    judge's.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such table")
    try:
        frame = pd.read_csv(path)
        rows = [_row(dict(cells)) for _, cells in frame.iterrows()]
    except (ValueError, KeyError) as error:
        raise UserError(f"{path}: is no table of this program: {error}") from None
    if set(frame["judge"]) != {judge}:
        raise UserError(f"{path}: its judge was {frame['judge'][0]}, not {judge}")
    return rows


def _row(cells: Mapping) -> Row:
    estimates = {
        name: Estimate(*(float(cells[f"{name}{end}"]) for end in ("", "_low", "_high")))
        for name in MEASURES
        if name in cells and not (np.isnan(cells[name]) and np.isnan(cells[f"{name}_low"]))
    }
    size = int(cells["recordings"]), int(cells["seconds"])
    return Row(cells["data"], *size, cells["method"], estimates, cells["levels"])


def beside(earlier: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """``rows`` and, before those of each set, what ``earlier`` has of other methods on it.

    Raises `UserError` if a set of that name was another then.
    """
    merged = []
    new = {(row.data, row.method) for row in rows}
    for data in dict.fromkeys(row.data for row in rows):
        of_set = [row for row in rows if row.data == data]
        kept = [row for row in earlier if row.data == data and (data, row.method) not in new]
        size = of_set[0].recordings, of_set[0].seconds
        for row in kept:
            if (row.recordings, row.seconds) != size:
                raise UserError(
                    f"{data}: had {row.recordings} recordings and {row.seconds} s in the earlier "
                    f"table, and has {size[0]} and {size[1]} s now"
                )
        merged += [*kept, *of_set]
    return merged


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
