"""The runner of the numbered steps: skipping, going on, failing, logging."""

import json
import subprocess
import sys

import pytest

from reproduction.runner import NumberedStep, StepFailed, run_steps

MEGABYTE = 2**20


def write_step(number, source, target, *, code="pass"):
    """A step that runs ``code`` and then copies ``source`` to ``target``."""
    copy = f"{code}; import shutil; shutil.copyfile({str(source)!r}, {str(target)!r})"
    return NumberedStep(
        number, f"copy {number}", (("-c", copy),), reads=(source,), writes=(target,)
    )


@pytest.fixture
def world(tmp_path):
    (tmp_path / "a").write_text("first")
    a, b, c = (tmp_path / name for name in "abc")
    steps = [write_step(1, a, b), write_step(2, b, c)]

    def run(chosen=steps):
        records = run_steps(
            chosen, state_path=tmp_path / "state.json", log_path=tmp_path / "log.json", mode="demo"
        )
        return [record.status for record in records]

    return tmp_path, steps, run


def test_a_second_run_skips_what_is_unchanged(world, capfd):
    folder, _, run = world
    assert run() == ["done", "done"]
    assert (folder / "c").read_text() == "first"
    assert "$ python -c" in capfd.readouterr().out
    assert run() == ["skipped", "skipped"]
    assert capfd.readouterr().out.count("skipped, nothing has changed") == 2


def test_changed_input_runs_what_depends_on_it(world):
    folder, _, run = world
    run()
    (folder / "a").write_text("second, longer")
    assert run() == ["done", "done"]
    assert (folder / "c").read_text() == "second, longer"


def test_removed_or_changed_output_is_made_again(world):
    folder, _, run = world
    run()
    (folder / "c").unlink()
    assert run() == ["skipped", "done"]
    (folder / "c").write_text("meddled with")
    assert run() == ["skipped", "done"]
    assert (folder / "c").read_text() == "first"


def test_changed_settings_run_the_step_again(world):
    folder, steps, run = world
    run()
    assert run([steps[0], write_step(2, folder / "b", folder / "c", code="x = 1")]) == [
        "skipped",
        "done",
    ]


def test_failure_names_the_step_and_keeps_the_earlier_ones(world, capfd):
    folder, steps, run = world
    broken = write_step(2, folder / "b", folder / "c", code="raise SystemExit(3)")
    with pytest.raises(StepFailed, match=r"step 2 \(copy 2\) failed.*finished steps are skipped"):
        run([steps[0], broken])
    assert "ended with status 3" in capfd.readouterr().err
    log = json.loads((folder / "log.json").read_text())
    assert [step["status"] for step in log["steps"]] == ["done", "failed"]
    assert run() == ["skipped", "done"]


def test_log_has_time_memory_and_versions(world):
    folder, *_ = world
    # in a fresh process: a child's peak memory counts what its parent holds at the start
    script = f"""
from pathlib import Path
from reproduction.runner import NumberedStep, run_steps
step = NumberedStep(3, "big", (("-c", "x = bytearray({200 * MEGABYTE})"),))
run_steps([step], state_path=Path("state"), log_path=Path("log.json"), mode="demo")
"""
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    log = json.loads((folder / "log.json").read_text())
    assert log["mode"] == "demo"
    assert {"torch", "git_commit", "device"} <= set(log["provenance"])
    (step,) = log["steps"]
    assert step["command"].startswith("python -c")
    assert 200 < step["peak_memory_mb"] < 300
    assert step["seconds"] > 0


def test_log_keeps_earlier_steps_that_a_run_leaves_out(world):
    folder, steps, run = world
    run(steps[:1])
    run(steps[1:])
    log = json.loads((folder / "log.json").read_text())
    assert [step["number"] for step in log["steps"]] == [1, 2]


@pytest.mark.parametrize("text", ['{"1": ', "[]", "null", "[" * 100_000])
def test_damaged_state_only_means_running_again(world, text):
    folder, _, run = world
    run()
    (folder / "state.json").write_text(text)
    assert run() == ["done", "done"]


@pytest.mark.parametrize(
    "text",
    ["[]", "[" * 100_000, '{"steps": 3}', '{"steps": [1]}', '{"steps": [{"number": 2}]}',
     '{"steps": [{"number": "2", "name": "", "command": ""}]}'],
)  # fmt: skip
def test_a_damaged_log_is_begun_anew(world, text):
    folder, steps, run = world
    (folder / "log.json").write_text(text)
    assert run(steps[:1]) == ["done"]
    log = json.loads((folder / "log.json").read_text())
    assert [step["number"] for step in log["steps"]] == [1]
