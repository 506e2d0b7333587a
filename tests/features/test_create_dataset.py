"""create_mel_tho_dataset.py: features, options, reruns, odd files."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from tau_data import clip_name, digests, write_tau

from exp_train_model.create_mel_tho_dataset import main
from features import dataset as feature_dataset
from features import writing as feature_writer
from features.clips import FeatureConfig, clip_features, extractors
from features.files import SPLITS, split_path
from features.reading import Features
from transcoder.audio import prepare, read_audio, to_chunks, write_audio
from transcoder.mels import SlowMel
from transcoder.names import TAU_FOLDER
from transcoder.pinv import Pinv, input_shape
from transcoder.settings import THIRD_OCTAVE
from transcoder.third_octave import ThirdOctave
from transcoder.transcode import Transcoder

N_CLIPS = 16
NAMES = ("train.h5", "valid.h5", "eval.h5", "splits.csv", "problems.csv", "settings.yaml")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    write_tau(folder, N_CLIPS)
    return folder


@pytest.fixture
def run(sounds, tmp_path):
    """Run the program on the module's sounds; the results lie in ``tmp_path``."""

    def run(*options, output="out"):
        where = ["--audio_dataset_path", sounds, "--output_path", tmp_path / output]
        return main([str(option) for option in (*where, "--workers", 1, *options)])

    return run


def read_split(folder, name, split):
    with h5py.File(split_path(folder, name, split)) as file:
        return {key: data[()] for key, data in file.items()}, dict(file.attrs)


def test_features_are_those_of_the_published_pipeline(reference, recording, request):
    wave = {
        "birds": "birds.wav",
        "street_traffic_barcelona": "street_traffic-barcelona-162-4949-a.wav",
    }[request.node.callspec.params["recording"]]
    features, note = clip_features(reference / "audio" / wave, extractors(FeatureConfig()))
    assert note == ""
    assert features["third_octave"].shape == (10, 8, 29)
    first = {name: array[:4] for name, array in features.items()}
    np.testing.assert_allclose(first["third_octave"], recording["third_octave_db"], atol=1e-3)
    np.testing.assert_allclose(first["mels_pann"], recording["mel_pann_db"], atol=1e-3)
    np.testing.assert_allclose(first["mels_yamnet"], recording["mel_yamnet_log"], atol=1e-4)


def test_data_set(run, tmp_path, sounds):
    assert run() == 0
    folder = tmp_path / "out" / "full"
    assert {path.name for path in folder.iterdir()} == {f"full_{name}" for name in NAMES}
    table = pd.read_csv(folder / "full_splits.csv")
    assert set(table.filename) == {clip_name(i) for i in range(N_CLIPS)}
    assert table.split.value_counts().to_dict() == {"train": 12, "valid": 2, "eval": 2}
    for split in SPLITS:
        data, attributes = read_split(tmp_path / "out", "full", split)
        rows = table[table.split == split]
        assert [name.decode() for name in data["file_names"]] == rows.filename.tolist()
        assert data["scene"].tolist() == np.repeat(rows.scene, 2).tolist()
        assert data["file_index"].tolist() == np.repeat(np.arange(len(rows)), 2).tolist()
        assert attributes["input_type"] == "third_octave"
        assert attributes["scenes"].tolist() == sorted(set(table.scene_label))
        for name, shape in {
            "third_octave": (8, 29),
            "mels_pann": (101, 64),
            "mels_yamnet": (96, 64),
        }.items():
            assert data[name].shape == (2 * len(rows), *shape)
            assert data[name].dtype == np.float32
    data, _ = read_split(tmp_path / "out", "full", "eval")
    wave = read_audio(sounds / TAU_FOLDER / data["file_names"][1].decode())
    for classifier, mels in (("PANN", "mels_pann"), ("YamNet", "mels_yamnet")):
        transcoder = Transcoder(classifier)
        rate = transcoder.front_end.sample_rate
        seconds = torch.from_numpy(to_chunks(prepare(*wave, rate), rate))
        np.testing.assert_allclose(data[mels][2:4], transcoder.log_mel(seconds), atol=1e-4)
        levels = transcoder.third_octave_of(*wave)
        np.testing.assert_allclose(data["third_octave"][2:4], levels, atol=1e-4)
    problems = pd.read_csv(folder / "full_problems.csv")
    assert set(problems.reason) == {"lasts 2.000 s, not 10 s: 2 used"}
    assert not problems.skipped.any() and len(problems) == N_CLIPS
    settings = yaml.safe_load((folder / "full_settings.yaml").read_text())
    assert settings["splits"]["devices"] == ["a"]
    assert settings["features"]["frame_length"] == 4096


def test_same_bytes_for_any_number_of_workers(run, tmp_path):
    run()
    run("--workers", 3, output="more")
    assert digests(tmp_path / "out" / "full") == digests(tmp_path / "more" / "full")


