"""The command line that the two experiments share."""

import itertools
import logging
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from doce_program import STEPS, Program

from doce_plans.export import FORMATS
from doce_plans.records import record_path
from transcoder.locks import only_run


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


def test_lists(program, capsys):
    assert program("-s", "second/step=train", "-l") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "step=train+net=cnn+width=1"
    assert len(lines) == 4
    assert program("-s", "{'net':'cnn'}", "-l") == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "step=evaluate+net=cnn+epoch=1+width=-99999"
    assert program("-f") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 + 12
    assert lines[0] == "epoch=1+net=cnn+step=evaluate"


def test_several_selectors(program, capsys):
    assert program("-s", "extra/", "-s", "first/step=metric", "-f") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "net=pinv+step=metric"
    assert len(lines) == 5


def test_plans(program, capsys):
    assert program("-p") == 0
    out = capsys.readouterr().out
    parts = re.split(r"^(.*):$", out, flags=re.M)
    assert parts[1::2] == ["Plan first", "Plan second", "Plan extra", "All plans"]
    assert re.search(r"2 +epoch +1 +10", parts[2])
    assert re.search(r"2 +epoch +1 +10 +\*-99999\*", parts[8])
    assert "pinv" not in parts[8]


def test_information_and_version(program, capsys):
    assert program("-i") == 0
    out = capsys.readouterr().out
    assert "second: 12 settings" in out
    assert str(program.folder / "evaluation") in out
    assert program("-v") == 0
    assert "small_exp" in capsys.readouterr().out


def test_compute_runs_in_order_with_own_options(program):
    assert program("-s", "second/net=cnn", "-c", "--values", "3") == 0
    assert [span[0] for span in program.spans] == ["train"] * 2 + ["evaluate"] * 2 + ["metric"] * 2
    assert program.files("model") == [
        "net=cnn+step=train+width=10_weights.npy",
        "net=cnn+step=train+width=1_weights.npy",
    ]
    assert np.load(program.folder / "model" / program.files("model")[0]).shape == (3,)


def test_compute_without_a_plan_name_trains_before_it_evaluates(program):
    assert program("-c") == 0
    assert len(program.calls) == 20
    steps = [step for step, _, _ in program.spans]
    assert steps == ["evaluate"] * 4 + ["metric"] * 4 + [s for s in STEPS for _ in range(4)]


def test_threads_finish_a_step_before_the_next(program):
    inner = program.step
    together = threading.Barrier(2, timeout=20)  # broken unless two steps run at once

    def step(setting, experiment):
        together.wait()
        inner(setting, experiment)

    program.step = step
    assert program("-s", "second/", "-c", "2") == 0
    assert len(program.calls) == 12
    for before, after in itertools.pairwise(STEPS):
        end = max(stop for step, _, stop in program.spans if step == before)
        assert end <= min(start for step, start, _ in program.spans if step == after)


def test_skip_wants_all_outputs(program, caplog):
    caplog.set_level("INFO")
    assert program("-s", "second/step=train", "-c") == 0
    assert program("-s", "second/step=train", "-c", "-S") == 0
    assert program.calls == []
    assert "skipped, it is done: net=cnn+step=train+width=1" in caplog.text
    (program.folder / "loss" / "net=cnn+step=train+width=10_losses.npy").unlink()
    assert program("-s", "second/step=train", "-c", "-S") == 0
    assert program.calls == ["net=cnn+step=train+width=10"]
    assert program("-s", "second/step=train", "-c") == 0
    assert len(program.calls) == 4


@pytest.mark.parametrize("threads", ["1", "2"])
def test_failure_stops(program, threads):
    program.fails = {"net=cnn+step=train+width=1"}
    with pytest.raises(ValueError, match="no luck"):
        program("-s", "second/", "-c", threads)
    assert len(program.calls) < 12
    assert not any("step=evaluate" in call for call in program.calls)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_detached_goes_on_and_reports(program, capsys, threads):
    program.fails = {10}
    assert program("-s", "second/", "-c", threads, "-D") == 1
    assert len(program.calls) == 12
    err = capsys.readouterr().err
    assert "6 of 12 settings failed" in err
    assert "\n  net=mlp+step=metric+width=10: ValueError: no luck\n" in err
    log = (program.folder / "failures.log").read_text()
    assert log.count("ValueError: no luck") == 6
    assert "net=cnn+step=train+width=10\n" in log
    program.fails = set()
    assert program("-s", "second/", "-c", "-D") == 0


