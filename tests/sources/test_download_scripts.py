"""The two scripts as a user runs them, with a small table and a server on this machine."""

import csv
import hashlib
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import misbehaving_server as server_that
import pytest
from download_world import CLIPS_AND_TABLES, ROOT, TAU, World, packed_tar, visible, wav

import download_datasets
import download_pretrained_models
from sources import downloader
from transcoder.errors import UserError

pytest_plugins = ["download_fixtures"]


def test_without_arguments_the_real_data_sets_end_in_their_layouts(world, capsys):
    assert world.datasets() == 0
    assert visible(world.files()) == CLIPS_AND_TABLES
    assert "all 8 files are there" in capsys.readouterr().out
    with (world.output / "URBAN-SOUND-8K/metadata/UrbanSound8K_recalculated.csv").open() as file:
        durations = {row["slice_file_name"]: float(row["duration"]) for row in csv.DictReader(file)}
    assert durations == {f"{i}-0-0-0.wav": i / 4 for i in range(1, 5)}


def test_two_files_at_once_and_no_more(world, monkeypatch):
    lock, active, most = threading.Lock(), 0, 0
    real_fetch = downloader.Downloader.fetch

    def counting_fetch(*args):
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        time.sleep(0.02)
        real_fetch(*args)
        with lock:
            active -= 1

    monkeypatch.setattr(downloader.Downloader, "fetch", counting_fetch)
    assert world.datasets() == 0
    assert most == 2


def test_second_run_fetches_nothing(world):
    assert world.datasets() == 0
    before = len(world.server.requests)
    assert world.datasets() == 0
    assert len(world.server.requests) == before


def test_only_what_is_missing_is_fetched_again(world):
    assert world.datasets() == 0
    world.server.requests.clear()
    (world.output / TAU / "audio/park-lyon-4-0-a.wav").unlink()
    (world.output / "SONYC-UST/annotations.csv").unlink()
    assert world.datasets() == 0
    assert {Path(path).name for path, _ in world.server.requests} == {
        f"{TAU}.audio.2.zip",
        "annotations.csv",
    }
    assert visible(world.files()) == CLIPS_AND_TABLES


def test_kept_archives_make_a_mirror(world, tmp_path):
    assert world.datasets("--keep-archives") == 0
    archives = {name for name in world.files() if name.endswith((".zip", ".tar.gz"))}
    assert len(archives) == 7
    assert {"/" + name for name in archives} <= set(world.server.contents)
    assert world.datasets("--keep-archives") == 0
    assert archives <= world.files()
    before = len(world.server.requests)
    assert world.datasets() == 0
    assert visible(world.files()) == CLIPS_AND_TABLES
    assert len(world.server.requests) == before


def test_one_failure_does_not_stop_the_others(world, capsys):
    broken = world.path("TAU", f"{TAU}.audio.1.zip")
    content = world.server.contents[broken]
    world.server.contents[broken] = content[:-1] + b"?"
    del world.server.contents[world.path("SONYC-UST", "audio-1.tar.gz")]
    assert world.datasets() == 1
    errors = capsys.readouterr().err.partition("2 of 8 not done:")[2]
    assert f"{TAU}.audio.1.zip" in errors
    assert hashlib.md5(content).hexdigest() in errors
    assert "audio-1.tar.gz" in errors
    assert "404" in errors
    assert "UrbanSound8K.tar.gz" not in errors
    done = visible(world.files())
    assert f"{TAU}/audio/park-lyon-5-0-a.wav" in done
    assert f"{TAU}/audio/park-lyon-0-0-a.wav" not in done
    world.server.contents[broken] = content
    assert world.datasets("--only", "TAU") == 0
    assert f"{TAU}/audio/park-lyon-0-0-a.wav" in world.files()


def test_hostile_archive_is_a_listed_failure(world, capsys, tmp_path):
    path = world.path("URBAN-SOUND-8K", "UrbanSound8K.tar.gz")
    hostile = packed_tar({"UrbanSound8K/audio/fold1/1.wav": wav(), "../../../evil": b"evil"})
    text = world.table_path.read_text()
    for old, new in ((world.server.contents[path], hostile),):
        text = text.replace(hashlib.md5(old).hexdigest(), hashlib.md5(new).hexdigest())
        text = text.replace(f",{len(old)},", f",{len(new)},")
    world.table_path.write_text(text)
    world.server.contents[path] = hostile
    assert world.datasets() == 1
    assert "its member '../../../evil' has an upward path" in capsys.readouterr().err
    assert not list(tmp_path.rglob("evil"))
    assert not (world.output / "URBAN-SOUND-8K" / "audio").exists()
    assert f"{TAU}/meta.csv" in world.files()


def test_archive_placed_by_hand_is_used(world):
    path = world.path("URBAN-SOUND-8K", "UrbanSound8K.tar.gz")
    placed = world.output / "URBAN-SOUND-8K" / "UrbanSound8K.tar.gz"
    placed.parent.mkdir(parents=True)
    placed.write_bytes(world.server.contents[path])
    assert world.datasets("--only", "UrbanSound8K.tar.gz") == 0
    assert world.server.requests == []
    assert not placed.exists()
    assert visible(world.files()) == {n for n in CLIPS_AND_TABLES if n.startswith("URBAN")}


