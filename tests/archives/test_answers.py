"""Levels and presence beside the classes: in the rows, the tables, the page, the stream."""

import csv
import io
import json
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
from archive_data import answers, levels, setup, table, units

import classify_third_octave
from archives.acoustics import a_weighted_db, to_db, to_power
from archives.answers import Answers, laeq_db
from archives.classify import classify_archive
from archives.levels import LevelScale
from archives.presence_map import (
    Calibration,
    GroupEstimate,
    GroupMap,
    Logistic,
    find_calibration,
    way_of,
)
from archives.selection import best_classes, traffic_voice_birds
from archives.timeline import Units
from transcoder.audioset import audioset_classes
from transcoder.files import PROJECT_ROOT
from transcoder.fingerprint import fingerprint
from transcoder.transcode import Transcoder

CLASSES = audioset_classes("YamNet")


def calibration(way=None, **maps) -> Calibration:
    maps = maps or {"traffic": Logistic(1.0, 2.0), "birds": Logistic(0.5, 0.0)}
    keys = {"traffic": "t", "voice": "v", "birds": "b"}
    groups = {
        name: GroupMap(frozenset(c.mid for c in CLASSES if c.tvb == keys[name]), fitted, {})
        for name, fitted in maps.items()
    }
    return Calibration(way or {"method": "direct"}, {"recordings": 3, "seconds": 9}, groups)


def calibrated() -> Answers:
    estimate = GroupEstimate(calibration(), traffic_voice_birds("YamNet"), "YamNet")
    return replace(answers(), estimate=estimate)


def test_level_of_rows_is_the_archives_own(rng):
    array = levels(8 * 3)
    expected = to_db(to_power(a_weighted_db(array)).reshape(3, 8).mean(axis=1))
    np.testing.assert_allclose(laeq_db(units(array), LevelScale()), expected, atol=1e-3)
    shifted = laeq_db(units(array - 68), LevelScale(offset_db=-68.0))
    np.testing.assert_allclose(shifted, expected, atol=1e-3)


def test_filled_bands_and_frames_after_the_end_do_not_count():
    array = levels(8 * 2)
    array[:, 20:] = -40.0  # what bands that an archive lacks are filled with
    whole = units(array)
    expected = to_db(to_power(a_weighted_db(array[:8, :20], range(20))).mean())
    assert laeq_db(whole, LevelScale())[0] != pytest.approx(to_db(to_power(array).mean()))
    np.testing.assert_allclose(
        laeq_db(whole, LevelScale())[0],
        to_db(to_power(a_weighted_db(array[:8], range(20))).mean()),
        atol=1e-3,
    )
    partial = Units(whole.times_s[:1], whole.levels_db[:1], np.array([4]), whole.segment[:1])
    expected = to_db(to_power(a_weighted_db(array[:4], range(20))).mean())
    np.testing.assert_allclose(laeq_db(partial, LevelScale()), [expected], atol=1e-3)


def test_presence_of_a_window_is_the_mean_of_its_seconds():
    """The map of the mean would be another number."""
    array = levels(8 * 9)
    by_second = calibrated()
    _, seconds = by_second.hear(units(array))
    window = Units(
        np.arange(2) * 5.0, np.pad(array, ((0, 8), (0, 0))).reshape(2, 5, 8, 29),
        np.array([40, 28]), np.zeros(2, dtype=int),
    )  # fmt: skip
    probabilities, presence = by_second.hear(window)
    np.testing.assert_allclose(presence[0], seconds[:5].mean(axis=0), atol=1e-5)
    assert presence.shape == (2, 2)
    np.testing.assert_allclose(
        probabilities, answers().classify(window), atol=1e-5
    )  # as the classes of windows always were


@pytest.mark.parametrize("suffix", [".h5", ".csv", ".parquet"])
def test_rows_hold_levels_presence_and_raw_probabilities(tmp_path, suffix):
    table(levels(8 * 20)).to_csv(tmp_path / "a.csv", index=False)
    given = replace(setup(suffix=suffix, selection=best_classes("YamNet", 2)), answers=calibrated())
    result = classify_archive(tmp_path / "a.csv", "a", tmp_path / "o", given)
    if suffix == ".h5":
        with h5py.File(result.path) as file:
            assert [n.decode() for n in file["presence_names"]] == ["traffic", "birds"]
            presence, level = file["presence"][:, 0], file["LAeq"][:]
            assert file["probabilities"].shape == (20, 2)
    else:
        read = pd.read_csv if suffix == ".csv" else pd.read_parquet
        found = read(result.path)
        assert {"traffic_presence", "birds_presence", "probability_1"} <= set(found)
        presence, level = found["traffic_presence"], found["LAeq"]
    _, expected = calibrated().hear(units(levels(8 * 20)))
    np.testing.assert_allclose(presence, expected[:, 0], atol=1e-4)
    np.testing.assert_allclose(level, laeq_db(units(levels(8 * 20)), LevelScale()), atol=1e-3)
    assert result.report["groups_are"] == "presence"
    digest = result.digest
    assert digest.groups == ("traffic", "birds")
    assert digest.seconds == 20
    assert digest.loudest[0][1] == pytest.approx(max(level), abs=1e-3)
    assert digest.loudest[0][2][0] in {c.name for c in CLASSES}
    again = classify_archive(tmp_path / "a.csv", "a", tmp_path / "o", given)
    assert not again.is_new
    result.digest_path.unlink()
    assert classify_archive(tmp_path / "a.csv", "a", tmp_path / "o", given).is_new


