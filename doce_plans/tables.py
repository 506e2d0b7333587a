"""Tables of results: one row for each setting, one column for each metric, the best one marked."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from doce_plans.experiment import Experiment, Metric
from doce_plans.plans import FILLER, Modality, modality_text
from doce_plans.results import MetricResult, compare, load_results
from doce_plans.selectors import SettingSelection
from doce_plans.settings import Setting
from transcoder.errors import UsageError

MISSING = "-"
MARKS = "bold: the best; blue: not significantly different from it (paired t-test, p > 0.05)"


@dataclass(frozen=True)
class Heading:
    """A column's name, and for metrics which way is better."""

    name: str
    better: str | None = None  # "higher" or "lower"
    is_factor: bool = False  # what tells rows apart, left of the results

    def text(self, higher: str = "+", lower: str = "-") -> str:
        """The name and a sign, or an arrow if given."""
        return self.name + {"higher": f" {higher}", "lower": f" {lower}", None: ""}[self.better]


@dataclass(frozen=True)
class Cell:
    """What stands in a row under a heading."""

    text: str
    value: float | None = None  # of a number, as it was before rounding
    mark: str = ""  # of `doce_plans.results.compare`
    p_value: float | None = None  # of the test against the best


@dataclass(frozen=True)
class Table:
    """A table ready to be shown."""

    header: str  # what is the same in all rows
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
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
    def n_factor_columns(self) -> int:
        return sum(heading.is_factor for heading in self.headings)

    @property
    def texts(self) -> list[list[str]]:
        """The cells as they are shown."""
        return [[cell.text for cell in row] for row in self.rows]

    @property
    def first_line(self) -> str:
        """When the results shown were computed."""
        times = f"{self.oldest:%Y-%m-%d %H:%M:%S} to {self.newest:%Y-%m-%d %H:%M:%S}"
        return f"Displayed data generated from {times}"

    @property
    def lines_below(self) -> tuple[str, ...]:
        """The first line, the notes, and what marks mean if there are any."""
        marks = (MARKS,) if any(cell.mark for row in self.rows for cell in row) else ()
        return (self.first_line, *self.notes, *marks)

    def with_column(
        self, heading: Heading, cells: Sequence[Cell], at: int | None = None
    ) -> "Table":
        """The table with one more column, at its right side or before column ``at``."""
        n = len(self.headings) if at is None else at
        return dataclasses.replace(
            self,
            headings=(*self.headings[:n], heading, *self.headings[n:]),
            rows=tuple(
                (*row[:n], cell, *row[n:]) for row, cell in zip(self.rows, cells, strict=True)
            ),
        )

    def only_columns(self, wanted: Callable[[Heading], bool]) -> "Table":
        """The table with the columns whose headings are ``wanted``."""
        kept = [wanted(heading) for heading in self.headings]
        return dataclasses.replace(
            self,
            headings=tuple(itertools.compress(self.headings, kept)),
            rows=tuple(tuple(itertools.compress(row, kept)) for row in self.rows),
        )

    def with_remarks(self) -> "Table":
        """The table with its rows' remarks as last column, if there are any.

        A column is seen in every format, and stays with its row when that is copied.
        """
        if not any(self.remarks):
            return self
        return self.with_column(
            Heading("remarks"), [Cell(remark or MISSING) for remark in self.remarks]
        )

    def __str__(self) -> str:
        import pandas as pd

        frame = pd.DataFrame(self.texts, columns=self.columns)
        lines = [self.first_line, self.header, frame.to_string(), *self.notes]
        return "\n".join(line for line in lines if line)


def make_table(experiment: Experiment, selection: SettingSelection, display: str = "") -> Table:
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


def _remarks(experiment: Experiment, settings: Sequence[Setting]) -> dict[Setting, str]:
    if experiment.remarks is None:
        return {}
    return dict(zip(settings, experiment.remarks(settings, experiment), strict=True))


Row = tuple[dict[str, Modality], dict[str, MetricResult], str]
"""Values of the factors, results of the metrics, a remark."""


def _table_of_metrics(rows: Sequence[Row], metrics: Sequence[Metric]) -> Table:
    rows = [row for row in rows if row[1]]
    grid = [[results.get(m.name) for m in metrics] for _, results, _ in rows]
    columns = zip(*grid, strict=True)
    marks = zip(*map(compare, columns, metrics), strict=True)
    headings = [Heading(m.label, m.better) for m in metrics]
    table = _build("{}", [values for values, *_ in rows], headings, grid, metrics, marks)
    return dataclasses.replace(table, remarks=tuple(remark for *_, remark in rows))


def _table_of_modalities(
    rows: Sequence[Row], factor: str, modalities: Sequence[Modality], metric: Metric
) -> Table:
    """The modalities of ``factor`` side by side, compared along each row."""
    groups: dict[tuple, dict[Modality, MetricResult]] = {}
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
    marks = [compare(line, metric) for line in grid]
    headings = [Heading(modality_text(m)) for m in shown]
    header = f"metric: {metric.label} for factor {{}}{factor}"
    values = [dict(others) for others in groups]
    table = _build(header, values, headings, grid, [metric] * len(shown), marks)
    texts = ("; ".join(filter(None, remarks[others])) for others in groups)
    return dataclasses.replace(table, remarks=tuple(texts))


def _build(
    header: str,
    values: Sequence[dict[str, Modality]],
    headings: Sequence[Heading],
    grid: Sequence[Sequence[MetricResult | None]],
    metrics: Sequence[Metric],
    marks: Iterable[Sequence[tuple[str, float | None]]],
) -> Table:
    """A table of factor values and of a grid of results.

    ``metrics`` are those of the grid's columns, ``marks`` as `compare` gives them for its places;
    what is the same in all rows takes the place of ``{}`` in ``header``.
    """
    texts = [{f: modality_text(m) for f, m in row.items()} for row in values]
    constant = [f for f in texts[0] if len(texts) > 1 and len({row[f] for row in texts}) == 1]
    varying = [f for f in texts[0] if f not in constant]
    shown = [map(_result_cell, *parts, metrics) for parts in zip(grid, marks, strict=True)]
    times = [result.time for row in grid for result in row if result]
    return Table(
        header=header.format("".join(f"{f}: {texts[0][f]} " for f in constant)),
        headings=(*(Heading(f, is_factor=True) for f in varying), *headings),
        rows=tuple(
            (*(_factor_cell(row[f]) for f in varying), *line)
            for row, line in zip(values, shown, strict=True)
        ),
        oldest=min(times),
        newest=max(times),
    )


def _factor_cell(modality: Modality) -> Cell:
    if modality == FILLER:
        return Cell("")
    return Cell(modality_text(modality), None if isinstance(modality, str) else modality)


def _result_cell(
    result: MetricResult | None, mark: tuple[str, float | None], metric: Metric
) -> Cell:
    if result is None:
        return Cell(MISSING)
    value = result.value if isfinite(result.value) else None
    return Cell(metric.format(result.value), value, *mark)
