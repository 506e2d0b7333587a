"""Malformed archives: one clear line that names the file and the place."""

import gzip
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest
from archive_data import levels, quick_classifier, stamps, table

import classify_third_octave
from archives.frames import ArchiveError
from archives.inputs import find_inputs
from archives.levels import archive_units
from archives.open_archive import open_archive
from archives.timeline import Timeline
from transcoder.errors import UsageError, UserError

N = 80


def nothing(path):
    path.write_bytes(b"")


def noise(path):
    path.write_bytes(np.random.default_rng(0).bytes(5000))


def header_only(path):
    table(levels(N)).head(0).to_csv(path, index=False)


def no_time_column(path):
    table(levels(N)).drop(columns="timestamp").to_csv(path, index=False)


def no_bands(path):
    table(levels(N))[["timestamp"]].assign(LAeq=50.0).to_csv(path, index=False)


def band_twice(path):
    table(levels(N)).assign(**{"1 kHz": 3.0}).to_csv(path, index=False)


def octave_bands(path):
    frame = table(levels(N))
    frame[["timestamp", "63", "125", "250", "500", "1000", "4k"]].to_csv(path, index=False)


def few_bands(path):
    table(levels(N)).iloc[:, :5].to_csv(path, index=False)


def text_as_level(path):
    frame = table(levels(N)).astype(object)
    frame.loc[41, "1000"] = "loud"
    frame.to_csv(path, index=False)


def wrong_stamp(path):
    frame = table(levels(N)).astype({"timestamp": str})
    frame.loc[7, "timestamp"] = "yesterday"
    frame.to_csv(path, index=False)


def too_many_cells(path):
    table(levels(N)).to_csv(path, index=False)
    lines = path.read_text().splitlines()
    lines[12] += ",1,2,3"
    path.write_text("\n".join(lines))


def too_many_cells_later(path):
    table(levels(1600)).to_csv(path, index=False)
    lines = path.read_text().splitlines()
    lines[1501] += ",1,2,3"
    path.write_text("\n".join(lines))


def one_second_steps(path):
    table(levels(N), pd.date_range("2024-01-01", periods=N, freq="1s")).to_csv(path, index=False)


def one_stamp(path):
    table(levels(N), [stamps(1)[0]] * N).to_csv(path, index=False)


def all_missing(path):
    table(np.full((N, 29), np.nan)).to_csv(path, index=False)


def cut_gzip(path):
    table(levels(6000)).to_csv(path, index=False, compression="gzip")
    path.write_bytes(path.read_bytes()[:-50_000])


def no_gzip(path):
    table(levels(N)).to_csv(path, index=False, compression=None)


def cut_npy(path):
    np.save(path, levels(N))
    path.write_bytes(path.read_bytes()[:-1000])


def pickled_npy(path):
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def wrong_shape(path):
    np.save(path, levels(N)[:, :20])


def complex_npy(path):
    np.save(path, levels(N).astype(complex))


def empty_npy(path):
    np.save(path, levels(N)[:0])


def two_arrays(path):
    np.savez(path, a=levels(N), b=levels(N))


def times_too_short(path):
    np.savez(path, fast_125ms=levels(N), time=np.arange(3) / 8)


def damaged_npz(path):
    np.savez_compressed(path, fast_125ms=levels(6000))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 500] = bytes(500)
    path.write_bytes(data)


def npz_without_array(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("fast_125ms.npy", "no array")


def other_data_set(path):
    with h5py.File(path, "w") as file:
        file["levels/slow_1s"] = levels(N)


def hdf5_of_text(path):
    with h5py.File(path, "w") as file:
        file["fast_125ms"] = np.full((N, 29), b"x")


def parquet_of_text(path):
    frame = table(levels(N)).astype({"500": str})
    frame.loc[3, "500"] = "n/a"
    frame.to_parquet(path)


def cut_parquet(path):
    table(levels(N)).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])


