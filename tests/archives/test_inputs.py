"""What a run takes for its input: never what it writes, and it never writes onto one."""

import os

import h5py
import pytest
from archive_data import levels, quick_classifier, table

import classify_third_octave
from archives.inputs import find_inputs


@pytest.fixture
def classify(monkeypatch):
    about = {"classifier": "narrow", "transcoder": "PINV"}
    monkeypatch.setattr(
        "archives.networks.load_level_classifier", lambda *_, **__: (quick_classifier(), about)
    )
    return lambda *arguments: classify_third_octave.main([str(a) for a in arguments])


def write_csv(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    table(levels(80)).to_csv(path, index=False)
    return path


def write_json(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    records = table(levels(80)).astype({"timestamp": str})
    records.to_json(path, orient="records", lines=True)
    return path


def refuses(classify, capsys, path, *arguments):
    before = path.read_bytes()
    assert classify(*arguments) == 2
    assert "would overwrite the input" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_result_never_takes_the_place_of_an_input(tmp_path, classify, capsys, monkeypatch):
    path = write_csv(tmp_path / "sensor.csv")
    refuses(classify, capsys, path, path, "--format", "csv", "--output", tmp_path)
    monkeypatch.chdir(tmp_path)
    refuses(classify, capsys, path, "sensor.csv", "--format", "csv", "--output", ".")
    (tmp_path / "linked").symlink_to(tmp_path)
    linked = tmp_path / "linked"
    refuses(classify, capsys, path, path, "--format", "csv", "--output", linked)
    os.link(path, tmp_path / "other.csv")
    other = tmp_path / "other.csv"
    (tmp_path / "out").symlink_to(tmp_path)
    refuses(classify, capsys, path, other, "--format", "csv", "--output", tmp_path / "out")
    with h5py.File(tmp_path / "levels.h5", "w") as file:
        file["fast_125ms"] = levels(80)
    levels_path = tmp_path / "levels.h5"
    refuses(classify, capsys, levels_path, levels_path, "--output", tmp_path)
    # a report has a name too
    report = write_json(tmp_path / "reports" / "a.json")
    write_csv(tmp_path / "a.csv")
    (tmp_path / "linked").unlink()
    (tmp_path / "out").unlink()
    other.unlink()
    levels_path.unlink()
    refuses(classify, capsys, report, tmp_path, "--output", tmp_path)


@pytest.mark.parametrize("suffix", ["h5", "csv", "parquet"])
@pytest.mark.parametrize("output", ["", "heard"])
def test_results_within_the_input_are_no_input(tmp_path, classify, suffix, output, capsys):
    write_json(tmp_path / "a.jsonl")
    write_json(tmp_path / "deep" / "b.jsonl")
    names = ["a", "deep/b"]
    out = tmp_path / output
    for _ in range(3):
        assert classify(tmp_path, "--output", out, "--format", suffix) == 0
        assert [task.name for task in find_inputs([str(tmp_path)], out)] == names
    assert capsys.readouterr().out.count("(done before)") == 4
    found = find_inputs([str(tmp_path / "**" / "*")], out)
    assert sorted(task.path.name for task in found) == ["a.jsonl", "b.jsonl"]