@pytest.mark.parametrize("classifier", ["PANN", "YamNet"])
@pytest.mark.parametrize(
    "options, name",
    [
        (["--tho_time", "False"], "urban_mel_time"),
        (["--tho_freq=false"], "urban_mel_freq"),
        (["--tho-freq", "--tho-time", "true"], "urban"),
    ],
)
def test_ablations(run, tmp_path, classifier, options, name):
    assert run("--dataset_type", "urban", *options) == 0
    features = Features(split_path(tmp_path / "out", name, "train"), classifier)
    input_type = name.removeprefix("urban").removeprefix("_") or "third_octave"
    assert features.input_type == input_type
    assert features.scenes == ("park", "public_square", "street_traffic")
    levels, mels, _ = features[2]
    assert levels.shape == input_shape(classifier, input_type)
    # PINV's error on noise: an input of another kind or level is tens of dB away
    error = (Pinv(classifier, input_type=input_type)(levels[None])[0] - mels).abs().mean()
    assert error < (6 if classifier == "PANN" else 4)


def test_ablations_use_the_library_definitions(sounds):
    path = sounds / TAU_FOLDER / clip_name(0)
    wave = prepare(*read_audio(path), THIRD_OCTAVE.sample_rate)
    chunk = torch.from_numpy(to_chunks(wave, THIRD_OCTAVE.sample_rate))
    time, _ = clip_features(path, extractors(FeatureConfig("mel_time")))
    np.testing.assert_allclose(time["third_octave"], ThirdOctave(hop_length=320)(chunk), atol=1e-4)
    freq, _ = clip_features(path, extractors(FeatureConfig("mel_freq")))
    for classifier in ("PANN", "YamNet"):
        expected = SlowMel(classifier)(chunk)
        np.testing.assert_allclose(freq[f"mel_freq_{classifier.lower()}"], expected, atol=1e-4)


def test_options_of_features_and_splits(run, tmp_path):
    run()
    assert run("--dtype=float16", "--mel_template=pann", "--dataset_name=half") == 0
    full, _ = read_split(tmp_path / "out", "full", "valid")
    half, _ = read_split(tmp_path / "out", "half", "valid")
    assert half["mels_pann"].dtype == np.float16 and "mels_yamnet" not in half
    np.testing.assert_allclose(half["mels_pann"], full["mels_pann"], atol=0.04)
    assert run("--flen=2048", "--hlen=2000", "--dataset_name=short", "--limit=8") == 0
    short, _ = read_split(tmp_path / "out", "short", "train")
    assert short["third_octave"].shape == (12, 16, 29)
    assert run("--split_by_city", "--dataset_name=city", "--setting_data_path", tmp_path) == 0
    table = pd.read_csv(tmp_path / "out" / "city" / "city_splits.csv")
    assert set(table.city[table.split == "valid"]) == {"prague", "lisbon"}
    assert (tmp_path / "city_settings.yaml").exists()
    assert run("--dataset_type=test") == 0
    assert (tmp_path / "out" / "TEST" / "TEST_train.h5").exists()


def test_finished_data_set_is_left_alone(run, tmp_path, capsys):
    run()
    folder = tmp_path / "out" / "full"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    capsys.readouterr()
    assert run("--workers", 2) == 0
    assert "is complete, nothing to do" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_other_settings_need_overwrite(run, tmp_path, capsys):
    run()
    before = digests(tmp_path / "out" / "full")
    assert run("--dtype=float16", "--train_ratio=.5", "--valid_ratio=.3", "--eval_ratio=.2") == 1
    message = capsys.readouterr().err
    assert "other settings" in message and "dtype: float32, now float16" in message
    assert "--overwrite" in message
    assert digests(tmp_path / "out" / "full") == before
    assert run("--dtype=float16", "--overwrite") == 0
    data, _ = read_split(tmp_path / "out", "full", "train")
    assert data["mels_pann"].dtype == np.float16
    (tmp_path / "out" / "full" / "full_settings.yaml").unlink()
    assert run("--dtype=float16") == 1
    assert "full_settings.yaml are missing" in capsys.readouterr().err


def test_features_of_other_sounds_are_not_taken_for_these(run, sounds, tmp_path, capsys):
    assert run() == 0
    data = tmp_path / "data"
    shutil.copytree(sounds, data)
    path = data / TAU_FOLDER / clip_name(3)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert run("--audio_dataset_path", data) == 1
    assert "other settings (sounds: " in capsys.readouterr().err


def test_interrupted_while_writing_a_split(run, tmp_path, monkeypatch):
    run()
    expected = digests(tmp_path / "out" / "full")
    add, calls = feature_writer._add_features, []

    def interrupted(file, *args):
        calls.append(file.filename)
        if len(calls) == 2:
            raise KeyboardInterrupt
        add(file, *args)

    monkeypatch.setattr(feature_writer, "_add_features", interrupted)
    assert run(output="again") == 130
    folder = tmp_path / "again" / "full"
    assert (folder / "full_train.h5").exists()
    assert not (folder / "full_valid.h5").exists()
    written = (folder / "full_train.h5").stat().st_mtime_ns
    assert run(output="again") == 0
    assert len(calls) == 4  # train is not written again
    assert (folder / "full_train.h5").stat().st_mtime_ns == written
    assert digests(folder) == expected


