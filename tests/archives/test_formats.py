"""Every format of archive gives the classes of the direct path from the recording."""

import h5py
import numpy as np
import pandas as pd
import pytest
from archive_data import START, levels, stamps, table, write_yamnet_weights

import classify_third_octave
from archives.columns import find_bands
from archives.frames import BLOCK_FRAMES, ArchiveError
from archives.open_archive import open_archive
from archives.timeline import Timeline
from transcoder.audio import read_audio
from transcoder.classifiers import load_classifier
from transcoder.files import PROJECT_ROOT
from transcoder.transcode import Transcoder

DURATION_S = 6.5  # the last second is only half full


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_yamnet_weights(tmp_path_factory.mktemp("weights") / "yamnet.pth")


@pytest.fixture(scope="module")
def recording():
    return read_audio(PROJECT_ROOT / "audio" / "street_scene.wav", duration_s=DURATION_S)


@pytest.fixture(scope="module")
def direct(recording, weights):
    """Probabilities ``(7, 521)`` straight from the recording."""
    mels = Transcoder("YamNet").from_wave(*recording)
    probabilities = load_classifier("YamNet", weights).probabilities(mels).numpy()
    assert probabilities.std(axis=0).max() > 0.01  # the weights do tell seconds apart
    return probabilities


@pytest.fixture(scope="module")
def recorded_levels(recording):
    chunks = Transcoder("YamNet").third_octave_of(*recording).numpy()
    return chunks.reshape(-1, 29)[: int(DURATION_S * 8)]


def write_npy(path, array):
    np.save(path, array)


def write_npy_of_chunks(path, array):
    np.save(path, array.reshape(2, -1, 29))


def write_npz(path, array):
    np.savez(path, fast_125ms=array, time=stamps(len(array)).values)


def write_compressed_npz(path, array):
    np.savez_compressed(path, anything=array.reshape(-1, 4, 29))


def write_hdf5(path, array):
    with h5py.File(path, "w") as file:
        file["fast_125ms"] = array
        file["time"] = stamps(len(array)).values.astype("datetime64[us]").astype(float) / 1e6


def write_hdf5_of_chunks(path, array):
    with h5py.File(path, "w") as file:
        file["fast_125ms"] = array.reshape(-1, 26, 29)


def write_csv(path, array):
    table(array).to_csv(path, index=False)


def write_csv_of_spreadsheet(path, array):
    table(array).to_csv(path, index=False, sep=";", decimal=",", encoding="utf-8-sig")


def write_csv_of_milliseconds(path, array):
    times = stamps(len(array)).values.astype("datetime64[ms]").astype(np.int64)
    table(array, times).iloc[:, ::-1].to_csv(path, index=False)


def write_csv_of_whole_seconds(path, array):
    table(array, stamps(len(array)).floor("s")).to_csv(path, index=False)


def write_parquet(path, array):
    table(array).to_parquet(path, row_group_size=10)


def write_parquet_with_zone(path, array):
    times = stamps(len(array)).tz_localize("Europe/Paris")
    table(array, times).to_parquet(path)


CASES = {
    "array.npy": write_npy,
    "chunks.npy": write_npy_of_chunks,
    "times.npz": write_npz,
    "compressed.npz": write_compressed_npz,
    "times.h5": write_hdf5,
    "chunks.h5": write_hdf5_of_chunks,
    "plain.csv": write_csv,
    "packed.csv.gz": write_csv,
    "spreadsheet.csv": write_csv_of_spreadsheet,
    "milliseconds.csv": write_csv_of_milliseconds,
    "whole_seconds.csv": write_csv_of_whole_seconds,
    "plain.parquet": write_parquet,
    "zone.parquet": write_parquet_with_zone,
}


