"""The report holds what the steps left, names what they did not, and survives damaged files."""

import dataclasses
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_artefacts import DURATION_S, RUN_LOG, SAMPLE_RATE, TABLE, make_artefacts, played

from doce_plans.export import export_table
from doce_plans.tables import Cell
from reproduction.report import build_parser, collect, duration_text, main
from reproduction.score_tables import ScoreTable, css_classes, read_table, table_files
from reproduction.wording import condensed, figure_caption, in_words, table_title
from transcoder.errors import UserError
from transcoder.files import PROJECT_ROOT


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Page:
    folder = tmp_path_factory.mktemp("complete")
    assert main(make_artefacts(folder)) == 0
    assert not list((folder / "results").glob(".*"))  # no temporary file stays
    return Page(folder / "results" / "report.html")


def test_what_ran(report):
    for text in ("demo", "0123456789ab", "CPU (test)", "1 min 15 s", "321 MB", "skipped"):
        assert text in report.text
    assert "1 min 18 s" in report.text  # all steps
    assert "1234 MB" in report.text
    for step in RUN_LOG["steps"]:
        for line in step["command"].splitlines():
            assert line in report.text


def test_sounds_have_players_classes_and_spectrograms(report):
    players = report.all("audio")
    titles = ["Original", "Regenerated", "PINV", "CNN-logits"]
    assert [player["aria-label"] for player in players] == [f"bird, {title}" for title in titles]
    assert all("controls" in player for player in players)
    assert report.text.count("Not generated") == 1
    assert "no CNN-mels checkpoint was found" in report.text
    for mels in ("true_mels", "pinv", "cnn_logits"):
        assert report.text.count(f"Class 5 of {mels}") == 1
        assert f"Class 6 of {mels}" not in report.text
    assert "12.0 dB quieter" in report.text
    assert report.text.count("dB quieter") == 1
    assert "YamNet (x.pth)" in report.text


def test_figures_have_sizes_and_descriptions(report):
    images = report.all("img")
    assert len(images) == 5  # curve, confusion, precision-recall, figure of the paper, sounds
    assert all(image["alt"] and int(image["width"]) > 0 for image in images)
    alts = " ".join(image["alt"] for image in images)
    for text in (
        "Losses of training",
        "nb layers=5",
        "Confusion matrix",
        "Precision-recall",
        "One second",
        "bird",
    ):
        assert text in alts + report.text


def test_is_self_contained_and_without_scripts(report):
    for _, attributes in report.tags:
        for name in ("src", "href"):
            assert re.match("data:|#", attributes.get(name) or "#")
    assert "url(" not in report.source
    assert "@import" not in report.source
    assert not report.all("script")


def test_headings_descend_one_level_at_a_time(report):
    levels = [int(tag[1]) for tag, _ in report.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_links_lead_to_sections(report):
    ids = [attributes["id"] for _, attributes in report.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in report.all("a")} == set(ids)


def test_long_tables_and_many_figures_are_folded(report):
    assert len(report.all("details")) == 1  # the table of classes
    assert "class 39" in report.text


def test_texts_of_artefacts_are_no_markup(tmp_path):
    arguments = make_artefacts(tmp_path)
    classes = tmp_path / "audio" / "bird" / "bird_classes.csv"
    classes.write_text(classes.read_text().replace("Class 1", "<script>alert(1)</script>"))
    assert main(arguments) == 0
    page = Page(tmp_path / "results" / "report.html")
    assert not page.all("script")
    assert page.source.count("&lt;script&gt;alert(1)") == 3


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_tables_are_read_as_exported(tmp_path, suffix):
    path = tmp_path / f"scores.{suffix}"
    export_table(TABLE, path)
    table = read_table(path)
    assert table.title == "scores"
    assert [[cell.text for cell in row] for row in table.rows] == TABLE.texts
    assert table.headings == tuple(heading.text("↑", "↓") for heading in TABLE.headings)
    numeric = [table.is_numeric(column) for column in range(len(table.headings))]
    assert numeric == [False, True, True, True, True]


def test_marks_header_and_notes_come_from_the_json(tmp_path):
    export_table(TABLE, tmp_path / "scores.json")
    export_table(TABLE, tmp_path / "scores.csv")
    (path,) = table_files(tmp_path, "scores*")
    table = read_table(path)
    shown = [[css_classes(cell) for cell in row] for row in table.rows]
    assert shown[0] == ["", "", "number", "number close", "number"]
    assert shown[1] == ["", "number", "number best", "number best", "number"]
    assert table.header == "dataset: TEST"
    assert table.notes == TABLE.lines_below
    assert "bold: the best; blue: not significantly different" in table.notes[-1]


def test_a_csv_without_json_is_shown_too(tmp_path):
    for name in ("b.csv", "a.json", "c.tex", "other.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in table_files(tmp_path, "[ab]", "o*")] == [
        "a.json",
        "b.csv",
        "other.csv",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [("t.json", ""), ("t.json", "[1]"), ("t.json", '{"header": "", "headings": []}'),
     ("t.csv", ""), ("t.csv", "a,b\n1\n")],
)  # fmt: skip
def test_what_is_no_table_is_refused(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UserError, match=r"holds no (complete )?table"):
        read_table(path)


def test_nothing_made_yet_names_the_commands(tmp_path, capsys):
    nowhere = tmp_path / "nowhere"
    arguments = [f"--{o}={nowhere}" for o in ("train_experiment", "classif_experiment", "audio")]
    assert main([f"--results={tmp_path}", *arguments]) == 0
    page = Page(tmp_path / "report.html")
    assert len(page.all("section")) == 7
    commands = re.findall(r"Make them with (python (\S+\.py).*)", page.text)
    assert len(commands) == 8  # classes have tables and figures
    missing = [script for _, script in commands if not (PROJECT_ROOT / script).is_file()]
    assert not missing
    assert "damaged" not in capsys.readouterr().err


def test_damaged_files_are_named_and_the_rest_is_shown(tmp_path, capsys):
    arguments = make_artefacts(tmp_path)
    damaged = [
        tmp_path / "results" / "run_log.json",
        tmp_path / "results" / "spectro_dcase_2023.png",
        tmp_path / "train" / "export" / "results_training_YamNet.json",
        tmp_path / "audio" / "bird" / "bird_generated_from_pinv.wav",
    ]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:60])
    assert main(arguments) == 1
    shown = capsys.readouterr().err
    page = Page(tmp_path / "results" / "report.html")
    for path in damaged:
        assert str(path) in shown
        assert str(path) in page.text
    assert "Losses of training" in page.text
    assert len(page.all("img")) == 3