MALFORMED = [
    ("empty.csv", nothing, "is empty"),
    ("noise.csv", noise, "row 1: is no text"),
    ("header.csv", header_only, "holds no rows"),
    ("untimed.csv", no_time_column, "no time column .*--time_column; it has '20'"),
    ("bandless.csv", no_bands, "no column is named after a third-octave band"),
    ("twice.csv", band_twice, "columns '1000' and '1 kHz' are the same band"),
    ("octaves.csv", octave_bands, "the band 80 Hz is missing between others"),
    ("few.csv", few_bands, "only 4 third-octave bands"),
    ("text.csv", text_as_level, "row 43, column '1000': 'loud' is not a level"),
    ("stamp.csv", wrong_stamp, "row 9: the time 'yesterday'.*--time_format"),
    ("ragged.csv", too_many_cells, "row 13: 33 cells under 30 column names"),
    ("late.csv", too_many_cells_later, "Expected 30 fields in line 1502, saw 33"),
    ("slow.csv", one_second_steps, "stamps are 1 s apart.*0.125 s"),
    ("still.csv", one_stamp, "time stamps are the same"),
    ("missing.csv", all_missing, "none of its 80 frames is complete"),
    ("cut.csv.gz", cut_gzip, "after row .*damaged"),
    ("plain.csv.gz", no_gzip, "cannot be read: Not a gzipped file"),
    ("cut.npy", cut_npy, "cannot be read as .npy"),
    ("pickle.npy", pickled_npy, "cannot be read as .npy"),
    ("noise.npy", noise, "cannot be read as .npy"),
    ("twenty.npy", wrong_shape, r"has shape \(80, 20\)"),
    ("complex.npy", complex_npy, "holds complex128, not levels"),
    ("none.npy", empty_npy, "holds no frames"),
    ("noise.npz", noise, "cannot be read as .npz"),
    ("two.npz", two_arrays, "no array 'fast_125ms'.*--dataset: it has a, b"),
    ("times.npz", times_too_short, r"array 'time': has shape \(3,\) for 80 frames"),
    ("damaged.npz", damaged_npz, "array 'fast_125ms', frame "),
    ("textual.npz", npz_without_array, "array 'fast_125ms': "),
    ("noise.h5", noise, "cannot be read as HDF5"),
    ("other.h5", other_data_set, "no data set 'fast_125ms'.*it has levels/slow_1s"),
    ("text.h5", hdf5_of_text, "data set 'fast_125ms': holds .S1, not levels"),
    ("noise.parquet", noise, "cannot be read as Parquet"),
    ("cut.parquet", cut_parquet, "cannot be read as Parquet"),
    ("text.parquet", parquet_of_text, "row 3, column '500': 'n/a' is not a level"),
    ("levels.doc", noise, "unknown kind of file"),
    ("noise.xlsx", noise, "cannot be read as .xlsx"),
    ("noise.json", noise, "is no JSON"),
]


@pytest.mark.parametrize("name, write, message", MALFORMED, ids=[m[0] for m in MALFORMED])
def test_malformed_archives(name, write, message, tmp_path):
    path = tmp_path / name
    write(path)
    with pytest.raises(ArchiveError, match=f"(?s){name}.*{message}") as error:
        list(archive_units(open_archive(path), Timeline(where=str(path))))
    assert "\n" not in str(error.value)


def test_one_bad_file_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    about = {"classifier": "narrow", "transcoder": "PINV"}
    monkeypatch.setattr(
        "archives.networks.load_level_classifier", lambda *_, **__: (quick_classifier(), about)
    )
    np.save(tmp_path / "good.npy", levels(N))
    text_as_level(tmp_path / "bad.csv")
    one_second_steps(tmp_path / "bad_clock.csv")
    output = tmp_path / "out"
    missing = str(tmp_path / "missing.npy")
    assert classify_third_octave.main([str(tmp_path), missing, "--output", str(output)]) == 1
    errors = capsys.readouterr().err
    assert "bad.csv, row 43" in errors
    assert "missing.npy: no such file" in errors
    assert (output / "good.h5").is_file()
    assert not list(output.rglob("bad*"))


def test_inputs(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="this folder holds no"):
        find_inputs([str(tmp_path / "empty")])
    with pytest.raises(UserError, match="matches no file"):
        find_inputs([str(tmp_path / "*.csv")])
    for name in ("a/x.csv", "a/x.npy", "b/x.npy", "b/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    with pytest.raises(UsageError, match=r"x.csv and .*x.npy would both be written as a/x"):
        find_inputs([str(tmp_path)])
    names = [task.name for task in find_inputs([str(tmp_path / "b"), str(tmp_path / "b" / "*")])]
    assert names == ["x"]
    with gzip.open(tmp_path / "b" / "y.csv.gz", "wt") as file:
        file.write("1")
    assert [task.name for task in find_inputs([str(tmp_path / "b")])] == ["x", "y"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give files"),
        (["-", "a.npy"], "only input"),
        (["a.npy", "--window", "0"], "--window must be 1"),
        (["a.npy", "--top-k", "3", "--groups", "tvb"], "exclude each other"),
        (["a.npy", "--top-k", "0"], "--top_k must be 1"),
        (["a.npy", "--auto-offset", "--db-offset", "3"], "--auto_offset"),
    ],
)
def test_impossible_command_lines(arguments, message, capsys):
    assert classify_third_octave.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_missing_model_names_the_command_and_a_method_without(tmp_path, capsys):
    np.save(tmp_path / "a.npy", levels(N))
    arguments = [str(tmp_path / "a.npy"), "--models", str(tmp_path), "--method", "cnn_logits"]
    assert classify_third_octave.main(arguments) == 1
    assert "download_pretrained_models.py" in (error := capsys.readouterr().err)
    assert "--method texture" in error