@pytest.mark.parametrize("name", CASES)
def test_each_format_gives_the_classes_of_the_direct_path(
    name, tmp_path, recorded_levels, weights, direct
):
    CASES[name](tmp_path / name, recorded_levels)
    output = tmp_path / "out"
    arguments = [tmp_path / name, "--method", "pinv", "--classifier_weights", weights]
    assert classify_third_octave.main([str(a) for a in [*arguments, "--output", output]]) == 0
    with h5py.File(output / f"{name.partition('.')[0]}.h5") as file:
        np.testing.assert_allclose(file["probabilities"][:], direct, atol=1e-4)
        np.testing.assert_allclose(file["coverage"][:], [1] * 6 + [0.5])
        start = START.timestamp() - (3600 if "zone" in name else 0)
        is_bare = "chunks" in name or name in ("array.npy", "compressed.npz")
        np.testing.assert_allclose(file["time"][:], np.arange(7) + (0 if is_bare else start))


def test_long_files_come_in_blocks(tmp_path):
    array = levels(BLOCK_FRAMES + 100)
    for name in ("a.npy", "b.npz", "c.h5", "d.csv", "e.parquet"):
        path = tmp_path / name
        writer = {"a": write_npy, "b": write_npz, "d": write_csv, "e": write_parquet}
        if name == "c.h5":
            with h5py.File(path, "w") as file:
                file["fast_125ms"] = array.reshape(-1, 20, 29)
        else:
            writer[name[0]](path, array)
        archive = open_archive(path)
        for _ in range(2):  # it can be read again
            blocks = list(archive.blocks())
            assert [len(block) for block in blocks] == [BLOCK_FRAMES, 100]
            found = np.concatenate([block.levels_db for block in blocks])
            np.testing.assert_allclose(found, array, atol=1e-4)
        assert archive.n_frames == pytest.approx(len(array), rel=0.05)


def test_fewer_bands_are_completed_at_the_stated_level(tmp_path):
    from archives.levels import LevelScale, archive_units

    array = levels(80)
    frame = table(array).drop(columns=table(array).columns[[*range(1, 9), 29]])
    frame.to_csv(tmp_path / "twenty.csv", index=False)
    archive = open_archive(tmp_path / "twenty.csv")
    assert archive.bands == tuple(range(8, 28))
    (units,) = archive_units(archive, Timeline(), LevelScale(offset_db=10, missing_band_db=-33))
    found = units.levels_db.reshape(-1, 29)
    np.testing.assert_allclose(found[:, 8:28], array[:, 8:28] + 10, atol=1e-4)
    np.testing.assert_array_equal(found[:, [*range(8), 28]], -33)


def test_band_names():
    centres = {"Fast_1000": 17, "1 kHz": 17, "1000": 17, "31,5 Hz": 2, "31": 2, "LZeq_12.5k": 28}
    others = [f"{1000 * 10 ** ((b - 17) / 10):.1f}" for b in range(29)]
    for name, band in centres.items():
        names = [name if b == band else other for b, other in enumerate(others)]
        ignored = ["LAeq", "16", "16 kHz", "20000", "Fast_125ms", "temperature"]
        found = find_bands([*ignored, *names], "x").columns
        assert found == {b: b + len(ignored) for b in range(29)}
    with pytest.raises(ArchiveError, match=r"750.* is not a third-octave band"):
        find_bands(["750"], "x")


@pytest.mark.parametrize(
    "times, seconds, clock",
    [
        (["2024-03-01 10:00:00.5", None], [1709287200.5, np.nan], "local"),
        (["2024-03-01T10:00:00Z", "2024-03-01T12:00:00+02:00"], [1709287200.0] * 2, "utc"),
        ([1709287200.25, np.nan], [1709287200.25, np.nan], "utc"),
        ([1709287200250, 1709287200375], [1709287200.25, 1709287200.375], "utc"),
        ([0.0, 0.125], [0.0, 0.125], "relative"),
    ],
)
def test_time_stamps(times, seconds, clock):
    from archives.stamps import to_seconds

    found, found_clock = to_seconds(pd.Series(times), time_format=None, first_row=0, where="x")
    np.testing.assert_allclose(found, seconds, rtol=0, atol=1e-6)
    assert found_clock == clock


def test_time_stamps_in_a_given_form():
    from archives.stamps import to_seconds

    column = pd.Series(["01/03/2024 10h00"])
    found, _ = to_seconds(column, time_format="%d/%m/%Y %Hh%M", first_row=0, where="x")
    assert found[0] == START.timestamp()
