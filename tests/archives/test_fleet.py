"""Networks of sensors: who they are, their offsets, and their results as one table."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from archive_data import levels, save_tokens, table
from fleet_data import SENSORS, write_fleet

import archives
import classify_third_octave
from archives.fleet import is_fleet, tasks_by_folder
from archives.fleet_program import only_fleet_run
from archives.fleet_results import read_fleet
from archives.inputs import SETTINGS_FILE
from archives.levels import measure_offset
from archives.options import ReadOptions
from archives.presence import Presence
from archives.sensor_table import read_sensor_table
from transcoder.errors import UsageError, UserError
from transcoder.files import PROJECT_ROOT


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_tokens(folder, "direct")
    return folder


@pytest.fixture
def classify(models):
    def run(*arguments) -> int:
        given = [*arguments, "--models", models, "--groups", "tvb"]
        return classify_third_octave.main([str(a) for a in given])

    return run


@pytest.mark.parametrize(
    "names, expected",
    [
        (("A", "B"), True),
        (("1703", "1704"), True),
        (("2024", "2025"), False),
        (("2024-03", "2024-04"), False),
        (("20240301", "20240302"), False),
        (("01", "12"), False),
        (("A",), False),
    ],
)
def test_folders_of_sensors_are_told_from_folders_of_dates(tmp_path, names, expected):
    for name in names:
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", levels(8))
    assert is_fleet([str(tmp_path)]) == expected
    np.save(tmp_path / "beside.npy", levels(8))
    assert not is_fleet([str(tmp_path)])


def test_the_sensors_of_folders(tmp_path):
    for name in ("A/2024/03/a.npy", "A/2024/04/a.npy", "B/b.npy"):
        (tmp_path / name).parent.mkdir(parents=True)
        np.save(tmp_path / name, levels(8))
    wanted = {"A": ["2024__03__a", "2024__04__a"], "B": ["b"]}
    one = tasks_by_folder([str(tmp_path)])
    assert {t.sensor: [u.name for u in one if u.sensor == t.sensor] for t in one} == wanted
    each = tasks_by_folder([str(tmp_path / "A"), str(tmp_path / "B")])
    assert each == one
    np.save(tmp_path / "c.npy", levels(8))
    with pytest.raises(UsageError, match=r"c\.npy lies beside the sensors' folders"):
        tasks_by_folder([str(tmp_path)])


def test_the_results_are_one_table(tmp_path, classify):
    network, output = write_fleet(tmp_path / "network"), tmp_path / "heard"
    slow = table(levels(80) + 30, pd.date_range("2024-04-02", periods=80, freq="100ms"))
    slow.to_csv(network / "park" / "day2.csv", index=False)
    assert classify(network, "--db_offset", -30, "--output", output) == 0
    found = pd.read_parquet(output / "classes")
    assert list(found)[:5] == ["time", "clock", "coverage", "segment", "note"]
    assert {"traffic", "voice", "birds", "sensor", "month"} <= set(found)
    seconds = found.groupby(["sensor", "month"], observed=True)["coverage"].sum()
    wanted = {
        (s, m): 16.0 if m == "2024-03" else 8.0 for s in SENSORS for m in ("2024-03", "2024-04")
    }
    wanted["park", "2024-04"] += 8.0
    assert seconds.to_dict() == wanted
    assert (found["time"].dt.strftime("%Y-%m") == found["month"].astype(str)).all()
    averaged = found["time"] >= "2024-04-02"
    assert found["note"][averaged].str.contains("100 ms were averaged").all()
    assert found["note"][~averaged].isna().all()
    readme = (output / "README.md").read_text(encoding="utf-8")
    for name in found:
        assert f"`{name}`" in readme
    assert "transcoder=direct" in readme
    assert "| école | 2 | 0.01 | local | -30 dB |  |" in readme
    assert "levels every 100 ms were averaged" in readme


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000])
def test_damaged_settings_of_an_earlier_run_are_named(tmp_path, classify, capsys, text):
    network, output = write_fleet(tmp_path / "network", days=1), tmp_path / "heard"
    path = output / SETTINGS_FILE
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert classify(network, "--db_offset", -30, "--output", output) == 1
    assert f"{path}: is damaged: give another --output" in capsys.readouterr().err


def test_each_sensor_has_its_offset(tmp_path, classify, capsys):
    network, output = write_fleet(tmp_path / "network"), tmp_path / "heard"
    assert classify(network, "--auto_offset", "--output", output) == 0
    assert "--offsets" in capsys.readouterr().out
    offsets = pd.read_csv(output / "offsets.csv").set_index("sensor")["offset_db"]
    for sensor in SENSORS:
        paths = sorted((network / sensor).iterdir())
        assert offsets[sensor] == measure_offset(paths, ReadOptions())
    assert offsets["park"] < offsets["Quai 1"] - 15
    again = tmp_path / "again"
    assert classify(network, "--offsets", output / "offsets.csv", "--output", again) == 0
    pd.testing.assert_frame_equal(
        pd.read_parquet(again / "classes"), pd.read_parquet(output / "classes")
    )
    table_of = pd.read_csv(again / "sensors.csv").set_index("sensor")
    assert table_of["offset_db"].to_dict() == offsets.to_dict()


def test_a_measured_offset_holds_when_days_are_added(tmp_path, classify, capsys):
    network, output = write_fleet(tmp_path / "network", days=1), tmp_path / "heard"
    assert classify(network, "--auto_offset", "--output", output) == 0
    before = (output / "offsets.csv").read_text()
    loud = table(levels(160) + 90, pd.date_range("2024-04-05", periods=160, freq="125ms"))
    loud.to_csv(network / "park" / "day9.csv", index=False)
    capsys.readouterr()
    assert classify(network, "--auto_offset", "--output", output) == 0
    assert capsys.readouterr().out.count("(done before)") == 3
    assert (output / "offsets.csv").read_text() == before


def test_places_and_offsets_from_a_table(tmp_path, classify):
    network, output = write_fleet(tmp_path / "network"), tmp_path / "heard"
    # the table may lie in the network's folder
    places = network / "places.csv"
    places.write_text(
        "sensor;name;latitude;longitude;offset_db\n"
        "Quai 1;Quai de Rohan;47,745;-3,366;-10\nécole;;47.75;-3.37;-20\npark;;;;-30\n",
        encoding="utf-8",
    )
    (tmp_path / "offsets.csv").write_text("sensor,offset_db\npark,-25.5\n")
    arguments = ["--sensors", places, "--offsets", tmp_path / "offsets.csv", "--output", output]
    assert classify(network, *arguments) == 0
    fleet = {results.info.sensor: results for results in read_fleet(output)}
    info = fleet["Quai 1"].info
    assert (info.name, info.latitude, info.longitude) == ("Quai de Rohan", 47.745, -3.366)
    assert fleet["park"].info.latitude is None
    used = {name: {report["offset_db"] for _, report in results.reports}
            for name, results in fleet.items()}  # fmt: skip
    assert used == {"Quai 1": {-10.0}, "école": {-20.0}, "park": {-25.5}}
    reports = fleet["école"].reports
    found = [Presence.load(path.with_name(f"{path.stem}_presence.npz")) for path, _ in reports]
    assert fleet["école"].seconds == sum(presence.total_s for presence in found) == 24
    assert {presence.width_s for presence in found} == {600}
    assert len({name for _, report in reports for name in report["results"]}) == 3


@pytest.mark.parametrize(
    "text, message",
    [
        ("sensor\npark\n", "row 1: no column offset_db"),
        ("sensor,offset_db\npark,loud\n", "row 2: offset_db 'loud' is not a number"),
        ("sensor,offset_db\npark,\n", "row 2: no offset_db"),
        ("sensor,offset_db\npark,1\npark,2\n", "row 3: sensor 'park' comes twice"),
        ("sensor,offset_db,latitude\npark,1,47\n", "row 2: latitude and longitude come together"),
        ("sensor,offset_db,latitude,longitude\npark,1,97,0\n", "row 2: latitude 97 cannot be"),
        ("sensor,offset_db\n", "holds no sensors"),
    ],
)
def test_bad_tables_of_sensors(tmp_path, text, message):
    (tmp_path / "offsets.csv").write_text(text)
    with pytest.raises(UserError, match=f"offsets.csv.*{message}"):
        read_sensor_table(tmp_path / "offsets.csv", needs=("offset_db",))


def test_what_does_not_fit_a_network_is_said(tmp_path, classify, capsys):
    network, output = write_fleet(tmp_path / "network", days=1), tmp_path / "heard"
    (tmp_path / "offsets.csv").write_text("sensor,offset_db\npark,-25.5\n")

    def refused(status: int, *arguments) -> str:
        assert classify(network, "--output", output, *arguments) == status
        return capsys.readouterr().err

    some = ("--offsets", tmp_path / "offsets.csv")
    assert "no offset for 2 of the sensors (Quai 1, école)" in refused(1, *some)
    assert not output.exists()
    assert "--network none" in refused(2, "--format", "csv")
    assert "--network none says" in refused(2, "--network", "none", *some)
    assert classify(network, "--output", output, "--db_offset", 0, *some) == 0
    assert "other window_s: give another --output" in refused(1, "--window", 3)
    np.save(network / "park" / "undated.npy", levels(80))
    text = refused(1, "--db_offset", 0, *some)
    assert "undated.npy: its frames have no dates" in text
    assert text.count("failed:") == 1


def test_a_month_that_a_file_lost_leaves_the_table(tmp_path, classify):
    network, output = write_fleet(tmp_path / "network", days=1), tmp_path / "heard"
    assert classify(network, "--output", output) == 0
    april = output / "classes" / "sensor=park" / "month=2024-04"
    assert list(april.iterdir())
    path = network / "park" / "day0.csv"
    pd.read_csv(path).iloc[:16].to_csv(path, index=False)
    assert classify(network, "--output", output) == 0
    assert not list(april.iterdir())
    report = json.loads((output / "reports" / "sensor=park" / "day0.json").read_text())
    assert report["results"] == ["classes/sensor=park/month=2024-03/day0.parquet"]


def test_results_within_the_network_are_no_sensor(tmp_path, classify, capsys):
    network = write_fleet(tmp_path / "network", days=1)
    for _ in range(2):
        assert classify(network, "--auto_offset", "--output", network / "heard") == 0
        assert "network: 3 sensors, 3 files" in capsys.readouterr().out


def test_one_run_at_a_time_of_the_whole_or_of_a_part(tmp_path, classify, capsys, monkeypatch):
    monkeypatch.setattr("archives.fleet_program._PATIENCE_S", 0.2)
    network, output = write_fleet(tmp_path / "network", days=1), tmp_path / "heard"

    def refused(*arguments) -> bool:
        status = classify(network, "--output", output, *arguments)
        assert not list(output.rglob("*.parquet"))
        return status == 1 and "another run is writing there" in capsys.readouterr().err

    with only_fleet_run(output, None):
        assert refused()
        assert refused("--shard", "1/3")
    with only_fleet_run(output, (1, 3)):
        assert refused()
        assert refused("--shard", "1/3")
        assert classify(network, "--output", output, "--shard", "2/3") == 0
    assert classify(network, "--output", output) == 0
    assert len(pd.read_parquet(output / "classes")["sensor"].unique()) == 3
    left = {path.name for path in output.rglob(".*")}
    assert not left
    assert classify(network, "--output", output, "--shard", "4/3") == 2
    assert "--shard is I/N" in capsys.readouterr().err


def write_mixed(folder):
    """One network three times: by a column, by a key, and by an attribute of HDF5."""
    times = pd.date_range("2024-03-31 23:59:56", periods=80, freq="125ms")
    sensors = {"7": levels(80), "18": levels(80, seed=1) + 9}
    frames = {name: table(array, times) for name, array in sensors.items()}
    mixed = pd.concat([f.assign(device=int(name)) for name, f in frames.items()])
    (folder / "column").mkdir()
    mixed.sort_values("timestamp", kind="stable").to_csv(folder / "column" / "a.csv", index=False)
    (folder / "key").mkdir()
    records = mixed.sample(frac=1, random_state=0).sort_values("timestamp", kind="stable")
    records.astype({"timestamp": str}).to_json(
        folder / "key" / "a.jsonl", orient="records", lines=True
    )
    (folder / "attribute").mkdir()
    for number, (name, array) in enumerate(sensors.items()):
        with h5py.File(folder / "attribute" / f"{number}.h5", "w") as file:
            file["fast_125ms"] = array
            file["time"] = times.astype(str).to_numpy(dtype="S")
            file.attrs["device"] = np.int64(name)
    return frames


@pytest.mark.parametrize("kind", ["column", "key", "attribute"])
def test_files_may_say_whose_levels_they_hold(tmp_path, classify, kind):
    for name, frame in write_mixed(tmp_path).items():
        (tmp_path / "folders" / name).mkdir(parents=True)
        frame.to_csv(tmp_path / "folders" / name / "a.csv", index=False)
    assert classify(tmp_path / "folders", "--network", "folder", "--output", tmp_path / "a") == 0
    mixed = tmp_path / kind
    assert classify(mixed, "--network", "device", "--output", tmp_path / "b") == 0
    one, other = (pd.read_parquet(tmp_path / name / "classes") for name in ("a", "b"))
    assert sorted(one["sensor"].unique()) == [7, 18]
    keys = ["sensor", "time"]
    names = ["traffic", "voice", "birds"]
    pd.testing.assert_frame_equal(
        one.sort_values(keys)[names].reset_index(drop=True),
        other.sort_values(keys)[names].reset_index(drop=True),
        atol=2e-4,  # levels in JSON have ten digits
    )


def test_files_that_do_not_say_whose_they_are_are_named(tmp_path, classify, capsys):
    write_mixed(tmp_path)
    np.save(tmp_path / "column" / "b.npy", levels(80))
    assert classify(tmp_path / "column", "--network", "device", "--describe") == 0
    captured = capsys.readouterr()
    assert "network: 2 sensors: 18, 7" in captured.out
    assert "b.npy: this kind of file does not say whose levels it holds" in captured.err
    assert classify(tmp_path / "column", "--network", "node", "--output", tmp_path / "o") == 1
    assert "a.csv: no column 'node'; it has 'timestamp'" in capsys.readouterr().err
    assert classify(tmp_path / "key", "--network", "node", "--output", tmp_path / "o") == 1
    assert "row 1: no key 'node'" in capsys.readouterr().err
    assert classify(tmp_path / "attribute", "--network", "node", "--output", tmp_path / "o") == 1
    assert "no attribute 'node'; it has device" in capsys.readouterr().err


def test_errors_in_a_mixed_table_name_the_row_of_the_file(tmp_path, classify, capsys):
    write_mixed(tmp_path)
    path = tmp_path / "column" / "a.csv"
    lines = path.read_text().splitlines()
    row = next(n for n in range(100, 120) if lines[n - 1].endswith(",18"))
    cells = lines[row - 1].split(",")
    lines[row - 1] = ",".join((*cells[:5], "loud", *cells[6:]))
    path.write_text("\n".join(lines) + "\n")
    assert classify(path, "--network", "device", "--output", tmp_path / "o") == 1
    assert f"a.csv, row {row}, column" in capsys.readouterr().err
    assert len(pd.read_parquet(tmp_path / "o" / "classes")) == 10  # the other sensor's


def test_a_task_of_an_array_job_does_its_part(tmp_path, models):
    network, output = write_fleet(tmp_path / "network", days=1), tmp_path / "heard"
    script = Path(archives.__file__).parent / "templates" / "network.slurm"

    def submit(task: int, count: int = 2) -> int:
        options = [network, "--models", models, "--groups", "tvb", "--output", output]
        array = {"ID": task, "MIN": 1, "MAX": 2, "COUNT": count}
        environment = {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in array.items()}
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return subprocess.run(
            ["bash", script, *map(str, options)], cwd=PROJECT_ROOT,
            env=os.environ | environment | {"PATH": path},
        ).returncode  # fmt: skip

    assert submit(1, count=1) == 2
    assert not output.exists()
    assert submit(2) == 0
    assert set(pd.read_parquet(output / "classes")["sensor"]) == set(SENSORS[1:])
    assert submit(1) == 0
    assert set(pd.read_parquet(output / "classes")["sensor"]) == set(SENSORS)
