"""A table as a picture, without a browser."""

import textwrap
from typing import TYPE_CHECKING

from doce_plans.results import BEST, NOT_DIFFERENT
from doce_plans.tables import Table
from transcoder.errors import UserError

if TYPE_CHECKING:  # matplotlib takes a while to import
    from matplotlib.figure import Figure

DPI = 150
FONT_SIZE = 10
ROW_HEIGHT_IN = 0.26
CELL_PADDING_IN = 0.12
MARGIN_IN = 0.15
MAX_ROWS = 1500
"""More rows would pass the size that image formats and viewers can take."""

_STYLES = {BEST: {"weight": "bold"}, NOT_DIFFERENT: {"color": "blue"}, "": {}}


def draw_table(table: Table) -> "Figure":
    """Draw ``table``: header underlined, headings bold with arrows, a rule below them, a line
    between factors and metrics; the best bold, what does not differ from it blue.

    Raises
    ------
    UserError
        For more than `MAX_ROWS` rows.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if len(table.rows) > MAX_ROWS:
        raise UserError(
            f"{len(table.rows)} rows are too many for a picture (at most {MAX_ROWS}): "
            "choose csv or html, or select less"
        )
    figure = Figure(dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    headings = [heading.text("↑", "↓") for heading in table.headings]
    widths = [
        max(_width_in(canvas, text, bold=True) for text in (heading, *column)) + 2 * CELL_PADDING_IN
        for heading, column in zip(headings, _longest_texts(table), strict=True)
    ]
    page = _Page(figure, sum(widths), table)
    page.draw_header()
    page.draw_row(headings, widths, [{"weight": "bold"}] * len(headings))
    page.draw_rule()
    for row in table.rows:
        page.draw_row([cell.text for cell in row], widths, [_STYLES[cell.mark] for cell in row])
    page.draw_separator(sum(widths[: table.n_factor_columns]))
    page.draw_notes()
    return figure


def _longest_texts(table: Table) -> list[list[str]]:
    """For each column its few longest cells; enough to tell the width."""
    return [sorted(set(column), key=len)[-3:] for column in zip(*table.texts, strict=True)]


def _width_in(canvas, text: str, *, bold: bool = False) -> float:
    from matplotlib.text import Text

    drawn = Text(text=text, fontsize=FONT_SIZE, weight="bold" if bold else "normal")
    drawn.set_figure(canvas.figure)
    return drawn.get_window_extent(canvas.get_renderer()).width / DPI


class _Page:
    """Draws lines of text from the top down, in inches."""

    def __init__(self, figure: "Figure", table_width_in: float, table: Table) -> None:
        self.table = table
        self.canvas = figure.canvas
        header = table.header.strip()
        # wide enough for a short header over a narrow table
        self.width = max(table_width_in, min(5.0, _width_in(figure.canvas, header)))
        per_line = max(20, int(len(header) * self.width / _width_in(figure.canvas, header or "x")))
        self.header_lines = textwrap.wrap(header, per_line)
        self.note_lines = [line for note in table.lines_below for line in textwrap.wrap(note, 90)]
        notes_width = max(_width_in(figure.canvas, line) for line in self.note_lines)
        n_lines = len(self.header_lines) + 1 + len(table.rows) + len(self.note_lines) + 1
        width = max(self.width, notes_width) + 2 * MARGIN_IN
        height = n_lines * ROW_HEIGHT_IN + 2 * MARGIN_IN
        figure.set_size_inches(width, height)
        self.axes = figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(-MARGIN_IN, width - MARGIN_IN), ylim=(MARGIN_IN - height, MARGIN_IN))
        self.axes.axis("off")
        self.y = 0.0  # top of the next line
        self.top_of_table = 0.0

    def draw_header(self) -> None:
        for line in self.header_lines:
            self._text(0, line)
            width = _width_in(self.canvas, line)
            self._line((0, width), (self.y - 0.9 * ROW_HEIGHT_IN,) * 2, 0.6)
            self.y -= ROW_HEIGHT_IN
        self.top_of_table = self.y

    def draw_row(self, texts, widths, styles) -> None:
        right = 0.0
        for j, (text, width, style) in enumerate(zip(texts, widths, styles, strict=True)):
            left, right = right, right + width
            is_factor = self.table.headings[j].is_factor
            x = left + CELL_PADDING_IN if is_factor else right - CELL_PADDING_IN
            self._text(x, text, ha="left" if is_factor else "right", **style)
        self.y -= ROW_HEIGHT_IN
        self.table_width = right

    def draw_rule(self) -> None:
        self._line((0, self.table_width), (self.y, self.y), 1.0)

    def draw_separator(self, x: float) -> None:
        if x:
            self._line((x, x), (self.top_of_table, self.y), 0.8)

    def draw_notes(self) -> None:
        self.y -= ROW_HEIGHT_IN / 2
        for line in self.note_lines:
            self._text(0, line, color="dimgray", fontsize=FONT_SIZE - 2)
            self.y -= ROW_HEIGHT_IN

    def _text(self, x: float, text: str, **style) -> None:
        style = {"fontsize": FONT_SIZE, "va": "center", "parse_math": False, **style}
        self.axes.text(x, self.y - ROW_HEIGHT_IN / 2, text, **style)

    def _line(self, x, y, width: float) -> None:
        self.axes.plot(x, y, color="black", linewidth=width)
