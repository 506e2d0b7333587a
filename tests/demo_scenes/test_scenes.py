"""The layouts of the embedded data are the real ones, and their labels are true."""

import csv
import hashlib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demo_scenes import layouts, sonyc_ust, tau, urbansound8k
from transcoder.names import TAU_FOLDER

SMALL = 0.1
SEED = 3


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The smallest DEMO, written once for this module."""
    output = tmp_path_factory.mktemp("demo")
    layouts.write_all(output, size=SMALL, seed=SEED, workers=2)
    return output / "DEMO"


def read_rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def test_every_clip_is_sound(demo):
    paths = sorted(demo.glob("*/audio/*.wav"))
    assert len(paths) == 20 + 30 + 24
    for path in paths:
        wave, _ = soundfile.read(path)
        assert np.isfinite(wave).all(), path.name
        assert 0.005 < np.abs(wave).max() < 0.95, path.name
    assert not list(demo.rglob(".*"))  # no temporary files


def test_tau_layout(demo):
    folder = demo / TAU_FOLDER
    train = read_rows(folder / "evaluation_setup/fold1_train.csv", "\t")
    evaluate = read_rows(folder / "evaluation_setup/fold1_evaluate.csv", "\t")
    assert list(train[0]) == ["filename", "scene_label"]
    rows = train + evaluate
    assert {"audio/" + p.name for p in (folder / "audio").iterdir()} == {
        row["filename"] for row in rows
    }
    assert len({row["filename"] for row in rows}) == len(rows)
    assert {r["scene_label"] for r in train} == {r["scene_label"] for r in evaluate}
    for row in rows:
        scene, city, _, _, end = row["filename"].removeprefix("audio/").split("-")
        assert (scene, end) == (row["scene_label"], "a.wav")
        assert city in tau.CITIES
        info = soundfile.info(folder / row["filename"])
        assert (info.samplerate, info.frames, info.channels) == (44_100, 441_000, 1)
        assert info.subtype == "PCM_24"
    meta = read_rows(folder / "meta.csv", "\t")
    assert list(meta[0]) == ["filename", "scene_label", "identifier", "source_label"]
    assert len(meta) == len(rows)


def test_tau_default_plan_serves_all_data_sets_of_the_experiments():
    names = [clip.path.removeprefix("audio/") for clip in tau.plan(1.0, 0).clips]
    fields = [name.removesuffix(".wav").split("-") for name in names]
    assert len(set(names)) == 60
    assert Counter(f[0] for f in fields) == dict.fromkeys(tau.SCENES, 6)
    assert {f[1] for f in fields} == set(tau.CITIES)
    devices = Counter(f[4] for f in fields)
    assert devices["a"] >= 50
    assert devices["b"] > 0 < devices["s1"]
    segments, cities = defaultdict(set), defaultdict(set)
    for _, city, location, segment, _ in fields:
        segments[location].add(segment)
        cities[location].add(city)
    assert all(len(s) > 1 for s in segments.values())
    assert all(len(c) == 1 for c in cities.values())


def test_urbansound8k_layout(demo):
    folder = demo / urbansound8k.FOLDER
    original = read_rows(folder / "metadata/UrbanSound8K.csv")
    rows = read_rows(folder / "metadata/UrbanSound8K_recalculated.csv")
    columns = ["slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"]
    assert list(original[0]) == columns
    assert list(rows[0]) == [*columns, "duration"]
    assert {p.name for p in (folder / "audio").iterdir()} == {r["slice_file_name"] for r in rows}
    classes = list(urbansound8k.CLASS_SOURCES)
    for row in rows:
        info = soundfile.info(folder / "audio" / row["slice_file_name"])
        assert float(row["duration"]) == pytest.approx(info.frames / info.samplerate, abs=1e-6)
        assert row["slice_file_name"].split("-")[:2] == [row["fsID"], row["classID"]]
        assert classes[int(row["classID"])] == row["class"]
    assert {row["fold"] for row in rows} == {str(i) for i in range(1, 11)}


def test_urbansound8k_default_plan_is_as_motley_as_the_real_set():
    layout = urbansound8k.plan(1.0, 0)
    rows = list(csv.DictReader(layout.tables["metadata/UrbanSound8K_recalculated.csv"].split("\n")))
    assert Counter((r["class"], r["fold"]) for r in rows) == dict.fromkeys(
        [(c, str(f)) for c in urbansound8k.CLASS_SOURCES for f in range(1, 11)], 1
    )
    durations_s = np.array([float(r["duration"]) for r in rows])
    assert 5 <= np.sum(durations_s < 1) <= 20
    assert durations_s.max() == 4
    assert any(
        abs(float(r["end"]) - float(r["start"]) - float(r["duration"])) > 0.1 for r in rows
    )  # as published: not all times are true
    rates = {clip.sample_rate for clip in layout.clips}
    assert {8_000, 96_000} <= rates
    assert {clip.channels for clip in layout.clips} == {1, 2}
    assert len({clip.subtype for clip in layout.clips}) == 4


def test_urbansound8k_labels_are_true_to_the_mix():
    for clip in urbansound8k.plan(0.5, 0).clips:
        class_id = int(clip.path.split("-")[1])
        sources = list(urbansound8k.CLASS_SOURCES.values())
        loudest = max(clip.scene.layers, key=lambda layer: layer.level_db)
        assert loudest.source in sources[class_id]
        others = {s for i, names in enumerate(sources) for s in names if i != class_id}
        assert not others & {layer.source for layer in clip.scene.layers}


def majority(rows: list[dict[str, str]], column: str) -> bool:
    """The rule of the experiments: mean of the labels but -1, absent if there is none."""
    if rows[0]["split"] == "test":
        rows = [r for r in rows if r["annotator_id"] == "0"]
    votes = [int(r[column]) for r in rows if r[column] != "-1"]
    return bool(votes) and np.mean(votes) >= 0.5


def test_sonyc_ust_labels_are_true_to_the_mix():
    layout = sonyc_ust.plan(3.0, 0)
    by_clip = defaultdict(list)
    for row in csv.DictReader(layout.tables["annotations.csv"].splitlines()):
        by_clip[row["audio_filename"]].append(row)
    assert len(by_clip) == len(layout.clips) == 120
    for clip in layout.clips:
        rows = by_clip[clip.path.removeprefix("audio/")]
        mixed = {layer.source for layer in clip.scene.layers}
        for coarse, members in sonyc_ust.TAXONOMY.items():
            assert majority(rows, f"{coarse}_presence") == bool(mixed & set(members.values()))
            for fine, source in members.items():
                assert majority(rows, f"{fine}_presence") == (source in mixed)
                far_or_near = {row[f"{fine}_proximity"] for row in rows}
                assert ("near" in far_or_near or "far" in far_or_near) == (source in mixed)


def test_sonyc_ust_layout(demo):
    folder = demo / sonyc_ust.FOLDER
    rows = read_rows(folder / "annotations.csv")
    columns = list(rows[0])
    assert columns[:4] == ["split", "sensor_id", "audio_filename", "annotator_id"]
    assert columns[-8:] == [f"{coarse}_presence" for coarse in sonyc_ust.TAXONOMY]
    assert len(columns) == 12 + 29 + 29 + 8  # as in version 2.3
    assert {p.name for p in (folder / "audio").iterdir()} == {r["audio_filename"] for r in rows}
    for path in (folder / "audio").iterdir():
        assert soundfile.info(path).duration == 10
    for split in ("train", "test", "validate"):
        part = [r for r in rows if r["split"] == split]
        annotators = [int(r["annotator_id"]) for r in part]
        assert (0 in annotators and min(annotators) < 0) == (split == "test")
        assert len(part) >= 3 * len({r["audio_filename"] for r in part})
        for column in columns[-8:]:
            assert any(r[column] == "1" for r in part), (split, column)
    assert any(r[column] == "-1" for r in rows for column in columns[-8:])


def test_some_class_of_some_clip_is_labelled_by_nobody():
    table = sonyc_ust.plan(1.0, 0).tables["annotations.csv"]
    votes = defaultdict(set)
    for row in csv.DictReader(table.splitlines()):
        if row["split"] == "train":
            for coarse in sonyc_ust.TAXONOMY:
                votes[row["audio_filename"], coarse].add(row[f"{coarse}_presence"])
    assert {"-1"} in votes.values()


def digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*.*")
        if p.is_file()
    }


def test_bytes_do_not_depend_on_workers_or_order(demo, tmp_path):
    every = [
        (clip, layout.folder) for layout in layouts.plan_all(SMALL, SEED) for clip in layout.clips
    ]
    some = [(clip, tmp_path / folder) for clip, folder in reversed(every[::6])]
    layouts.render_clips(some, workers=1)
    again, first = digest(tmp_path), digest(demo)
    assert len(again) == len(some)
    assert {name: first[name] for name in again} == again
