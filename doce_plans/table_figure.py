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
MARGIN_IN = 0.15
MAX_ROWS = 1500
"""More rows would pass the size that image formats and viewers can take."""

_STYLES = {BEST: {"weight": "bold"}, NOT_DIFFERENT: {"color": "blue"}, "": {}}


def draw_table(table: Table) -> "Figure":
    """Draw ``table`` below its header: headings bold with arrows between two rules, a line between
    factors and metrics; the best bold, what does not differ from it blue; the notes below.

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
    figure = Figure(figsize=(1, 1), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))  # its units are inches, and stay so
    axes.axis("off")
    _draw_cells(axes, table)
    bottom = 1 - (1 + len(table.rows)) * ROW_HEIGHT_IN
    header = "\n".join(textwrap.wrap(table.header.strip(), 100))
    axes.text(0, 1 + MARGIN_IN / 2, header, fontsize=FONT_SIZE, va="bottom", parse_math=False)
    notes = [line for note in table.lines_below for line in textwrap.wrap(note, 90)]
    axes.text(0, bottom - ROW_HEIGHT_IN / 2, "\n".join(notes), fontsize=FONT_SIZE - 2, va="top",
              color="dimgray", linespacing=1.8, parse_math=False)  # fmt: skip
    drawn = figure.get_tightbbox()  # in inches
    width, height = drawn.width + 2 * MARGIN_IN, drawn.height + 2 * MARGIN_IN
    figure.set_size_inches(width, height)
    left, low = MARGIN_IN - drawn.x0, MARGIN_IN - drawn.y0
    axes.set_position((left / width, low / height, 1 / width, 1 / height))
    return figure


def _draw_cells(axes, table: Table) -> None:
    """Headings and rows, from the upper left corner of ``axes`` down."""
    texts = [[heading.text("↑", "↓") for heading in table.headings], *table.texts]
    grid = axes.table(texts, loc="upper left", edges="open")
    grid.auto_set_font_size(False)
    grid.set_fontsize(FONT_SIZE)
    grid.auto_set_column_width(list(range(len(table.headings))))
    for (i, j), cell in grid.get_celld().items():
        style = _STYLES[table.rows[i - 1][j].mark] if i else {"weight": "bold"}
        alignment = "left" if table.headings[j].is_factor else "right"
        cell.set_text_props(horizontalalignment=alignment, parse_math=False, **style)
        cell.set_height(ROW_HEIGHT_IN)
        cell.visible_edges = ("" if i else "TB") + "R" * (j == table.n_factor_columns - 1)