def test_data_set_unpacked_by_hand_is_recognised(world, capsys):
    assert world.datasets() == 0
    for marker in world.output.rglob(".unpacked/*"):
        marker.unlink()
    (world.output / "URBAN-SOUND-8K/metadata/UrbanSound8K_recalculated.csv").unlink()
    world.server.requests.clear()
    assert world.datasets() == 0
    assert world.server.requests == []
    assert visible(world.files()) == CLIPS_AND_TABLES
    capsys.readouterr()
    assert world.datasets("--list") == 0
    assert capsys.readouterr().out.count("unpacked by hand") == 7


def test_models_go_where_they_are_looked_for(world, tmp_path):
    assert world.run(download_pretrained_models) == 0
    assert world.files() == {
        "pann/ResNet38_mAP=0.434.pth",
        "yamnet/yamnet.pth",
        "reference_models/classifier=PANN+ts=1_model",
    }
    hub = tmp_path / "torch" / "hub" / "checkpoints"
    assert [path.name for path in hub.iterdir()] == ["efficientnet_b0_rwightman-7f5810bc.pth"]
    world.server.requests.clear()
    assert world.run(download_pretrained_models) == 0
    assert world.server.requests == []


def test_wrong_weights_placed_by_hand_are_named_and_kept(world, capsys):
    placed = world.output / "yamnet" / "yamnet.pth"
    placed.parent.mkdir(parents=True)
    placed.write_bytes(b"other weights")
    assert world.run(download_pretrained_models) == 1
    assert f"{placed} is there but is not the published file" in capsys.readouterr().err
    assert placed.read_bytes() == b"other weights"
    assert (world.output / "pann" / "ResNet38_mAP=0.434.pth").exists()


def test_only_takes_patterns_and_parts_of_names(world):
    assert world.datasets("--only", "io-[0-9].*gz") == 0
    assert {Path(path).name for path, _ in world.server.requests} == {
        "audio-0.tar.gz",
        "audio-1.tar.gz",
    }


def test_without_room_for_all_of_it_nothing_is_fetched(world, capsys, monkeypatch):
    usage = types.SimpleNamespace(free=1000)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    assert world.datasets() == 1
    assert "make room" in capsys.readouterr().err
    assert world.server.requests == []
    assert not world.files()


@pytest.mark.parametrize("options", [["-l", "DEMO"], ["-l", "demo", "--size", "0.5"]])
def test_demo_is_synthesised_on_demand(world, capsys, monkeypatch, options):
    calls = []
    fake = types.ModuleType("demo_scenes.layouts")
    fake.write_all = lambda output, size: calls.append((output, size))
    monkeypatch.setitem(sys.modules, "demo_scenes.layouts", fake)
    assert world.run(download_datasets, *options) == 0
    assert calls == [(world.output, 0.5 if "--size" in options else 1.0)]
    assert world.server.requests == []


def test_demo_error_is_one_line(world, capsys, monkeypatch):
    def fail(output, size):
        raise UserError("no room for scenes")

    fake = types.ModuleType("demo_scenes.layouts")
    fake.write_all = fail
    monkeypatch.setitem(sys.modules, "demo_scenes.layouts", fake)
    assert world.run(download_datasets, "-l", "DEMO") == 1
    assert capsys.readouterr().err.endswith("error: no room for scenes\n")


def killed_after(world: World, seconds: float, *, with_bytes: bool = False) -> None:
    """Kill the downloads ``seconds`` after their first request, or after their first bytes."""
    program = (
        "import sys; from pathlib import Path; from sources import pace, table;"
        f"table.TABLE_PATH = Path({str(world.table_path)!r}); pace._BLOCK_BYTES = 512;"
        "import download_datasets;"
        "sys.exit(download_datasets.main(sys.argv[1:]))"
    )
    options = ["-l", "TAU,URBAN-SOUND-8K,SONYC-UST", "-o", str(world.output)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *options, "--base-url", world.server.url],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = len(world.server.requests)
    deadline = time.monotonic() + 20
    while len(world.server.requests) == before or (with_bytes and not has_bytes(world)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(seconds)
    process.kill()
    process.wait()


def has_bytes(world: World) -> bool:
    return any(path.stat().st_size for path in world.output.rglob("*.part*") if path.is_file())


def test_killed_at_several_moments_then_resumed(world):
    for path in world.server.contents:
        world.server.behave(path, *[server_that.slowly(0.04, 512)] * 8)
    for seconds in (0.02, 0.1, 0.2, 0.3):
        killed_after(world, seconds, with_bytes=seconds == 0.3)
        for name in visible(world.files()):
            is_hidden = ".part" in name or "/.unpacking-" in name  # nobody takes it for a clip
            assert name in CLIPS_AND_TABLES or is_hidden or name.endswith((".zip", ".gz"))
    assert any(range_ for path in world.server.contents for range_ in world.server.ranges(path))
    assert world.datasets() == 0
    assert visible(world.files()) == CLIPS_AND_TABLES
    assert world.datasets("--verify") == 0


def test_killed_between_the_last_clip_and_the_marker(world):
    assert world.datasets("--keep-archives") == 0
    archive = world.output / "SONYC-UST" / "audio-1.tar.gz"
    marker = archive.parent / ".unpacked" / f"{archive.name}.csv"
    marker.unlink()
    assert world.datasets() == 0
    assert marker.is_file()
    assert visible(world.files()) == CLIPS_AND_TABLES