STEP = '{"number": 1, "name": "models", "command": "", "seconds": "x"}'


@pytest.mark.parametrize(
    "log",
    ["", "[]", "{}", "[" * 100_000, '{"started": "yesterday", "mode": "demo", "provenance": {}}',
     f'{{"started": "2024-03-01", "mode": "demo", "provenance": {{}}, "steps": [{STEP}]}}'],
)  # fmt: skip
def test_a_damaged_run_log_is_named(tmp_path, log):
    path = tmp_path / "run_log.json"
    path.write_text(log)
    folders = ("results", "train_export", "classif_export", "audio")
    arguments = [f"--{folder}={tmp_path / 'nowhere'}" for folder in folders]
    sections = collect(build_parser().parse_args([*arguments, f"--run_log={path}"]))
    assert "is no run log" in sections["run"].damaged[0]


def test_sound_lasts_as_long_as_its_file(report):
    for player in report.all("audio"):
        assert played(player["src"]).size / SAMPLE_RATE == pytest.approx(DURATION_S, abs=0.15)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.97, "1 min 00 s"),
        (75.4, "1 min 15 s"),
        (3599.7, "1 h 00 min"),
        (7505, "2 h 05 min"),
    ],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text


def test_files_that_a_killed_program_left_are_no_figures(tmp_path):
    from reproduction.report import _finished

    for name in (".confusion.x1.png", "confusion.png"):
        (tmp_path / name).touch()
    assert _finished(tmp_path, "*.png") == [tmp_path / "confusion.png"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "classifier=YamNet+dataset=full+epoch=10+nb_channels=16+step=train+"
            "transcoder=cnn_pinv+ts=0_curve",
            "CNN-mels for YamNet, data set full, 10 epochs, 16 channels",
        ),
        ("confusion_deep0_YamNet_self", "Confusion matrix: class groups, YamNet, true Mels"),
        ("precision_recall_deep1_PANN_cnn", "trained head, PANN, CNN-logits"),
    ],
)
def test_captions_are_words(name, words):
    assert figure_caption(Path(f"{name}.png")).endswith(words)


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("results_training_YamNet", "Transcoders for YamNet"),
        ("results_training_YamNet_DEMO", "Transcoders for YamNet (DEMO)"),
        ("results_classif_urbansound8k_DEMO", "UrbanSound8K (DEMO)"),
        ("classes_sonycust", "SONYC-UST, class by class"),
    ],
)
def test_titles_of_tables_are_words(stem, title):
    assert table_title(stem) == title


def test_commands_for_what_is_missing_repeat_the_folders_given(tmp_path):
    folder = tmp_path / "elsewhere"
    options = ("results", "train_experiment", "train_export", "classif_experiment", "audio")
    assert main([f"--{option}={folder}" for option in options]) == 0
    text = Page(folder / "report.html").text
    hints = re.findall(r"Make them with (.*)", text)
    assert f"--experiment_path {folder} --output {folder}" in hints[0]
    assert all(str(folder) in hint for hint in hints if "reproduce.py" not in hint)


def test_what_was_found_comes_first_and_what_ran_last(report):
    sections = [section["aria-labelledby"] for section in report.all("section")]
    assert sections[:4] == ["training", "classification", "sounds", "figures"]
    assert sections[-1] == "run"


def test_scores_are_shown_without_factors_where_methods_tell_rows_apart():
    cells = [[Cell(text) for text in row] for row in (["PINV", "", "1"], ["CNN-mels", "5", "2"])]
    table = ScoreTable("results_training_YamNet", "", ("method", "epoch", "ptopafc % ↑"), cells)
    short = in_words(condensed(table))
    assert short.title == "Transcoders for YamNet"
    assert short.headings == ("method", "top-1 agreement % ↑")
    other = dataclasses.replace(
        table, headings=("deep", "ts", "published acc_classif % on the real X")
    )
    assert in_words(other).headings == ("classes by", "ts", "published accuracy % on the real X")
    assert [[cell.text for cell in row] for row in short.rows] == [["PINV", "1"], ["CNN-mels", "2"]]
    again = ScoreTable("x", "", table.headings, [*cells, cells[0]])
    assert condensed(again) == again
