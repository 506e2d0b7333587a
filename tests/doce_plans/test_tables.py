"""Tables and exports against doce as of April 2023, where it was right."""

import csv
import dataclasses
import itertools
import re
import shutil
import subprocess

import numpy as np
import pytest
from doce_golden import GOLDEN, is_recent, published_experiment, with_display_data

from doce_plans.experiment import Experiment, Metric
from doce_plans.export import FORMATS, export_paths, export_table, read_table
from doce_plans.plans import Plan
from doce_plans.results import BEST, NOT_DIFFERENT
from doce_plans.table_figure import draw_table
from doce_plans.tables import Cell, Heading, make_table
from transcoder.errors import UsageError, UserError

DISPLAYS = {display["name"]: display for display in GOLDEN["displays"]}


def marked(table, mark):
    """Row and column of the cells with a mark."""
    return [[i, j] for i, row in enumerate(table.rows) for j, c in enumerate(row) if c.mark == mark]


def _golden_table(display, folder):
    experiment = with_display_data(display, folder)
    return make_table(experiment, experiment.select(display["s"]), display["d"] or "")


@pytest.fixture
def paper_table(tmp_path):
    return _golden_table(DISPLAYS["paper table"], tmp_path)


@pytest.mark.parametrize("display", GOLDEN["displays"], ids=lambda d: d["name"])
def test_table(display, tmp_path):
    table = _golden_table(display, tmp_path)
    assert " ".join(table.header.split()) == " ".join(display["header"].split())
    assert table.columns == display["columns"]
    assert table.n_factor_columns == display["factor_columns"]
    assert table.texts == display["cells"]
    assert marked(table, BEST) == display["best"]
    assert marked(table, NOT_DIFFERENT) == display["not_different"]
    for row, p_values in zip(table.rows, display["p"], strict=True):
        for cell, p in zip(row[table.n_factor_columns :], p_values, strict=True):
            assert cell.p_value == (None if p is None else pytest.approx(p, abs=1e-6))
    assert is_recent(table.oldest)
    assert table.oldest <= table.newest


@pytest.mark.parametrize("display", GOLDEN["displays"], ids=lambda d: d["name"])
def test_text_shows_everything(display, tmp_path):
    text = str(_golden_table(display, tmp_path))
    first, *rest = text.splitlines()
    assert re.fullmatch(r"Displayed data generated from \d{4}-.* to \d{4}-.*", first)
    rows = rest[-len(display["cells"]) :]
    for i, (row, cells) in enumerate(zip(rows, display["cells"], strict=True)):
        assert row.split() == [str(i), *(cell for cell in cells if cell)]


def test_metric_by_name_and_order(tmp_path):
    display = DISPLAYS["two metrics in the given order"]
    experiment = with_display_data(display, tmp_path)
    selection = experiment.select(display["s"])
    by_number = make_table(experiment, selection, "[1, 0]")
    by_name = make_table(experiment, selection, "[macro_auprc, acc_classif]")
    assert by_name.texts == by_number.texts
    assert make_table(experiment, selection, "macro_auprc").columns[-1] == "macro_auprc +"


@pytest.mark.parametrize(
    ("display", "message"),
    [
        ("2", "no metric 2; .*0 acc_classif, 1 macro_auprc"),
        ("-1", "no metric -1"),
        ("[0, acc]", "no metric acc;"),
        ("macro_f1", "no data for metric macro_f1"),
        ("step:", "name one metric"),
        ("stp:0", "unknown factor 'stp'"),
    ],
)
def test_unknown_metric(display, message, tmp_path):
    golden = DISPLAYS["two metrics in the given order"]
    experiment = with_display_data(golden, tmp_path)
    with pytest.raises(UsageError, match=message):
        make_table(experiment, experiment.select(golden["s"]), display)


def test_nothing_to_show(tmp_path):
    experiment = published_experiment("classif_exp", tmp_path)
    with pytest.raises(UserError, match=r"none of the 8 settings .* acc_classif.*metrics"):
        make_table(experiment, experiment.select("reference/"))


