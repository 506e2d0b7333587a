"""What sensors and meters export is read with the right clock, bands and levels."""

import h5py
import numpy as np
import pandas as pd
import pytest
import sensor_layouts
from archive_data import levels, write_yamnet_weights
from sensor_layouts import LAYOUTS, START

import classify_third_octave
from archives.acoustics import weighting_db
from archives.levels import archive_units
from archives.open_archive import open_archive
from archives.options import ReadOptions, with_sensor
from archives.timeline import Timeline, Units
from transcoder.audio import read_audio
from transcoder.classifiers import load_classifier
from transcoder.files import PROJECT_ROOT
from transcoder.transcode import Transcoder


def read(path, **options):
    """Levels ``(n, 29)``, times of the units, what was found, and the archive."""
    given = ReadOptions(**options)
    archive, timeline = open_archive(path, given), Timeline.of(path, given)
    units = Units.join(list(archive_units(archive, timeline)))
    flat = units.levels_db.reshape(len(units), -1, 29)
    frames = np.concatenate([unit[:n] for unit, n in zip(flat, units.n_frames, strict=True)])
    return frames, units, timeline.found, archive


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_its_clock_bands_and_levels(name, tmp_path):
    write, rounding_db = LAYOUTS[name]
    array = levels(96) + 60
    write(tmp_path / name, array, 0.125)
    frames, units, found, archive = read(tmp_path / name)
    np.testing.assert_allclose(frames, array, atol=rounding_db + 1e-4)
    assert (found.step_s, found.segments, found.filled) == (0.125, 1, 0)
    start = 0 if name == "fast_to_ears.h5" else START.timestamp()
    np.testing.assert_allclose(units.times_s, start + np.arange(12), atol=1e-3)
    assert len(archive.bands) == 29


@pytest.mark.parametrize("step_s", [0.1, 1.0])
@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "fast_to_ears.h5"])
def test_every_layout_tells_its_step(name, step_s, tmp_path):
    write, _ = LAYOUTS[name]
    write(tmp_path / name, levels(120), step_s)
    _, units, found, _ = read(tmp_path / name, allow_slow=True)
    assert found.step_s == pytest.approx(step_s, rel=1e-3)
    assert units.n_frames.sum() == pytest.approx(120 * step_s / 0.125, abs=1)
    assert units.times_s[-1] - units.times_s[0] == pytest.approx(120 * step_s - 1, abs=2e-3)


def test_noisecapture_knows_seconds_from_100_hz(tmp_path):
    array = levels(60)
    sensor_layouts.noisecapture(tmp_path / "a.geojson", array, 1.0)
    given = with_sensor(ReadOptions(), "noisecapture")
    frames, _, found, archive = read(tmp_path / "a.geojson", allow_slow=given.allow_slow)
    assert archive.bands == tuple(range(7, 29))
    assert found.step_s == 1.0
    np.testing.assert_allclose(frames[::8, 7:], array[:, 7:], atol=0.0501)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_yamnet_weights(tmp_path_factory.mktemp("weights") / "yamnet.pth")


@pytest.fixture(scope="module")
def recorded():
    waveform, rate = read_audio(PROJECT_ROOT / "audio" / "street_scene.wav", duration_s=4)
    transcoder = Transcoder("YamNet")
    return transcoder.third_octave_of(waveform, rate).numpy().reshape(-1, 29), transcoder


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_recording_has_the_classes_of_the_direct_path(name, tmp_path, recorded, weights):
    """Within what 0.1 dB (0.01 dB) of rounding changes: 2 % (0.2 %) of a probability here."""
    array, transcoder = recorded
    write, rounding_db = LAYOUTS[name]
    write(tmp_path / name, array + 90, 0.125)  # as a sound level meter has it
    arguments = [tmp_path / name, "--method", "pinv", "--classifier_weights", weights]
    arguments += ["--db-offset", "-90", "--output", tmp_path / "out"]
    assert classify_third_octave.main([str(a) for a in arguments]) == 0
    mels = transcoder.from_third_octave(array)
    direct = load_classifier("YamNet", weights).probabilities(mels).numpy()
    with h5py.File(tmp_path / "out" / f"{name.partition('.')[0]}.h5") as file:
        found = file["probabilities"][:]
        if name == "cense.h5":
            assert file.attrs["map_id_sensor"] == "p0720"
    np.testing.assert_allclose(found, direct, atol=max(0.4 * rounding_db, 1e-4))


