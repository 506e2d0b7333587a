"""reproduce.py: its commands, and the whole demo at its smallest size."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import reproduce
from reproduction.scope import Reproduction
from reproduction.steps import DEMO_SECONDS, QUICK_SECONDS, forecast, steps_of
from transcoder.files import PROJECT_ROOT

SMALLEST = ("--demo", "--demo_size", "0.05", "--demo_epochs", "1")
TABLES = (
    "results_training_YamNet_DEMO.csv",
    "results_classif_urbansound8k_DEMO.csv",
    "results_classif_sonycust_DEMO.csv",
)


def environment() -> dict[str, str]:
    """The embedded teacher, whatever weights this machine has; one thread for same results."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_WEIGHTS")}
    return kept | {"OMP_NUM_THREADS": "1"}


def start(folder, *more) -> subprocess.Popen:
    command = [sys.executable, PROJECT_ROOT / "reproduce.py", *SMALLEST, *more]
    folders = ("--demo_work", folder / "work", "--results", folder / "results")
    return subprocess.Popen(
        [*map(str, (*command, *folders))],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output[-3000:]
    return output


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A finished demo: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, finish(start(folder))


def test_demo_ends_with_tables_figures_sounds_and_report(demo):
    folder, output = demo
    results = folder / "results"
    methods = pd.read_csv(results / TABLES[0])["method"]
    ours = ["direct", "textured CNN"]
    assert methods.tolist() == ["PINV", "texture", "CNN-mels", "CNN-logits", *ours]
    for table in TABLES[1:]:
        assert set(pd.read_csv(results / table)["transcoder"]) == {
            "self", "cnn", "pinv", "cnn_mels", "texture", "textured", "direct",
        }  # fmt: skip
    for figure in ("spectro_dcase_2023.png", "thirdo_mel_bands_repartition.png"):
        assert (results / figure).stat().st_size > 10_000
    sounds = list((folder / "work" / "audio_generated").rglob("*.wav"))
    assert len(sounds) == 8
    report = (results / "report.html").read_text()
    assert report.count("<audio") == 8
    assert "YamNet small" in report
    assert "step 12: audio" in output


def test_log_has_every_step_and_no_path_of_this_machine(demo):
    folder, _ = demo
    text = (folder / "results" / "run_log.json").read_text()
    log = json.loads(text)
    assert [step["number"] for step in log["steps"]] == list(range(1, 13))
    assert {step["status"] for step in log["steps"]} == {"done"}
    assert all(step["peak_memory_mb"] > 10 for step in log["steps"])
    assert str(PROJECT_ROOT) not in text


def test_second_run_skips_every_step_and_leaves_the_tables(demo):
    folder, _ = demo
    before = [(folder / "results" / table).read_bytes() for table in TABLES]
    output = finish(start(folder))
    assert output.count("skipped, nothing has changed") == 12
    assert [(folder / "results" / table).read_bytes() for table in TABLES] == before


@pytest.mark.slow
@pytest.mark.parametrize("kill_after_s", [8, 30, 45, 60])
def test_killed_and_started_again_ends_with_the_same_tables(demo, tmp_path, kill_after_s):
    process = start(tmp_path)
    time.sleep(kill_after_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finish(start(tmp_path))
    for table in TABLES:
        again = pd.read_csv(tmp_path / "results" / table)
        pd.testing.assert_frame_equal(again, pd.read_csv(demo[0] / "results" / table))


def test_dry_run_prints_commands_and_does_nothing(tmp_path, capsys):
    arguments = ["--dry-run", "--results", str(tmp_path / "r")]
    assert reproduce.main([*arguments, "--only", "1", "2", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "# step 1: models",
        "# step 2: data sets",
        "# step 5: training",
    ]
    assert "python download_datasets.py -l TAU,URBAN-SOUND-8K,SONYC-UST --output" in lines[3]
    assert lines[5].count(" -s ") == 10  # five models of the paper for each classifier
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--only", "13"], "there is no step 13"),
        (["--from-step", "0"], "there is no step 0"),
        (["--from-step", "5", "--to-step", "4"], "--from_step 5 comes after --to_step 4"),
        (["--demo", "--demo_size", "0"], "--demo_size must be a number above 0, not 0"),
        (["--demo", "--demo_size", "nan"], "--demo_size must be a finite number"),
    ],
)
def test_impossible_arguments(capsys, arguments, message):
    assert reproduce.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_too_little_disk_is_said_before_anything_starts(tmp_path, monkeypatch, capsys):
    import shutil

    usage = shutil.disk_usage(tmp_path)._replace(free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    work = str(tmp_path / "work")
    assert reproduce.main(["--demo", "--demo_work", work, "--results", work]) == 1
    assert "0.1 GB are free, a run from the beginning takes about 1 GB" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_it_says_first_what_it_will_do_and_for_how_long():
    whole = Reproduction(demo=True)
    lines = forecast(whole, steps_of(whole)).splitlines()
    assert "15 min in all" in lines[0] and len(lines) == 13
    assert lines[5] == "  5 training: 740 s"
    quick = Reproduction(demo=True, quick=True, demo_size=0.05, demo_epochs=1)
    chosen = [step for step in steps_of(quick) if step.number in QUICK_SECONDS]
    assert forecast(quick, chosen).splitlines()[:2] == [
        "the quick demo's steps; 39 s in all on two cores, by step:", "  2 data sets: 10 s",
    ]  # fmt: skip
    small = Reproduction(demo=True, demo_size=0.05)
    assert "no times are known" in forecast(small, chosen)
    paper = Reproduction()
    assert "hours to days" in forecast(paper, steps_of(paper))


def test_seconds_of_the_forecast_are_those_of_the_shown_demo():
    log = json.loads((PROJECT_ROOT / "results" / "run_log.json").read_text())
    assert [round(step["seconds"]) for step in log["steps"]] == list(DEMO_SECONDS.values())


@pytest.mark.slow
def test_the_quick_demo_takes_a_minute_and_says_that_it_is_a_trial(tmp_path):
    folders = ("--demo_work", tmp_path / "work", "--results", tmp_path / "results")
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, PROJECT_ROOT / "reproduce.py", "--demo", "--quick", *folders],
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the quick demo's steps; 39 s in all")
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert ended.ru_utime - began.ru_utime < 90  # 48 s of one thread where it was measured
    assert "a trial of the programs" in (tmp_path / "results" / "report.html").read_text()