def test_factor_in_columns_with_gaps_and_any_selector(tmp_path):
    experiment = with_display_data(DISPLAYS["factor in columns"], tmp_path)
    full = make_table(experiment, experiment.select("deep/step=metric"), "classifier:0")
    assert full.texts == DISPLAYS["factor in columns"]["cells"]

    gap = experiment.select("deep/step=metric+transcoder=cnn+dataset=SONYC-UST+classifier=PANN")
    experiment.file("metrics", gap.settings[0], "acc_classif").unlink()
    table = make_table(experiment, experiment.select("{'deep':1}"), "classifier:acc_classif")
    assert table.texts[2] == ["cnn", "SONYC-UST", "-", "68.3"]
    assert [2, 3] in marked(table, BEST)


def _experiment_with(folder, arrays, **metric):
    plan = Plan("p", {"a": list(range(len(arrays)))})
    metrics = [Metric("m", "metric", **metric)]
    experiment = Experiment("e", "", [plan], metrics, {"metric": "metric"}, lambda s, e: [])
    experiment = experiment.at(folder)
    experiment.path("metric").mkdir()
    for setting, array in zip(experiment.select(), arrays, strict=True):
        if array is not None:
            np.save(experiment.file("metric", setting, "m"), array)
    return experiment


def test_no_test_for_one_value_another_length_or_missing_data(tmp_path):
    arrays = [[1.0, 2.0, 3.1], [1.0, 2.0], 2.5, None, [1.1, 2.1, 3.0], []]
    experiment = _experiment_with(tmp_path, arrays, better="lower", significance=True)
    table = make_table(experiment, experiment.select())
    assert [row[0] for row in table.texts] == ["0", "1", "2", "4"]
    assert marked(table, BEST) == [[1, 1]]
    assert not any(cell.p_value for row in table.rows for cell in row)


def test_unrounded_values_decide_and_no_direction_marks_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    experiment = _experiment_with(tmp_path / "a", [0.5, 0.5001], better="higher")
    table = make_table(experiment, experiment.select())
    assert [row[1] for row in table.texts] == ["0.50", "0.50"]
    assert marked(table, BEST) == [[1, 1]]
    experiment = _experiment_with(tmp_path / "b", [0.5, 0.6])
    assert not marked(make_table(experiment, experiment.select()), BEST)


def test_metric_refuses_significance_without_direction():
    with pytest.raises(UsageError, match="significance"):
        Metric("m", "metric", significance=True)
    with pytest.raises(UsageError, match="better"):
        Metric("m", "metric", better="smaller")


def test_export_paths(tmp_path):
    assert export_paths(tmp_path, "a.png", "exp") == [tmp_path / "a.png"]
    assert export_paths(tmp_path, "a.b.tex", "exp") == [tmp_path / "a.b.tex"]
    assert export_paths(tmp_path, ".csv", "exp") == [tmp_path / "exp.csv"]
    assert {p.suffix[1:] for p in export_paths(tmp_path, "a", "exp")} == set(FORMATS)
    assert {p.stem for p in export_paths(tmp_path, "", "exp")} == {"exp"}
    for name in ("a.doc", "a.", "../a.png"):
        with pytest.raises(UsageError):
            export_paths(tmp_path, name, "exp")


