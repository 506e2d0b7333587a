"""Inference, calibration, resumption and the files of results."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import archive_data
import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from archive_data import (
    levels,
    narrow_yamnet,
    save_tokens,
    setup,
    small_cnn,
    table,
    units,
    write_yamnet_weights,
)

import classify_audio
import classify_third_octave
from archives.classify import classify_archive
from archives.frames import Block
from archives.inference import LevelClassifier
from archives.levels import FULL_SCALE_DB, LevelHistogram, LevelScale, archive_units, measure_offset
from archives.networks import choose_selection, load_level_classifier
from archives.open_archive import ReadOptions, open_archive
from archives.selection import traffic_voice_birds
from archives.timeline import Timeline, Units
from transcoder.audioset import class_names
from transcoder.checkpoints import save_checkpoint
from transcoder.classifiers import Classifier, load_classifier
from transcoder.files import PROJECT_ROOT
from transcoder.hearing import hear_recording
from transcoder.parts import PartStore
from transcoder.texture import Texture
from transcoder.transcode import Transcoder


def histogram_of(array: np.ndarray) -> LevelHistogram:
    histogram = LevelHistogram()
    histogram.add(units(array))
    return histogram


CPU = torch.device("cpu")


class _Listener(torch.nn.Module):
    """Takes PANN's place: quick, and its outputs depend on every frame."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-0.02, 0.02, 64 * 527).view(64, 527))

    def forward(self, mels):
        ramp = torch.linspace(0, 1, mels.shape[1]).view(1, -1, 1)
        return torch.sigmoid((mels * ramp).mean(dim=1) @ self.weight)


@pytest.mark.parametrize("with_cnn", [False, True])
def test_inference_is_the_librarys(with_cnn):
    transcoder = Transcoder("YamNet", small_cnn("YamNet") if with_cnn else None)
    classifier = narrow_yamnet()
    array = levels(8 * 70)
    found = LevelClassifier(transcoder.model, classifier, device=CPU)(units(array))
    wanted = classifier.probabilities(transcoder.from_third_octave(array)).numpy()
    assert wanted.std(axis=0).max() > 0.01
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_inference_on_cuda_is_that_of_the_cpu():
    array = units(levels(8 * 1100))  # more than a batch
    on_cpu, on_gpu = (
        LevelClassifier(small_cnn("YamNet"), narrow_yamnet(), device=torch.device(d))(array)
        for d in ("cpu", "cuda")
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-3)


