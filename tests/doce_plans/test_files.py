"""Removing, keeping and archiving the files of selected settings."""

import dataclasses

import pytest
from doce_program import EXPERIMENT, Program

from doce_plans.experiment import Experiment
from doce_plans.plans import Plan


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


@pytest.fixture
def filled(program):
    assert program("-c") == 0
    (program.folder / "metric" / "read.me").touch()
    (program.folder / "metric" / "sub=folder_score.npy").mkdir()
    return program


def test_remove_matches_exactly(filled):
    before = filled.files("metric")
    assert filled("-s", "first/net=cnn+epoch=1", "-R", "metric", "--yes") == 0
    gone = set(before) - set(filled.files("metric"))
    assert gone == {"epoch=1+net=cnn+step=metric_score.npy"}
    assert len(filled.files("evaluation")) == 4 + 4


def test_remove_tells_an_identifier_from_a_longer_one(tmp_path):
    plan = Plan("p", {"net": ["cnn", "cnn_b"]})
    experiment = Experiment("e", "", [plan], [], {"out": "."}, lambda s, e: [e.file("out", s, "x")])
    program = Program(tmp_path, experiment)
    for name in ("net=cnn_x.npy", "net=cnn_b_x.npy"):
        (tmp_path / name).touch()
    assert program("-s", "net=cnn", "-R", "out", "--yes") == 0
    assert program.files("out") == ["net=cnn_b_x.npy"]


def test_keep(filled):
    (filled.folder / "metric" / "epoch=7+net=old+step=metric_score.npy").touch()
    assert filled("-s", "first/net=cnn+epoch=1", "-K", "metric", "--yes") == 0
    assert filled.files("metric") == [
        "epoch=1+net=cnn+step=metric_score.npy",
        "read.me",
        "sub=folder_score.npy",
    ]


def test_archive(tmp_path, capsys):
    paths = {**EXPERIMENT.paths, "archive": "old"}
    program = Program(tmp_path, dataclasses.replace(EXPERIMENT, paths=paths))
    assert program("-s", "second/step=train", "-c") == 0
    assert program("-s", "second/net=cnn", "-A", "model", "--yes") == 0
    assert len(program.files("archive")) == 2
    assert len(program.files("model")) == 4
    assert program("-s", "second/", "-R", "model", "--yes") == 0
    assert "move 4 files" in (out := capsys.readouterr().out)
    assert "replacing 2 older copies" in out
    assert program.files("model") == []
    assert len(program.files("archive")) == 4
    assert program("-s", "second/", "-R", "model", "--yes") == 0
    assert "no such files" in capsys.readouterr().out


def test_removing_asks_and_refuses_without_a_terminal(filled, capsys, monkeypatch):
    before = filled.files("metric")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert filled("-R", "metric") == 1
    assert "remove 8 files" in (err := capsys.readouterr().err)
    assert "--yes" in err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert filled("-R", "metric") == 1
    assert filled.files("metric") == before
    asked = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "y")
    assert filled("-s", "first/", "-R", "metric") == 0
    assert "remove 4 files" in asked[0]
    assert len(filled.files("metric")) == len(before) - 4