def test_a_weighting_is_that_of_the_standard():
    nominal = [-50.5, -44.7, -39.4, -34.6, -30.2, -26.2, -22.5, -19.1, -16.1, -13.4, -10.9, -8.6,
               -6.6, -4.8, -3.2, -1.9, -0.8, 0, 0.6, 1.0, 1.2, 1.3, 1.2, 1.0, 0.5, -0.1, -1.1,
               -2.5, -4.3]  # IEC 61672-1, table 3  # fmt: skip
    np.testing.assert_allclose(weighting_db("A"), nominal, atol=0.051)
    assert weighting_db("C")[0] == pytest.approx(-6.2, abs=0.05)
    assert not weighting_db("Z").any()


def test_the_level_is_chosen(tmp_path):
    array = levels(80)
    sensor_layouts.bk_with_maxima(tmp_path / "a.txt", array, 0.125)
    frames, *_, archive = read(tmp_path / "a.txt")
    np.testing.assert_allclose(frames, array, atol=0.0501)
    assert "--level chooses: there is lzfmax too" in archive.understood["quantity"]
    frames, *_ = read(tmp_path / "a.txt", level="LZFmax")
    np.testing.assert_allclose(frames, 99.9, atol=1e-4)


def test_a_weighted_levels_are_turned_back_when_named_or_asked_for(tmp_path):
    array = levels(80)
    sensor_layouts.bk_a_weighted(tmp_path / "a.txt", array, 0.125)
    frames, *_, archive = read(tmp_path / "a.txt")
    np.testing.assert_allclose(frames, array, atol=0.0501)
    assert (
        "turned back from A weighting by the curve of IEC 61672" in archive.understood["quantity"]
    )
    sensor_layouts.fast_to_wav(tmp_path / "b.csv", array + weighting_db("A"), 0.125)
    frames, *_ = read(tmp_path / "b.csv", level="LAeq")
    np.testing.assert_allclose(frames, array, atol=0.00501)
    sensor_layouts.db_trait(tmp_path / "c.csv", array + weighting_db("A"), 0.125)
    text = (tmp_path / "c.csv").read_text(encoding="latin-1")
    (tmp_path / "c.csv").write_text(text.replace("ration;Lin", "ration;A"), encoding="latin-1")
    frames, *_ = read(tmp_path / "c.csv")
    np.testing.assert_allclose(frames, array, atol=0.0501)


def test_describe_prints_what_was_understood_and_does_nothing_else(tmp_path, capsys):
    sensor_layouts.svantek(tmp_path / "a.csv", levels(100), 0.1)
    (tmp_path / "b.csv").write_text("time,LAeq\n2024-01-01,3\n")
    arguments = [tmp_path, "--describe", "--output", tmp_path / "out"]
    assert classify_third_octave.main([str(a) for a in arguments]) == 1
    captured = capsys.readouterr()
    for told in (
        r"29, 20 Hz to 12500 Hz, in columns '1/3 Oct LZeq (TH) [dB] 20 Hz' to",
        "lzeq",
        "'Date & time'",
        "100 ms; levels every 100 ms were averaged to frames of 125 ms",
        "none in the time stamps",
        "2024-05-17T10:00:00.000",
        "+0 dB",
    ):
        assert told in captured.out
    assert "b.csv: no column is named after a third-octave band" in captured.err
    assert not (tmp_path / "out").exists()


def test_presets_say_what_cannot_be_guessed(tmp_path, capsys):
    sensor_layouts.cense(tmp_path / "a.h5", levels(80) + 60, 0.125)
    assert classify_third_octave.main([str(tmp_path / "a.h5"), "--sensor=cense", "--describe"]) == 0
    assert "-68 dB" in capsys.readouterr().out
    frame = pd.read_csv(_larson_davis(tmp_path))
    frame["Date"] = "03/04/2024"
    frame.to_csv(tmp_path / "b.csv", index=False)
    _, units, _, archive = read(tmp_path / "b.csv")
    assert "day and month could change places" in archive.understood["time"]
    assert pd.Timestamp(units.times_s[0], unit="s").month == 4
    given = with_sensor(ReadOptions(), "larson-davis")
    _, units, _, _ = read(tmp_path / "b.csv", date_order=given.date_order, level=given.level)
    assert pd.Timestamp(units.times_s[0], unit="s").month == 3


def _larson_davis(folder):
    sensor_layouts.larson_davis(folder / "ld.csv", levels(80), 0.125)
    return folder / "ld.csv"