def test_csv(paper_table, tmp_path):
    export_table(paper_table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [paper_table.columns, *paper_table.texts]


def test_html(paper_table, tmp_path):
    export_table(paper_table, tmp_path / "t.html")
    text = (tmp_path / "t.html").read_text()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert cells == list(itertools.chain(*paper_table.texts))
    assert "avg_mels_mse ↓" in text
    assert "ptopafc % ↑" in text
    assert "dataset: full" in text
    _check_html_marks(text, paper_table)


def _check_html_marks(text, table):
    """The style rules name exactly the cells that the table marks."""
    for style, wanted in (("bold", BEST), ("blue", NOT_DIFFERENT)):
        rules = re.findall(r"([^{}]*)\{[^{}]*" + style, text.partition("</style>")[0])
        found = [list(map(int, c)) for r in rules for c in re.findall(r"row(\d+)_col(\d+)", r)]
        assert sorted(found) == marked(table, wanted)


def test_latex(paper_table, tmp_path):
    export_table(paper_table, tmp_path / "t.tex")
    text = (tmp_path / "t.tex").read_text()
    assert r"avg\_mels\_mse $\downarrow$" in text
    assert r"ptopafc \% $\uparrow$" in text
    assert r"\bfseries 10.10" in text
    assert r"\color{blue} 0.017300" in text
    assert re.search(
        r"effnet\\_b0 & 200 & -5 &  &  &  &  &  & - & 0.125967 & 0.009000 & 69.8", text
    )
    assert text.count(r"\\") == 1 + len(paper_table.rows)
    assert text.count("{") == text.count("}")


def test_markdown(paper_table, tmp_path):
    export_table(paper_table, tmp_path / "t.md")
    text = (tmp_path / "t.md").read_text()
    assert "| 0 | cnn_pinv | 200 | -3 | 5 | 5 | 1 | 64 |  | **10.10** | 0.029333 |" in text
    assert "*0.017300*" in text


@pytest.mark.parametrize("name", DISPLAYS)
def test_all_formats_of_all_tables(name, tmp_path):
    table = _golden_table(DISPLAYS[name], tmp_path)
    for extension in FORMATS:
        export_table(table, tmp_path / f"t.{extension}")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "t.pdf").read_bytes().startswith(b"%PDF")
    _check_html_marks((tmp_path / "t.html").read_text(), table)
    assert read_table(tmp_path / "t.json") == table


def test_a_column_takes_its_marks_along(paper_table):
    best = marked(paper_table, BEST)
    table = paper_table.with_column(Heading("x"), [Cell("")] * len(paper_table.rows), 0)
    assert marked(table, BEST) == [[i, 1 + j] for i, j in best]
    assert table.only_columns(lambda heading: heading.name != "x") == paper_table


def test_figure_draws_texts_and_marks(paper_table):
    figure = draw_table(paper_table)
    figure.canvas.draw()  # cells get their places
    (axes,) = figure.axes
    (grid,) = axes.tables
    texts = [*axes.texts, *(cell.get_text() for cell in grid.get_celld().values())]
    drawn = {}
    for text in texts:
        drawn.setdefault(text.get_text(), text)
    assert drawn["10.10"].get_weight() == "bold"
    assert drawn["0.017300"].get_color() == "blue"
    assert drawn["12.43"].get_weight() == "normal"
    assert drawn["avg_mels_mse ↓"].get_weight() == "bold"
    width, height = figure.get_size_inches() * figure.dpi
    for text in texts:
        box = text.get_window_extent()
        assert 0 <= box.x0 <= box.x1 <= width
        assert 0 <= box.y0 <= box.y1 <= height
    rows = {}
    for text in texts:
        rows.setdefault(round(text.get_position()[1], 3), []).append(text.get_window_extent())
    for boxes in rows.values():
        boxes.sort(key=lambda box: box.x0)
        for left, right in itertools.pairwise(boxes):
            assert left.x1 <= right.x0


def test_extra_column_and_notes_reach_every_format(paper_table, tmp_path):
    table = paper_table.with_column(
        Heading("published"), [Cell(f"{i}.5", i + 0.5) for i in range(6)]
    )
    table = dataclasses.replace(table, notes=("made on <cpu>",))
    for extension in ("html", "tex", "md", "png"):
        export_table(table, tmp_path / f"t.{extension}")
    assert "published" in (tmp_path / "t.html").read_text()
    assert "made on &lt;cpu&gt;" in (tmp_path / "t.html").read_text()
    assert "| 5.5 |" in (tmp_path / "t.md").read_text()
    assert "made on <cpu>" in str(table)


def test_too_many_rows_for_a_picture(tmp_path, paper_table):
    long = dataclasses.replace(paper_table, rows=paper_table.rows * 300)
    with pytest.raises(UserError, match="too many"):
        export_table(long, tmp_path / "t.png")
    assert not list(tmp_path.glob("t.png*"))


def test_latex_compiles(paper_table, tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    export_table(paper_table, tmp_path / "t.tex")
    (tmp_path / "main.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,xcolor}\begin{document}\input{t}\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