def test_a_setting_that_another_run_computes_is_refused(program, capsys):
    setting = program.experiment.setting("extra", step="metric", net="pinv")
    with only_run(record_path(setting, program.experiment)):
        assert program("-s", "extra/", "-c") == 1
    assert "another run is writing there (process" in capsys.readouterr().err
    assert program.calls == []
    assert program("-s", "extra/", "-c") == 0 and len(program.calls) == 1
    assert not [path for path in program.folder.rglob(".*")]


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ([], ""),
        (["d"], "net=cnn+step=train+width=10"),
        (["m"], "[0, 0, 1]"),
        (["dm"], "net=cnn+step=train+width=10 [0, 0, 1]"),
    ],
)
def test_progress(program, capsys, mode, shown):
    assert program("-s", "second/step=train+net=cnn", "-c", "-P", *mode) == 0
    err = capsys.readouterr().err
    assert "2/2" in err
    assert shown in err


def test_no_bar_unless_asked(program, capsys):
    assert program("-s", "second/step=train", "-c") == 0
    assert "4/4" not in capsys.readouterr().err


def test_display_and_export(program, capsys):
    assert program("-s", "second/", "-c") == 0
    capsys.readouterr()
    assert program("-s", "second/", "-d", "-e", "mine") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("Displayed data generated from ")
    assert out[1].strip() == "step: metric"
    assert out[2].split() == ["net", "width", "score", "+"]
    assert program.files("export") == sorted(f"mine.{extension}" for extension in FORMATS)
    assert str(program.folder / "export" / "mine.png") in out
    assert program("-s", "second/", "-d", "net:score", "-e", ".csv") == 0
    text = (program.folder / "export" / "small_exp.csv").read_text()
    assert text.splitlines()[0] == "width,cnn,mlp"
    assert program("-s", "second/", "-d", "[0]", "-e") == 0
    assert len([name for name in program.files("export") if name.startswith("small_exp")]) == len(
        FORMATS
    )


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        ([], 2, "nothing to do"),
        (["-s", "second/"], 2, "nothing to do"),
        (["-s", "secnd/", "-c"], 2, "did you mean second?"),
        (["-s", "{'epoch':1,'width':1}", "-c"], 2, "no plan has such a setting"),
        (["-e", "x.png"], 2, "give -d too"),
        (["-d", "-e", "x.doc"], 2, "unknown format 'doc'"),
        (["-c", "-d", "-e", "x.doc"], 2, "unknown format 'doc'"),
        (["-d"], 1, "none of the 20 settings has a file for score"),
        (["-A", "model"], 2, "no path 'archive'"),
        (["-R", "modle"], 2, "no path 'modle': there are export, model"),
    ],
)
def test_bad_calls_say_so_in_one_line(program, capsys, argv, status, message):
    assert program(*argv) == status
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert program.calls == []


@pytest.mark.parametrize(
    "argv",
    [["-R"], ["-K"], ["-A"], ["-c", "0"], ["-c", "x"], ["-P", "x", "-c"], ["-R", "a", "-K", "a"]],
)
def test_argparse_refuses(program, argv):
    with pytest.raises(SystemExit) as raised:
        program(*argv)
    assert raised.value.code == 2


def test_verbose_shows_what_the_project_logs_in_detail(program, caplog):
    inner = program.step

    def step(setting, experiment):
        logging.getLogger("exp_train_model.trying").debug("detail of %s", setting.step)
        inner(setting, experiment)

    program.step = step
    try:
        assert program("-s", "second/step=train", "-c", "-V") == 0
    finally:
        for name in ("__main__", "transcoder", "doce_plans", "exp_train_model", "exp_classif_eval"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert "detail of train" in caplog.text


SCRIPT = """\
from exp_train_model.plans import METRICS, PLANS
from doce_plans.command_line import run
from doce_plans.options import build_parser
from doce_plans.experiment import Experiment
e = Experiment('e', 'p', PLANS, METRICS, {'metric': 'metric'}, lambda s, e: [])
"""


def test_help_is_quick_and_complete(tmp_path):
    script = tmp_path / "main.py"
    script.write_text(
        SCRIPT + "import sys\n"
        "parser = build_parser(e)\n"
        "heavy = {'doce', 'numpy', 'pandas', 'matplotlib', 'scipy', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "parser.parse_args()\n"
    )
    result = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, check=True
    )
    for option in "clfpivPSDRKAdeVs":
        assert re.search(rf"^ +-{option}[ ,\[]", result.stdout, re.M), option


def test_reader_of_a_pipe_may_leave(tmp_path):
    script = tmp_path / "main.py"
    script.write_text(
        SCRIPT + "raise SystemExit(run(e, None, build_parser(e).parse_args(['-f'])))\n"
    )
    result = subprocess.run(
        f"{sys.executable} {script} | head -n 1", shell=True, capture_output=True, text=True
    )
    assert result.stdout.startswith("classifier=YamNet")
    assert result.stderr == ""
