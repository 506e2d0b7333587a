"""What the scripts say without fetching: lists, verification, room, usage; and the real table."""

import re
import subprocess
import sys
import time
from collections import namedtuple

import pytest
from download_world import ROOT, TAU

import download_datasets
import download_pretrained_models
from sources import collection
from sources.table import DATASETS, MODELS, files_of

pytest_plugins = ["download_fixtures"]


def test_list_tells_the_state_of_everything(world, capsys):
    part = world.output / TAU / f"{TAU}.audio.1.zip.part"
    part.parent.mkdir(parents=True)
    size = len(world.server.contents[world.path("TAU", f"{TAU}.audio.1.zip")])
    part.write_bytes(bytes(size // 2))
    assert world.datasets("--only", "annotations.csv") == 0
    assert world.datasets("--only", "audio-1.tar.gz") == 0
    (world.output / "URBAN-SOUND-8K").mkdir()
    (world.output / "URBAN-SOUND-8K" / "UrbanSound8K.tar.gz").write_bytes(b"browser gave up")
    world.server.requests.clear()
    capsys.readouterr()
    assert world.datasets("--list") == 0
    assert world.server.requests == []
    lines = capsys.readouterr().out.splitlines()
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
    states = {row[1]: row[0] for row in rows if len(row) == 3}
    assert states[f"{TAU}.audio.1.zip"] == "part, 50%"
    assert states[f"{TAU}.audio.2.zip"] == "missing"
    assert states["annotations.csv"] == "there"
    assert states["audio-1.tar.gz"] == "unpacked"
    assert states["audio-0.tar.gz"] == "missing"
    assert states["UrbanSound8K.tar.gz"] == "there, WRONG SIZE"
    assert sum("licence:" in line for line in lines) == 3


def test_list_says_where_no_size_is_published(world, capsys):
    assert world.run(download_pretrained_models, "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    [yamnet] = [line for line in lines if "  yamnet.pth" in line]
    assert "about 30,007 B, no exact size published" in yamnet
    [pann] = [line for line in lines if "  ResNet38" in line]
    assert "30,000 B, md5" in pann
    assert "about" not in pann


def test_verify_finds_what_changed(world, capsys):
    assert world.datasets("--only", "audio") == 0
    assert world.datasets("--only", "annotations.csv") == 0
    assert world.datasets("--verify") == 0
    assert "5 right, 0 wrong, 3 not there" in capsys.readouterr().out
    clip = world.output / "SONYC-UST" / "audio" / "03.wav"
    clip.write_bytes(clip.read_bytes()[:-1] + b"?")
    (world.output / "SONYC-UST" / "annotations.csv").write_text("edited")
    assert world.datasets("--verify") == 1
    captured = capsys.readouterr()
    assert "3 right, 2 wrong, 3 not there" in captured.out
    assert "03.wav" in captured.err
    assert "found 6" in captured.err
    assert clip.exists()


def test_full_disk_is_seen_before_the_start(world, capsys, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**9, 10**9 - 10**6, 10**6)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    assert world.datasets() == 1
    assert "0.00 GB free, 0.10 GB are needed" in capsys.readouterr().err
    assert world.server.requests == []
    assert not world.output.exists()


def test_room_needed_is_less_when_archives_are_removed(tmp_path):
    files = files_of(DATASETS)
    removed = collection.space_needed(files, tmp_path, keep_archives=False)
    kept = collection.space_needed(files, tmp_path, keep_archives=True)
    assert 55e9 < removed < kept < 110e9
    assert kept - removed > 35e9


def test_nothing_to_fetch_needs_no_room(world, monkeypatch):
    assert world.datasets() == 0
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 0)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    assert world.datasets() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-l", "ESC-50"], "unknown data set 'ESC-50'"),
        (["-l", ""], "unknown data set"),
        (["-l", "TAU", "--list", "--verify"], "not allowed with"),
        (["-l", "TAU", "--size", "big"], "invalid float"),
        (["-l", "TAU", "--only", "nothing*"], "no file matches"),
        (["-l", "DEMO", "--only", "*.zip"], "name a data set"),
    ],
)
def test_bad_usage_exits_with_2(world, capsys, options, message):
    try:
        status = world.run(download_datasets, *options)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert world.server.requests == []


@pytest.mark.parametrize("script", ["download_datasets.py", "download_pretrained_models.py"])
def test_help_from_another_folder(script, tmp_path):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, ROOT / script, "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "--base_url" in done.stdout
    assert time.monotonic() - began < 5


def test_real_table():
    datasets, models = files_of(DATASETS), files_of(MODELS)
    by_source = {
        source.name: [file for file in datasets + models if file.source is source]
        for source in (*DATASETS, *MODELS)
    }
    assert sum(file.size for file in by_source["TAU"]) == 27_364_817_167
    assert {name: len(files) for name, files in by_source.items()} == {
        "TAU": 18,
        "URBAN-SOUND-8K": 1,
        "SONYC-UST": 22,
        "PANN": 1,
        "YAMNet": 1,
        "EfficientNet": 2,
        "published transcoders": 6,
    }
    lengths = {"md5": 32, "sha256": 64, "git-blob-sha1": 40}
    for file in datasets + models:
        assert len(file.checksum.value) == lengths[file.checksum.algorithm]
        assert set(file.checksum.value) <= set("0123456789abcdef")
        assert file.about_size > 0
        assert all(url.startswith("https://") and " " not in url for url in file.urls)
    places = [file.place for file in datasets + models]
    assert len(set(places)) == len(places)
    assert by_source["PANN"][0].urls == (
        "https://zenodo.org/records/3987831/files/ResNet38_mAP%3D0.434.pth?download=1",
    )


def test_efficientnet_is_torchvisions_own():
    models = pytest.importorskip("torchvision.models")
    entries = (
        models.EfficientNet_B0_Weights.IMAGENET1K_V1,
        models.EfficientNet_B7_Weights.IMAGENET1K_V1,
    )
    files = [file for file in files_of(MODELS) if file.source.in_torch_hub]
    assert [file.urls for file in files] == [(entry.url,) for entry in entries]
    for file in files:  # torch.hub reads the start of the sha256 from the name
        assert file.checksum.algorithm == "sha256"
        assert file.checksum.value.startswith(file.name.rpartition("-")[2].removesuffix(".pth"))


def test_the_commands_that_messages_name_find_their_files():
    from sources.command_line import selected
    from transcoder.checkpoints import FETCH_HINT
    from transcoder.classifiers import WEIGHTS

    named = [FETCH_HINT.split("--only ")[1], *(w.fetch_name for w in WEIGHTS.values())]
    named += ["efficientnet_b0", "efficientnet_b7"]
    for pattern in named:
        assert selected(files_of(MODELS), pattern), pattern
    assert len(selected(files_of(MODELS), "transcoders")) == 6
