"""Tables of results: one row for each setting, one column for each metric, the best one marked."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from doce_plans.experiment import Experiment, Metric
from doce_plans.identifiers import FILLER, Modality, modality_text
from doce_plans.results import Result, compare, load_results
from doce_plans.selectors import Selection
from transcoder.errors import UsageError

if TYPE_CHECKING:  # doce takes a while to import
    from doce_plans.settings import Setting

MISSING = "-"
MARKS = "bold: the best; blue: not significantly different from it (paired t-test, p > 0.05)"


@dataclass(frozen=True)
class Heading:
    """A column's name, and for metrics which way is better."""

    name: str
    better: str | None = None  # "higher" or "lower"

    def text(self, higher: str = "+", lower: str = "-") -> str:
        """The name and a sign, or an arrow if given."""
        return self.name + {"higher": f" {higher}", "lower": f" {lower}", None: ""}[self.better]


Cell = tuple[int, int]
"""Row and column, from 0."""


@dataclass(frozen=True)
class Table:
    """A table ready to be shown: texts, and which cells to mark."""

    header: str  # what is the same in all rows
    headings: tuple[Heading, ...]
    n_factor_columns: int
    cells: tuple[tuple[str, ...], ...]
    best: frozenset[Cell]
    not_different: frozenset[Cell]  # from the best, by a paired t-test
    p_values: dict[Cell, float]
    oldest: datetime  # file times of the results
    newest: datetime
    notes: tuple[str, ...] = ()  # lines shown below
    remarks: tuple[str, ...] = ()  # on each row; see `with_remarks`
    made_with: tuple[str, ...] = ()  # each row's weights; too long to be shown, for CSV

    @property
    def columns(self) -> list[str]:
        """Headings as text, ``+`` where higher is better and ``-`` where lower is."""
        return [heading.text() for heading in self.headings]

    @property
    def first_line(self) -> str:
        """When the results shown were computed."""
        times = f"{self.oldest:%Y-%m-%d %H:%M:%S} to {self.newest:%Y-%m-%d %H:%M:%S}"
        return f"Displayed data generated from {times}"

    @property
    def lines_below(self) -> tuple[str, ...]:
        """The first line, the notes, and what marks mean if there are any."""
        marks = (MARKS,) if self.best else ()
        return (self.first_line, *self.notes, *marks)

    def with_column(self, name: str, cells: Sequence[str]) -> "Table":
        """The table with one more column of text at its right side."""
        rows = zip(self.cells, cells, strict=True)
        return dataclasses.replace(
            self,
            headings=(*self.headings, Heading(name)),
            cells=tuple((*row, cell) for row, cell in rows),
        )

    def with_remarks(self) -> "Table":
        """The table with its rows' remarks as last column, if there are any.

        A column is seen in every format, and stays with its row when that is copied.
        """
        if not any(self.remarks):
            return self
        return self.with_column("remarks", [remark or MISSING for remark in self.remarks])

    def __str__(self) -> str:
        import pandas as pd

        frame = pd.DataFrame([list(row) for row in self.cells], columns=self.columns)
        lines = [self.first_line, self.header, frame.to_string(), *self.notes]
        return "\n".join(line for line in lines if line)


def make_table(experiment: Experiment, selection: Selection, display: str = "") -> Table:
    """The table of the selected settings.

    Parameters
    ----------
    display
        Metrics by position among those with data, or by name: ``1``, ``[1, 0]``, ``ptopafc``;
        all if empty. ``factor:metric`` puts the factor's modalities into columns.

    Raises
    ------
    UserError
        If no setting has data, saying what was searched and where.
    UsageError
        For an unknown metric or factor.
    """
    from doce_plans.settings import values_in

    found = load_results(experiment, selection)
    with_data = [m for m in experiment.metrics if any(m.name in results for _, results in found)]
    factors = selection.frame.factors
    remarks = _remarks(experiment, [setting for setting, results in found if results])
    rows = [
        (dict(zip(factors, values_in(selection.frame, s), strict=True)), r, remarks.get(s, ""))
        for s, r in found
    ]
    factor, colon, metrics = "".join(display.split()).rpartition(":")
    chosen = _choose_metrics(experiment, with_data, metrics)
    if not colon:
        return _table_of_metrics(rows, chosen)
    if factor not in factors:
        raise UsageError(f"-d: unknown factor {factor!r}; the factors are {', '.join(factors)}")
    if len(chosen) != 1:
        raise UsageError(f"-d {display}: name one metric, {_numbered(with_data)}")
    return _table_of_modalities(rows, factor, factors[factor], chosen[0])


