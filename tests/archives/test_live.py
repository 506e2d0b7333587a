"""Live streams: lines in, one line of JSON a second out."""

import io
import json
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from archive_data import BAND_NAMES, answers, levels, stamps, table, units

from archives.columns import NOMINAL_HZ
from archives.levels import MISSING_BAND_DB, LevelScale
from archives.live import classify_lines
from archives.options import ReadOptions
from archives.selection import all_classes, traffic_voice_birds
from archives.text_lines import followed
from transcoder.errors import MissingFileError, UserError
from transcoder.files import PROJECT_ROOT


def run(text, *, selection=None, unit_s=1):
    lines = classify_lines(
        io.StringIO(text),
        answers(),
        selection or all_classes("YamNet"),
        LevelScale(),
        ReadOptions(),
        unit_s=unit_s,
    )
    return [json.loads(line) for line in lines]


def csv_text(array, **kwargs):
    return table(array).to_csv(index=False, **kwargs)


@pytest.mark.parametrize("style", ["named", "spreadsheet", "bare", "timed"])
def test_every_second_gives_a_line(style):
    array = levels(80)
    frame = table(array)
    if style == "named":
        text = frame.to_csv(index=False)
    elif style == "spreadsheet":
        text = frame.to_csv(index=False, sep=";", decimal=",")
    elif style == "bare":
        text = frame[BAND_NAMES].to_csv(index=False, header=False)
    else:
        text = frame.assign(timestamp=np.arange(80) / 8).to_csv(index=False, header=False)
    found = run(text)
    assert len(found) == 10
    values = np.array([list(line["classes"].values()) for line in found])
    np.testing.assert_allclose(values, answers().classify(units(array)), atol=2e-5)
    start = "2024-03-01T10:00:00.000" if style in ("named", "spreadsheet") else 0.0
    assert found[0]["time"] == start
    assert found[0]["coverage"] == 1


@pytest.mark.parametrize("n_bands", [24, 29])
def test_a_header_of_plain_numbers_names_the_columns(n_bands):
    """As in files: 24 bands, or all in another order, are not taken for the first levels."""
    array = levels(80)
    names = [f"{hz:g}" for hz in NOMINAL_HZ]
    frame = pd.DataFrame(array, columns=names)[names[29 - n_bands :][::-1]]
    found = run(frame.to_csv(index=False))
    wanted = array.copy()
    wanted[:, : 29 - n_bands] = MISSING_BAND_DB
    values = np.array([list(line["classes"].values()) for line in found])
    np.testing.assert_allclose(values, answers().classify(units(wanted)), atol=2e-5)


def test_names_may_stand_below_a_preamble(tmp_path):
    from sensor_layouts import svantek

    array = levels(80)
    svantek(tmp_path / "a.csv", array, 0.125)
    found = run((tmp_path / "a.csv").read_text())
    values = np.array([list(line["classes"].values()) for line in found])
    np.testing.assert_allclose(values, answers().classify(units(array.round(2))), atol=2e-4)
    assert found[0]["time"] == "2024-05-17T10:00:00.000"


@pytest.mark.parametrize("style", ["array", "keys", "ten seconds", "topic"])
def test_records_of_json(style, caplog):
    array = levels(80)
    lines = []
    for number, row in enumerate(array.astype(float).tolist()):
        record = {"time": f"2024-03-01T10:00:{number / 8:06.3f}Z", "result": row}
        if style == "keys":
            record["result"] = {f"{hz:g}HZ": row[k] for k, hz in enumerate(NOMINAL_HZ)}
        lines.append(("sensors/1 " if style == "topic" else "") + json.dumps(record))
    if style == "ten seconds":
        keys = {f"{hz:g}HZ": array[:, k].tolist() for k, hz in enumerate(NOMINAL_HZ)}
        stamps_of = {"date_start": "2024-03-01T10:00:00Z", "date_end": "2024-03-01T10:00:09.999Z"}
        lines = [json.dumps(stamps_of | {"hwa": "b8:27", "LZeq": [60.0] * 80} | keys)]
    else:
        lines[30] = lines[30][:50]  # cut by a broken connection: filled from its neighbours
    found = run("\n".join(lines))
    assert [line["time"] for line in found] == [f"2024-03-01T10:00:0{s}.000Z" for s in range(10)]
    values = np.array([list(line["classes"].values()) for line in found])
    kept = [s for s in range(10) if s != 3]
    np.testing.assert_allclose(values[kept], answers().classify(units(array))[kept], atol=2e-5)
    assert ("row 31: is no JSON" in caplog.text) == (style != "ten seconds")


def test_two_sensors_in_one_stream_are_not_mixed(caplog):
    lines = [
        json.dumps({"sensor": int(number == 5), "time": number / 8, "result": row})
        for number, row in enumerate(levels(32).astype(float).tolist())
    ]
    run("\n".join(lines))
    assert "row 6: is from 1, those before from 0: give one sensor at a time" in caplog.text


def test_bad_lines_are_passed_over(caplog):
    lines = csv_text(levels(80)).splitlines()
    lines[30] = "what is this?"
    lines[50] = lines[50].replace(",", ",x", 1)
    found = run("\n".join(lines), selection=traffic_voice_birds("YamNet"))
    assert len(found) == 10
    assert list(found[0]["classes"]) == ["traffic", "voice", "birds"]
    assert "row 31: 1 cells, not 30; passed over" in caplog.text
    assert "row 51, column '20': 'x" in caplog.text


@pytest.mark.parametrize(
    "text, message",
    [("", "no line came in"), ("1,2,3\n", "row 1: 3 numbers"), ("time,a\n", "no column is named")],
)
def test_streams_that_cannot_be_read(text, message):
    with pytest.raises(UserError, match=f"live stream.*{message}"):
        run(text)


def test_results_come_while_the_stream_runs():
    """A second's classes are out before the second after next has ended."""
    given = []
    lines = csv_text(levels(80)).splitlines(keepends=True)

    def stream():
        for line in lines:
            given.append(line)
            yield line

    out = classify_lines(
        stream(), answers(), all_classes("YamNet"), LevelScale(), ReadOptions(), unit_s=1
    )
    for second in range(1, 9):
        next(out)
        assert len(given) - 1 <= max(16, 8 * second)


def test_a_growing_file_is_followed(tmp_path):
    path = tmp_path / "live.csv"
    lines = csv_text(levels(40)).splitlines(keepends=True)
    path.write_text("".join(lines[:20]) + lines[20][:15])
    seen = []

    def follow():
        for line in followed(path):
            seen.append(line)
            if len(seen) == len(lines):
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    time.sleep(0.3)
    assert seen == lines[:20]
    with path.open("a") as file:
        file.write(lines[20][15:] + "".join(lines[21:]))
    thread.join(timeout=10)
    assert seen == lines
    with pytest.raises(MissingFileError, match="no such file to watch"):
        next(followed(tmp_path / "none.csv"))


def test_standard_input_from_a_shell(yamnet_weights):
    options = ["--method=pinv", "--top-k=2", f"--classifier_weights={yamnet_weights}"]
    done = subprocess.run(
        [sys.executable, "classify_third_octave.py", "-", *options],
        input=csv_text(levels(24)),
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(line["classes"]) for line in lines] == [2, 2, 2]
    assert lines[2]["time"] == stamps(1)[0].isoformat()[:-1] + "2.000"