@pytest.mark.parametrize("classifier_name", ["PANN", "YamNet"])
def test_a_window_is_heard_as_a_file_is(classifier_name):
    transcoder = Transcoder(classifier_name)
    classifier = narrow_yamnet()
    if classifier_name == "PANN":
        classifier = Classifier("PANN", _Listener(), "listener")
    array = levels(8 * 25)  # the last window of 10 s is half full
    windows = Units.join(list(Timeline(10).units([Block(None, array)])))
    found = LevelClassifier(transcoder.model, classifier, device=CPU)(windows)
    for row, start in enumerate((0, 80, 160)):
        mels = transcoder.from_third_octave(array[start : start + 80])
        wanted = hear_recording(classifier, mels)
        np.testing.assert_allclose(found[row], wanted, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_auto_offset_brings_the_loud_seconds_to_full_scale(tmp_path):
    array = levels(8 * 500) + 60
    np.save(tmp_path / "a.npy", array[:2000])
    table(array[2000:]).to_csv(tmp_path / "b.csv", index=False)
    offset = measure_offset(sorted(tmp_path.iterdir()), ReadOptions())
    histogram = histogram_of(array + offset)
    assert histogram.percentile(99) == pytest.approx(FULL_SCALE_DB, abs=0.11)
    power = (10 ** (array.astype(float) / 10)).sum(axis=1).reshape(-1, 8).mean(axis=1)
    wanted = FULL_SCALE_DB - np.percentile(10 * np.log10(power), 99)
    assert offset == pytest.approx(wanted, abs=0.2)


@pytest.mark.parametrize("offset_db, complains", [(0, False), (55, True), (-60, True)])
def test_wrong_levels_are_noticed(offset_db, complains):
    array = levels(8 * 300)
    array += 9 - histogram_of(array).percentile(50)  # as loud as recordings in training
    complaint = histogram_of(array + offset_db).complaint()
    assert (complaint is not None) == complains
    if complains:
        assert "--auto_offset" in complaint


@pytest.mark.parametrize("top_k", [None, 3])
def test_formats_of_results_agree(tmp_path, top_k):
    array = levels(80)
    table(array).to_parquet(tmp_path / "a.parquet")
    selection = choose_selection("YamNet", groups=None, top_k=top_k)
    for suffix in (".h5", ".parquet", ".csv"):
        given = setup(selection=selection, suffix=suffix)
        classify_archive(tmp_path / "a.parquet", "a", tmp_path / "out", given)
    with h5py.File(tmp_path / "out" / "a.h5") as file:
        values, times = file["probabilities"][:], file["time"][:]
        names = file["names"].asstr()[:]
        chosen = file["classes"][:] if top_k else np.tile(np.arange(521), (10, 1))
        assert file.attrs["classifier"] == "narrow"
    tables = [
        pd.read_parquet(tmp_path / "out" / "a.parquet"),
        pd.read_csv(tmp_path / "out" / "a.csv", parse_dates=["time"]),
    ]
    assert list(names) == class_names("YamNet")
    for frame in tables:
        found = frame["time"].to_numpy("datetime64[us]").astype(float) / 1e6
        np.testing.assert_allclose(found, times)
        assert (frame["coverage"] == 1).all()
        if top_k is None:
            np.testing.assert_allclose(frame[names], values, atol=1e-6)
            continue
        for rank in range(top_k):
            assert list(frame[f"class_{rank + 1}"]) == list(names[chosen[:, rank]])
            column = frame[f"probability_{rank + 1}"]
            np.testing.assert_allclose(column, values[:, rank], atol=1e-6)


def test_a_finished_archive_is_not_done_again_unless_something_changed(tmp_path):
    np.save(tmp_path / "a.npy", levels(80))
    arguments = tmp_path / "a.npy", "a", tmp_path / "out"
    assert classify_archive(*arguments, setup()).is_new
    again = classify_archive(*arguments, setup())
    assert not again.is_new
    assert again.report["seconds"] == 10
    assert classify_archive(*arguments, setup(scale=LevelScale(3.0))).is_new
    assert classify_archive(*arguments, setup(scale=LevelScale(3.0), about={"x": "y"})).is_new
    np.save(tmp_path / "a.npy", levels(88))
    assert classify_archive(*arguments, setup()).report["seconds"] == 11


SLOW_JOB = """
import sys, time
sys.path[:0] = [{tests!r}, {root!r}]
from pathlib import Path
from archive_data import setup
from archives.classify import classify_archive
given = setup()
classify = given.answers.classify
def slowly(units):
    time.sleep(0.3)
    return classify(units)
object.__setattr__(given.answers, "classify", slowly)
classify_archive(Path({archive!r}), "a", Path({output!r}), given)
"""


def test_after_a_kill_the_result_is_the_same(tmp_path):
    archive, output = tmp_path / "a.npy", tmp_path / "killed"
    array = levels(8 * 2200)
    array[8 * 900 : 8 * 1000] = np.nan  # a segment ends in the second part
    np.save(archive, array)
    tests = Path(archive_data.__file__).parent
    code = SLOW_JOB.format(
        tests=str(tests), root=str(PROJECT_ROOT), archive=str(archive), output=str(output)
    )
    job = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    parts = output / "reports" / "a.parts"
    deadline = time.monotonic() + 60
    while len(list(parts.glob("part_*"))) < 1 and time.monotonic() < deadline:
        assert job.poll() is None, job.stderr.read().decode()
        time.sleep(0.02)
    job.send_signal(signal.SIGKILL)
    job.wait()
    n_done = len(list(parts.glob("part_*")))
    assert 1 <= n_done < 4
    assert not (output / "a.h5").exists()

    calls = []
    given = setup()
    classify = given.answers.classify
    counted = lambda units: calls.append(len(units)) or classify(units)  # noqa: E731
    object.__setattr__(given.answers, "classify", counted)
    result = classify_archive(archive, "a", output, given)
    # what was done is not done again
    assert sum(calls) == result.classified_s == 2100 - 600 * n_done
    assert not parts.exists()
    classify_archive(archive, "a", tmp_path / "whole", setup())
    with h5py.File(output / "a.h5") as killed, h5py.File(tmp_path / "whole" / "a.h5") as whole:
        assert list(killed) == list(whole)
        for name in whole:
            np.testing.assert_array_equal(killed[name][:], whole[name][:])
    reports = [
        json.loads((folder / "reports" / "a.json").read_text())
        for folder in (output, tmp_path / "whole")
    ]
    assert reports[0] == reports[1]


def test_parts_of_other_settings_are_not_used(tmp_path):
    np.save(tmp_path / "a.npy", levels(80))
    folder = tmp_path / "out" / "reports" / "a.parts"
    folder.mkdir(parents=True)
    PartStore(folder, {"file": "another"}).write("part_000000", {"values": np.ones((10, 521))})
    assert classify_archive(tmp_path / "a.npy", "a", tmp_path / "out", setup()).is_new


def test_units_of_an_archive_keep_their_offset(tmp_path):
    np.save(tmp_path / "a.npy", levels(16))
    archive = open_archive(tmp_path / "a.npy")
    (plain,) = archive_units(archive, Timeline())
    (shifted,) = archive_units(archive, Timeline(), LevelScale(-12.5))
    np.testing.assert_allclose(shifted.levels_db, plain.levels_db - 12.5, rtol=1e-5)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_yamnet_weights(tmp_path_factory.mktemp("weights") / "yamnet.pth")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model folder with a small CNN under the name of a CNN-logits transcoder."""
    folder = tmp_path_factory.mktemp("models")
    name = "classifier=YamNet+prop_logit=100+transcoder=cnn_pinv+ts=1_model"
    model = small_cnn("YamNet")
    save_checkpoint(folder / name, model, settings=model.settings)
    save_tokens(folder, "direct")
    return folder


def test_the_command_line(tmp_path, weights, models, capsys):
    days = tmp_path / "archive"
    days.mkdir()
    for day in range(2):
        times = pd.date_range(f"2024-03-0{day + 1}", periods=160, freq="125ms")
        frame = table(levels(160, seed=day) + 70, times).drop(index=range(50, 80))
        frame.to_csv(days / f"day{day}.csv.gz", index=False)
    arguments = [days, "--models", models, "--classifier_weights", weights]
    arguments += ["--method", "cnn_logits"]
    arguments += ["--auto-offset", "--groups", "tvb", "--format", "csv", "--output", tmp_path / "o"]
    assert classify_third_octave.main([str(a) for a in arguments]) == 0
    text = capsys.readouterr().out
    assert "to use it again: --db_offset -" in text
    assert "2 segments: 1 gaps (3.8 s together)" in text
    assert "traffic" in text
    assert "s of signal a second" in text
    found = pd.read_csv(tmp_path / "o" / "day1.csv")
    columns = ["time", "coverage", "segment", "LAeq", "traffic", "voice", "birds"]
    assert list(found.columns) == columns
    assert found["coverage"].sum() == pytest.approx(130 / 8)
    assert (tmp_path / "o" / "presence.png").read_bytes().startswith(b"\x89PNG")
    assert classify_third_octave.main([str(a) for a in arguments]) == 0
    assert capsys.readouterr().out.count("(done before)") == 2


def test_draws_of_texture_are_averaged(models, weights):
    options = {"models": models, "weights": weights, "device": CPU}
    array = levels(8 * 5)
    one, two = (
        load_level_classifier("YamNet", "texture", draws=n, **options)[0](units(array))
        for n in (1, 2)
    )
    network = load_classifier("YamNet", weights)
    texture = Transcoder("YamNet", Texture("YamNet"))
    heard = [
        network.probabilities(texture.from_third_octave(array, draw=draw)) for draw in range(2)
    ]
    np.testing.assert_allclose(one, heard[0], atol=1e-5)
    np.testing.assert_allclose(two, torch.stack(heard).mean(dim=0), atol=1e-5)
    assert np.abs(one - two).max() > 1e-4


def test_direct_tells_the_classes_of_each_window(models):
    classify, about = load_level_classifier(
        "YamNet", "direct", models=models, weights=None, device=CPU, draws=3
    )
    assert about["classifier"] == "YamNet (its classes, without its network)"
    assert "transcoder=direct" in about["transcoder_checkpoint"] and "draws" not in about
    array = levels(8 * 6)
    each_second = classify(units(array))
    windows = Units.join(list(Timeline(3).units([Block(None, array)])))
    np.testing.assert_allclose(
        classify(windows), each_second.reshape(2, 3, -1).mean(axis=1), atol=1e-6
    )
    assert each_second.std(axis=0).max() > 1e-3


def test_classes_of_audio_side_by_side(tmp_path, weights, models, capsys):
    sample = PROJECT_ROOT / "audio" / "street_scene.wav"
    arguments = [sample, "--models", models, "--classifier_weights", weights, "--output", tmp_path]
    arguments += ["--draws", "2"]
    assert classify_audio.main([str(a) for a in arguments]) == 0
    captured = capsys.readouterr()
    assert "true Mels" in captured.out
    assert "CNN-logits" in captured.out
    assert "missing: no CNN-mels transcoder" in captured.err
    assert "direct: classifier=YamNet" in captured.out  # which checkpoint
    true = pd.read_csv(tmp_path / "street_scene_true_mels.csv")
    pinv = pd.read_csv(tmp_path / "street_scene_pinv.csv")
    direct = pd.read_csv(tmp_path / "street_scene_direct.csv")
    texture = pd.read_csv(tmp_path / "street_scene_texture.csv")
    assert direct.shape == texture.shape == true.shape
    assert true.shape == pinv.shape == (10, 3 + 521)
    assert not np.allclose(true, pinv)
    assert (tmp_path / "street_scene_classes.png").stat().st_size > 10_000


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_say_what_was_done_to_levels(tmp_path, suffix):
    slow = table(levels(100), pd.date_range("2024-03-01", periods=100, freq="100ms"))
    names = {name: f"LAeq {name}" for name in slow.columns[1:]}
    slow.rename(columns=names).to_csv(tmp_path / "slow.csv", index=False)
    table(levels(80)).to_csv(tmp_path / "usual.csv", index=False)
    read = {".csv": pd.read_csv, ".parquet": pd.read_parquet}[suffix]
    given = setup(selection=traffic_voice_birds("YamNet"), suffix=suffix)
    found = read(classify_archive(tmp_path / "slow.csv", "slow", tmp_path / "out", given).path)
    (note,) = found["note"].unique()
    assert "levels every 100 ms were averaged to frames of 125 ms" in note
    assert "turned back from A weighting" in note
    assert len(found) == 10 and found["traffic"].notna().all()
    usual = read(classify_archive(tmp_path / "usual.csv", "usual", tmp_path / "out", given).path)
    assert "note" not in usual