def _choose_metrics(
    experiment: Experiment, with_data: Sequence[Metric], wanted: str
) -> list[Metric]:
    entries = [entry for entry in wanted.strip("[]").split(",") if entry]
    names = [metric.name for metric in with_data]
    chosen = []
    for entry in entries:
        if entry in names:
            chosen.append(with_data[names.index(entry)])
        elif entry.isdecimal() and int(entry) < len(names):
            chosen.append(with_data[int(entry)])
        elif entry in [metric.name for metric in experiment.metrics]:
            raise UsageError(f"-d: no data for metric {entry}, only for {_numbered(with_data)}")
        else:
            raise UsageError(f"-d: no metric {entry}; those with data are {_numbered(with_data)}")
    return list(dict.fromkeys(chosen)) or list(with_data)


def _numbered(metrics: Sequence[Metric]) -> str:
    return ", ".join(f"{i} {metric.name}" for i, metric in enumerate(metrics))


def _remarks(experiment: Experiment, settings: "Sequence[Setting]") -> "dict[Setting, str]":
    if experiment.remarks is None:
        return {}
    return dict(zip(settings, experiment.remarks(settings, experiment), strict=True))


Row = tuple[dict[str, Modality], dict[str, Result], str]
"""Values of the factors, results of the metrics, a remark."""


def _table_of_metrics(rows: Sequence[Row], metrics: Sequence[Metric]) -> Table:
    rows = [row for row in rows if row[1]]
    grid = [[results.get(m.name) for m in metrics] for _, results, _ in rows]
    compared = [[(i, j) for i in range(len(rows))] for j in range(len(metrics))]
    headings = [Heading(m.label, m.better) for m in metrics]
    table = _build("{}", [values for values, *_ in rows], headings, grid, metrics, compared)
    return dataclasses.replace(table, remarks=tuple(remark for *_, remark in rows))


def _table_of_modalities(
    rows: Sequence[Row], factor: str, modalities: Sequence[Modality], metric: Metric
) -> Table:
    """The modalities of ``factor`` side by side, compared along each row."""
    groups: dict[tuple, dict[Modality, Result]] = {}
    remarks: dict[tuple, dict[str, None]] = {}
    for values, results, remark in rows:
        others = tuple((name, value) for name, value in values.items() if name != factor)
        group = groups.setdefault(others, {})  # even without results: keeps the order of rows
        if metric.name in results:
            group[values[factor]] = results[metric.name]
            remarks.setdefault(others, {})[remark] = None
    groups = {others: group for others, group in groups.items() if group}
    shown = [m for m in modalities if any(m in group for group in groups.values())]
    grid = [[group.get(m) for m in shown] for group in groups.values()]
    compared = [[(i, j) for j in range(len(shown))] for i in range(len(groups))]
    headings = [Heading(modality_text(m)) for m in shown]
    header = f"metric: {metric.label} for factor {{}}{factor}"
    values = [dict(others) for others in groups]
    table = _build(header, values, headings, grid, [metric] * len(shown), compared)
    texts = ("; ".join(filter(None, remarks[others])) for others in groups)
    return dataclasses.replace(table, remarks=tuple(texts))


def _build(
    header: str,
    values: Sequence[dict[str, Modality]],
    headings: Sequence[Heading],
    grid: Sequence[Sequence[Result | None]],
    metrics: Sequence[Metric],
    compared: Sequence[Sequence[Cell]],
) -> Table:
    """A table of factor values and of a grid of results.

    ``metrics`` are those of the grid's columns, ``compared`` lists groups of its cells, one
    metric in each group; what is the same in all rows takes the place of ``{}`` in ``header``.
    """
    texts = [{f: modality_text(m) for f, m in row.items()} for row in values]
    constant = [f for f in texts[0] if len(texts) > 1 and len({row[f] for row in texts}) == 1]
    varying = [f for f in texts[0] if f not in constant]
    n = len(varying)
    best, not_different, p_values = set(), set(), {}
    for cells in compared:
        comparison = compare([grid[i][j] for i, j in cells], metrics[cells[0][1]])
        place = [(i, n + j) for i, j in cells]
        best |= {place[k] for k in comparison.best}
        not_different |= {place[k] for k in comparison.not_different}
        p_values |= {place[k]: p for k, p in comparison.p_values.items()}
    times = [result.time for row in grid for result in row if result]
    return Table(
        header=header.format("".join(f"{f}: {texts[0][f]} " for f in constant)),
        headings=(*(Heading(f) for f in varying), *headings),
        n_factor_columns=n,
        cells=tuple(
            (
                *("" if row[f] == FILLER else text[f] for f in varying),
                *(m.format(r.value) if r else MISSING for r, m in zip(line, metrics, strict=True)),
            )
            for row, text, line in zip(values, texts, grid, strict=True)
        ),
        best=frozenset(best),
        not_different=frozenset(not_different),
        p_values=p_values,
        oldest=min(times),
        newest=max(times),
    )