def test_interrupted_between_clips_goes_on(run, tmp_path, monkeypatch):
    run()
    original, done = feature_writer.clip_features, []

    def counted(path, functions):
        done.append(path)
        if len(done) == 11:
            raise KeyboardInterrupt
        return original(path, functions)

    monkeypatch.setattr(feature_writer, "clip_features", counted)
    assert run(output="again") == 130
    shards = (tmp_path / "again" / "full" / "full_shards.part").glob("*.npz")
    n_kept = sum(len(np.load(path)["seconds"]) for path in shards)
    assert 8 <= n_kept < N_CLIPS  # a shard holds 8 clips
    done[:] = [None] * 11
    assert run(output="again") == 0
    assert len(done) == 11 + N_CLIPS - n_kept
    assert digests(tmp_path / "again" / "full") == digests(tmp_path / "out" / "full")


def test_removal_that_was_killed_can_go_on(run, tmp_path, monkeypatch):
    run()
    monkeypatch.setattr(feature_dataset.shutil, "rmtree", _interrupt)
    assert run("--overwrite") == 130
    monkeypatch.undo()
    assert run("--dtype", "float16") == 0
    data, _ = read_split(tmp_path / "out", "full", "train")
    assert data["mels_pann"].dtype == np.float16


def _interrupt(*args, **kwargs):
    raise KeyboardInterrupt


def test_full_disk_is_noticed_before_the_start(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("transcoder.files.room_on", lambda path: 1000)
    assert run() == 1
    assert "only 1 kB are free on its disk" in capsys.readouterr().err


def test_disk_that_fills_up(run, tmp_path, monkeypatch, capsys):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(feature_writer.np, "savez", full)
    assert run() == 1
    assert ".npz: the disk is full" in capsys.readouterr().err
    monkeypatch.undo()
    assert run() == 0


def test_damaged_shard_is_named(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(feature_dataset, "join_shards", _interrupt)
    assert run() == 130
    monkeypatch.undo()
    shard = tmp_path / "out" / "full" / "full_shards.part" / "valid_0000000.npz"
    content = bytearray(shard.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 100] = bytes(100)
    shard.write_bytes(content)
    assert run() == 1
    assert "valid_0000000.npz: was damaged" in capsys.readouterr().err
    assert run() == 0


@pytest.mark.parametrize(
    "options, status, message",
    [
        (["--workers=0"], 2, "0 workers are impossible"),
        (["--tho_freq=false", "--tho_time=false"], 2, "leaves Mels alone"),
        (["--tho_freq=perhaps"], 2, "'perhaps' is neither true nor false"),
        (["--dataset_name=urban"], 2, "is kept for another --dataset_type"),
        (["--dataset_name=a/b"], 2, "must be a name, not a path"),
        (["--dataset_name=.."], 2, "must be a name, not a path"),
        (["--split_by_city", "--split_by_location"], 2, "not allowed with argument"),
        (["--split_by_city", "--train_ratio=.5"], 2, "the cities give the ratios"),
        (["--train_ratio=.9"], 2, "add up to 1"),
        (["--limit=1"], 2, "limit 1"),
        (["--flen=100000"], 2, "frame length 100000"),
        (["--hlen=5000"], 2, "hop length 5000"),
        (["--tho_time=false", "--hlen=2000"], 2, "hop length of mel_time cannot be chosen"),
        (["--dtype=int8"], 2, "invalid choice"),
        (["--devices_keep", "z"], 1, "no clip is from device z"),
        (["--audio_dataset_name=TAU"], 1, "download_datasets.py"),
    ],
)
def test_impossible_requests(run, tmp_path, capsys, options, status, message):
    try:
        assert run(*options) == status
    except SystemExit as end:  # argparse
        assert end.code == status
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_sounds_that_were_not_fetched(tmp_path, capsys):
    root = write_tau(tmp_path, 8)
    (root / "audio").rename(root / "sounds")
    assert main(["--audio_dataset_path", str(tmp_path), "--output_path", str(tmp_path)]) == 1
    assert "download_datasets.py" in capsys.readouterr().err


def test_level_of_a_louder_clip_is_the_same(tmp_path, rng):
    """Clips are normalised to their peak."""
    wave = rng.uniform(-0.1, 0.1, 32_000).astype(np.float32)
    for name, gain in (("soft", 1), ("loud", 8)):
        write_audio(tmp_path / f"{name}.wav", wave * gain, 32_000)
    functions = extractors(FeatureConfig())
    soft, loud = (
        clip_features(tmp_path / f"{name}.wav", functions)[0] for name in ("soft", "loud")
    )
    for name in functions:
        np.testing.assert_allclose(soft[name], loud[name], atol=1e-4)