@pytest.fixture
def pinv_calibration(tmp_path):
    """A calibration for PINV behind the embedded YAMNet, as a file."""
    from transcoder.classifiers import load_classifier

    marks = {
        "transcoder_fingerprint": fingerprint(Transcoder("YamNet").model),
        "classifier_fingerprint": fingerprint(load_classifier("YamNet")),
    }
    path = tmp_path / "mine.json"
    calibration(way_of("YamNet", "pinv", marks, 1)).save(path)
    return path


def run(tmp_path, *options):
    output = tmp_path / "heard"
    arguments = ["--method", "pinv", "--output", output, *options]
    return classify_third_octave.main([str(a) for a in arguments]), output


def test_the_command_line_gives_tables_and_a_page(tmp_path, pinv_calibration, capsys):
    times = pd.date_range("2024-03-01T22:59:30Z", periods=8 * 60, freq="125ms")
    table(levels(8 * 60) + 60, times).to_csv(tmp_path / "street.csv", index=False)
    options = ["--calibration", pinv_calibration, "--db_offset", "-60", "--format", "parquet"]
    status, output = run(tmp_path, tmp_path / "street.csv", *options, "--time_zone", "Europe/Paris")
    assert status == 0
    said = capsys.readouterr().out
    assert "1 min of levels, LAeq" in said and "of the time, traffic" in said
    hours = list(csv.DictReader((output / "hours.csv").open()))
    assert [row["time"] for row in hours] == ["2024-03-01T23:00:00", "2024-03-02T00:00:00"] or [
        row["time"] for row in hours
    ] == ["2024-03-01T23:00:00"]
    assert hours[0]["sensor"] == "street"
    days = list(csv.DictReader((output / "days.csv").open()))
    assert days[0]["complete"] == "False"
    found = pd.read_parquet(output / "street.parquet")
    energy = to_db(to_power(found["LAeq"]).mean())
    page = (output / "report.html").read_text(encoding="utf-8")
    assert f"{energy:.1f} dB" in page
    assert "street" in page and "birds" in page
    assert "Levels are relative" not in page


def test_a_calibration_of_another_way_is_refused(tmp_path, pinv_calibration, capsys):
    np.save(tmp_path / "a.npy", levels(80))
    arguments = [tmp_path / "a.npy", "--calibration", pinv_calibration, "--output", tmp_path / "o"]
    arguments += ["--method", "texture", "--draws", "2"]
    assert classify_third_octave.main([str(a) for a in arguments]) == 2
    error = capsys.readouterr().err
    assert "is for another way" in error and "method pinv, not texture" in error
    assert not (tmp_path / "o").exists()


def test_without_calibration_there_is_no_presence(tmp_path, capsys):
    np.save(tmp_path / "a.npy", levels(80))
    status, output = run(tmp_path, tmp_path / "a.npy", "--format", "csv")
    assert status == 0
    assert not any("presence" in name for name in pd.read_csv(output / "a.csv", nrows=1))
    hours = list(csv.DictReader((output / "hours.csv").open()))
    assert "traffic_probability" in hours[0] and "LAeq_traffic" not in hours[0]
    assert not (output / "days.csv").exists()  # no dates
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "No presence" in page and "Levels are relative" in page


def test_the_shipped_calibration_is_of_the_shipped_direct(tmp_path):
    """After training direct anew: calibrate_presence.py and open_corpus.score_groups, too."""
    from archives.agreement import find_agreement

    models = PROJECT_ROOT / "reference_models"
    model = Transcoder.load("YamNet", "direct", models=models, judge=None).model
    way = way_of("YamNet", "direct", {"transcoder_fingerprint": fingerprint(model)}, 1)
    found = find_calibration(models, way)
    assert found is not None, "no calibration for the shipped direct"
    assert {"traffic", "voice", "birds", "engine", "dog", "siren"} <= set(found.groups)
    quiet, sure = found.groups["voice"].map(np.array([0.001, 0.9]))
    assert quiet < 0.3 < 0.8 < sure
    agreement = {row.group: row for row in find_agreement(models, way)}
    assert float(agreement["voice"].correlation) > 0.5


def test_the_stream_tells_level_and_presence(tmp_path, pinv_calibration, capsys):
    text = table(levels(24)).to_csv(index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        status, _ = run(tmp_path, "-", "--calibration", pinv_calibration)
    assert status == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    assert set(lines[0]["presence"]) == {"traffic", "birds"}
    expected = laeq_db(units(levels(24)), LevelScale())
    assert lines[1]["LAeq"] == pytest.approx(expected[1], abs=0.06)
