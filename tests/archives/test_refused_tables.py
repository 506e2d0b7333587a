"""Tables that cannot be understood, refused in one line that says what would help."""

import json

import pandas as pd
import pytest
from archive_data import stamps
from odd_tables import N, frame, lines_of, read
from sensor_layouts import hertz

from archives.frames import ArchiveError


def missing_band(path):
    frame().drop(columns="500 Hz").to_csv(path, index=False)


def decimal_commas_between_commas(path):
    text = "\n".join(line.replace(".", ",") for line in lines_of(frame(list(range(N)))))
    path.write_text(text)


def other_separator_below(path):
    lines = lines_of(frame())
    path.write_text("\n".join([lines[0], *[line.replace(",", ";") for line in lines[1:]]]))


def mixed_zones(path):
    times = stamps(N).astype(str).to_list()
    times[40:] = [time + "Z" for time in times[40:]]
    frame(times).to_csv(path, index=False)


def slow(path):
    frame(pd.date_range("2024-01-01", periods=N, freq="1s").astype(str)).to_csv(path, index=False)


def minutes(path):
    frame(pd.date_range("2024-01-01", periods=N, freq="60s").astype(str)).to_csv(path, index=False)


def sixth_octaves(path):
    data = frame()
    for hz in (22.4, 28.0, 35.5):
        data[f"{hz:g} Hz"] = 3.0
    data.to_csv(path, index=False)


def maxima_and_minima(path):
    data = frame(names=[f"LZFmax {name}" for name in hertz()])
    for name in hertz():
        data[f"LZFmin {name}"] = 3.0
    data.to_csv(path, index=False)


def columns_that_change(path):
    lines, other = lines_of(frame()), frame().iloc[:, [0, *range(29, 0, -1)]]
    path.write_text("\n".join([*lines[:80], *lines_of(other)[:60]]))


def only_text(path):
    path.write_text("Dear colleague,\nplease find the levels attached.\n")


def empty_lines(path):
    path.write_text("\n\n\n")


def one_cell_of_text(path):
    lines = lines_of(frame())
    path.write_text(
        "\n".join([*lines[:20], lines[20].rpartition(",")[0] + ",overload", *lines[21:]])
    )


def step_that_changes(path):
    times = stamps(N).to_list()
    times[70:] = list(pd.date_range(times[69], periods=91, freq="100ms"))[1:]
    frame([str(time) for time in times]).to_csv(path, index=False)


def two_sensors(path):
    rows = [
        {"sensor": "ab"[row % 2], **record} for row, record in enumerate(frame().to_dict("records"))
    ]
    path.write_text("\n".join(map(json.dumps, rows)))


def no_levels_in_json(path):
    path.write_text('{"time": "2024-01-01T00:00:00Z", "temperature": 20}\n')


def broken_json(path):
    rows = [json.dumps(row) for row in frame().to_dict("records")]
    path.write_text("\n".join([*rows[:5], rows[5][:40], *rows[6:]]))


def endless_line(path):
    path.write_bytes(b"1," * 600_000)


REFUSED = {
    "gap.csv": (missing_band, "the band 500 Hz is missing between others"),
    "commas.csv": (decimal_commas_between_commas, "row 2: .* column names .*decimal sign too"),
    "separators.csv": (other_separator_below, "row 2: its cells are separated by ';', the column"),
    "zones.csv": (mixed_zones, "row 42: the time .*Z' has a zone, unlike those before"),
    "slow.csv": (slow, "1 s apart.*--allow_slow"),
    "minutes.csv": (minutes, "60 s apart; fast"),
    "sixths.csv": (sixth_octaves, "'22.4 Hz' is not a third-octave band"),
    "maxima.csv": (maxima_and_minima, "its bands hold lzfmax, lzfmin: say which with --level"),
    "change.csv": (columns_that_change, "row 81: the columns change: '20 Hz' becomes '12.5 kHz'"),
    "letter.txt": (only_text, "no column is named after a third-octave band"),
    "blank.txt": (empty_lines, "row 1: is empty"),
    "overload.csv": (one_cell_of_text, "row 21, column '12.5 kHz': 'overload' is not a level"),
    "steps.csv": (
        step_that_changes,
        "0.125 s apart in some places and 0.1.* s in others: split it",
    ),
    "sensors.jsonl": (two_sensors, "row 2: is from 'b', those before from 'a'"),
    "weather.json": (no_levels_in_json, "no column is named after a third-octave band"),
    "broken.jsonl": (broken_json, "row 6: is no JSON"),
    "endless.csv": (endless_line, "row 1: is longer than 1000000 bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_understood_is_refused_in_one_line(name, tmp_path):
    write, message = REFUSED[name]
    write(tmp_path / name)
    with pytest.raises(ArchiveError, match=f"(?s){name}.*{message}") as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)
