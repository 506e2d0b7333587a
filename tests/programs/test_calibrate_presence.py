"""calibrate_presence.py on levels, archives with dates and sounds, by a model without training."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from archive_data import START, levels, table

from archives.presence_map import Calibration
from calibrate_presence import main

TEXTURE = ["--method", "texture", "--draws", "1"]  # needs no model, and the embedded YAMNet


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        np.save(tmp_path / f"place{number}.npy", levels(8 * 6, seed=number))
    (tmp_path / "notes.csv").write_text("recording,traffic,birds\n" + "".join(
        f"place{number},{number / 4},0\n" for number in range(5)
    ))  # fmt: skip
    return tmp_path


def run(folder, *options):
    output = folder / "made" / "presence.json"
    status = main([*TEXTURE, "--output", str(output), *map(str, options)])
    return status, output


def test_fits_what_varies_and_says_what_does_not(folder, capsys):
    status, output = run(folder, "--note", "five yards", folder, folder / "notes.csv")
    assert status == 0
    said = capsys.readouterr()
    assert "5 recordings, 30 s, texture for YamNet" in said.out
    assert "left out: birds: its presence is 0 throughout" in said.err
    found = Calibration.load(output)
    assert set(found.groups) == {"traffic"}
    assert found.made_for["method"] == "texture" and found.made_for["heard_s"] == 1
    assert found.made_for["classifier_fingerprint"]
    assert found.fitted_on | {"recordings": 5, "seconds": 30, "note": "five yards"} == (
        found.fitted_on
    )
    scores = json.loads(output.read_text())["groups"]["traffic"]["scores"]
    assert set(scores) == {"raw", "logistic", "isotonic"}


def test_dates_of_archives_are_those_of_annotations(tmp_path):
    table(levels(8 * 60)).to_csv(tmp_path / "street.csv", index=False)
    starts = START + pd.to_timedelta(np.arange(20, 40), unit="s")
    pd.DataFrame(
        {"recording": "street", "start": starts, "end": starts + pd.Timedelta("1s"),
         "voice": np.arange(20) % 2}
    ).to_csv(tmp_path / "said.csv", index=False)  # fmt: skip
    status, output = run(tmp_path, tmp_path / "street.csv", tmp_path / "said.csv")
    assert status == 0
    assert Calibration.load(output).fitted_on["seconds"] == 20


def test_dates_in_another_clock_are_refused(tmp_path, capsys):
    table(levels(8 * 20)).to_csv(tmp_path / "street.csv", index=False)
    (tmp_path / "said.csv").write_text(
        "recording,start,end,voice\nstreet,2024-03-01T10:00:00Z,2024-03-01T10:00:10Z,1\n"
    )
    status, _ = run(tmp_path, tmp_path / "street.csv", tmp_path / "said.csv")
    assert status == 1
    assert "with a zone), but has times without a zone" in capsys.readouterr().err


def test_takes_sounds(tmp_path, rng):
    for number in range(4):
        wave = rng.normal(0, 0.1, 32_000 * 2) * (1 + number)
        soundfile.write(tmp_path / f"yard{number}.wav", wave / np.abs(wave).max(), 32_000)
    (tmp_path / "said.csv").write_text(
        "recording,start,end,group\n" + "".join(f"yard{n},0,{1 + n % 2},voice\n" for n in range(4))
    )
    status, output = run(tmp_path, tmp_path, tmp_path / "said.csv")
    assert status == 0
    assert Calibration.load(output).fitted_on["seconds"] == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recording,rain\nplace0,1\n", "unknown group 'rain': known are traffic, voice"),
        ("recording,traffic\nplace9,1\n", "annotated recording 'place9'"),
        ("recording,start,end,traffic\nplace0,50,60,1\n", r"place0\.npy: no annotation is of"),
        ("recording,traffic\nplace0,1\n", "there is no group that a map can be fitted for"),
    ],
)
def test_refusals_name_what_is_wrong(folder, capsys, text, message):
    (folder / "notes.csv").write_text(text)
    status, output = run(folder, folder, folder / "notes.csv")
    assert status == 1
    assert not output.exists()
    error = capsys.readouterr().err
    assert len(error.splitlines()) <= 3
    import re

    assert re.search(message, error)


def test_options_that_make_no_sense(folder, capsys):
    notes = folder / "notes.csv"
    assert main([str(folder), str(notes), "--auto_offset"]) == 2
    assert "--db_offset" in capsys.readouterr().err
    assert main([str(folder), str(notes), "--output", "maps.txt"]) == 2
