"""Tables to files: html, tex, csv, md by pandas or by hand; png and pdf by matplotlib.

What programs read again is json: `read_table` gives the table that was written.
"""

import dataclasses
import html
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from doce_plans.results import BEST, NOT_DIFFERENT
from doce_plans.tables import Cell, Heading, Table
from transcoder.errors import UsageError, UserError
from transcoder.files import atomic_path, atomic_write_text

FORMATS = ("html", "csv", "tex", "png", "pdf", "json")
"""What ``-e`` knows."""

ALL_FORMATS = (*FORMATS, "md")
"""What the scripts know."""

_STYLES = {BEST: "font-weight: bold;", NOT_DIFFERENT: "color: blue;", "": ""}

_LATEX_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def export_paths(folder: Path, name: str, default_stem: str) -> list[Path]:
    """The files that ``-e name`` asks for.

    ``name.ext`` is one file, ``name`` one for each of `FORMATS`; without a name (``.ext`` or
    nothing) the file is called ``default_stem``.

    Raises
    ------
    UsageError
        For an unknown extension or a name with a folder in it.
    """
    stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
    if "/" in name or "\\" in name:
        raise UsageError(f"-e {name}: give a name without folders, files go to {folder}")
    if dot and extension not in FORMATS:
        raise UsageError(f"-e {name}: unknown format {extension!r}, choose {', '.join(FORMATS)}")
    return [folder / f"{stem or default_stem}.{e}" for e in ([extension] if dot else FORMATS)]


def export_table(table: Table, path: Path) -> None:
    """Write ``table`` to ``path`` in the format that its extension names, or leave no file.

    Raises
    ------
    UsageError
        For an extension other than `FORMATS` and ``md``.
    """
    writer = _WRITERS.get(path.suffix[1:])
    if writer is None:
        known = ", ".join(_WRITERS)
        raise UsageError(f"{path}: unknown format {path.suffix!r}, choose {known}")
    writer(table, path)


def read_table(path: Path) -> Table:
    """The table that `export_table` wrote to a ``.json``.

    Raises
    ------
    UserError
        If the file holds no table, or a row of it has too few or too many cells.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        table = Table(
            header=told["header"],
            headings=tuple(Heading(**heading) for heading in told["headings"]),
            rows=tuple(tuple(Cell(**cell) for cell in row) for row in told["rows"]),
            oldest=datetime.fromisoformat(told["oldest"]),
            newest=datetime.fromisoformat(told["newest"]),
            **{name: tuple(told[name]) for name in ("notes", "remarks", "made_with")},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: holds no table ({error}); export it again") from None
    if not table.headings or {len(row) for row in table.rows} - {len(table.headings)}:
        raise UserError(f"{path}: holds no complete table; export it again")
    return table


def _write_html(table: Table, path: Path) -> None:
    styler = _styler(table, html.escape, "↑", "↓")
    styler.set_caption(html.escape(table.header.strip()))
    notes = "".join(f"<p>{html.escape(note)}</p>\n" for note in table.lines_below)
    text = styler.to_html(doctype_html=True).replace("</body>", f"{notes}</body>")
    atomic_write_text(path, text)


def _write_latex(table: Table, path: Path) -> None:
    styler = _styler(table, _escape_latex, r"$\uparrow$", r"$\downarrow$")
    columns = "".join("l" if heading.is_factor else "r" for heading in table.headings)
    text = styler.to_latex(
        hrules=True,
        convert_css=True,
        column_format=columns,
        caption=_escape_latex(table.header.strip()) or None,
    )
    notes = "".join(f"% {note}\n" for note in table.lines_below)
    packages = "% needs the packages booktabs and xcolor\n"
    atomic_write_text(path, packages + notes + text)


def _styler(table: Table, escape: Callable[[str], str], higher: str, lower: str):
    """A pandas Styler with escaped texts and the marks; index and columns are numbers."""
    import pandas as pd

    headings = [
        dataclasses.replace(heading, name=escape(heading.name)).text(higher, lower)
        for heading in table.headings
    ]
    styler = pd.DataFrame([[escape(text) for text in row] for row in table.texts]).style
    styler.format_index(lambda i: headings[i], axis="columns").hide(axis="index")
    marks = pd.DataFrame([[_STYLES[cell.mark] for cell in row] for row in table.rows])
    return styler.apply(lambda _: marks, axis=None)


def _escape_latex(text: str) -> str:
    return "".join(_LATEX_SIGNS.get(sign, sign) for sign in text)


def _write_csv(table: Table, path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(table.texts, columns=table.columns)
    if table.made_with:  # CSV has no notes
        frame["made with"] = table.made_with
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False)


def _write_markdown(table: Table, path: Path) -> None:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    stars = {BEST: "**", NOT_DIFFERENT: "*", "": ""}
    rows = [
        [f"{stars[cell.mark]}{cell.text}{stars[cell.mark]}" for cell in row] for row in table.rows
    ]
    headings = [heading.text("↑", "↓") for heading in table.headings]
    rule = ["---" if heading.is_factor else "---:" for heading in table.headings]
    lines = [line(headings), line(rule), *map(line, rows)]
    below = [line.replace("blue:", "italic:") for line in table.lines_below]
    text = [table.header.strip(), "\n".join(lines), *below]
    atomic_write_text(path, "\n\n".join(part for part in text if part) + "\n")


def _write_json(table: Table, path: Path) -> None:
    atomic_write_text(path, json.dumps(dataclasses.asdict(table), default=str, indent=1) + "\n")


def _write_figure(table: Table, path: Path) -> None:
    from doce_plans.table_figure import draw_table

    figure = draw_table(table)
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


_WRITERS = {
    "html": _write_html,
    "csv": _write_csv,
    "tex": _write_latex,
    "png": _write_figure,
    "pdf": _write_figure,
    "md": _write_markdown,
    "json": _write_json,
}
