"""Every command of the pages is run, by a test here or by the demo, or cannot be: and why."""

import contextlib
import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch

import pytest
from doc_pages import PAGES, commands

from transcoder.files import PROJECT_ROOT

COMMANDS = sorted(
    {command for page in PAGES if "tests" not in page.parts for command in commands(page)}
)

RUN = (
    "python reproduce.py --dry_run",
    "python bit_rate_calculation.py",
    "python plot_thirdo_mel_bands_repartition.py",
    "python classify_audio.py street_scene.wav",
)
"""Run in a copy of the project, as typed."""

RUN_LONG = (
    "python classify_third_octave.py audio/sensor_day.parquet --auto_offset --output heard/",
    "python generate_audio.py street_scene.wav",
)
"""The same, slow."""

SHOWN = ("*/main_doce_training.py *", "*/main_doce_score.py *")
"""What they select is listed: running it takes features or hours. The demo runs such ones."""

IN_THE_DEMO = (
    "python reproduce.py --demo*", "python reproduce.py",
    "*create_mel_tho_dataset.py *", "*launch_exp_py.py *", "*export_experiment_results.py*",
    "*plot_training_curve.py*", "*create_logit_dataset.py *", "*export_classification_results.py*",
    "python plot_spectro_dcase2023.py *", "python generate_audio.py street_scene.wav --models *",
)  # fmt: skip
"""Programs that the demo of tests/reproduction/test_reproduce.py runs, on its own folders."""

ELSEWHERE = {
    "python -m venv *": "the gate's own beginning (.ci/run)",
    "pip install *": "the package registries; the gate does it",
    "bash .ci/run": "runs these tests",
    "python -m pytest*": "runs these tests",
    "python download_*": "the publishers' servers; tests/sources has some that misbehave",
    "spectral-transcoder *": "an environment; tests/programs/test_packaging.py makes one",
    "python -m pdoc *": "a folder; test_api.py",
    "python -m benchmarks.*": "minutes to hours on a quiet machine; only their --help is tested",
    "python -m reproduction.showcase": "writes results/ from a demo; only its --help is tested",
    "python tests/helpers/fuzz.py *": "an hour; tests/hostile/test_fuzz.py runs a part",
    "*launch_experiment/test.py *": "features of TAU; tests/exp_train_model/test_launchers.py",
    "python classify_third_octave.py my_archive/ *": "the reader's levels; tests/archives",
    "python classify_third_octave.py network/ *": "the reader's levels; tests/archives",
    "python classify_third_octave.py -": "a stream; tests/archives/test_live.py, test_mqtt.py",
    "python calibrate_presence.py *": "the reader's notes; tests/archives",
    "*build_open_corpus.py *": "Debian's packages (3 GB); tests/open_corpus",
    "*create_open_dataset.py": "Debian's packages (3 GB); tests/open_corpus",
    "python export_model.py *": "a minute of onnx each; tests/exporting",
    "python examples/classify_live.py *": "a stream; tests/exporting/test_example.py",
    "python -m exporting.write_cards": "tests/exporting/test_weights_and_cards.py makes them",
    "*ship_model.py *": "a trained model; tests/hostile/test_small_things.py",
    "python -m open_corpus.*": "the bank of sounds (3 GB); tests/open_corpus",
    "python judging/compare_transcoders.py *": "recordings of others; tests/judging",
}
"""What a command needs that is not here, and which tests stand in for it."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of what git knows, to write into."""
    if not (PROJECT_ROOT / ".git").exists():
        pytest.skip("no checkout")
    copy = tmp_path_factory.mktemp("project")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in listed.split("\0"):
        if name and not name.startswith("tests/") and (PROJECT_ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT_ROOT / name, copy / name)
    return copy


def run(command, folder):
    words = shlex.split(command)
    words[0] = sys.executable
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return done.stdout


@pytest.mark.parametrize("command", RUN)
def test_short_commands_run_as_typed(command, project):
    run(command, project)


@pytest.mark.slow
@pytest.mark.parametrize("command", RUN_LONG)
def test_long_commands_run_as_typed(command, project):
    run(command, project)


def test_no_command_is_left_out():
    kinds = (*RUN, *RUN_LONG, *SHOWN, *IN_THE_DEMO, *ELSEWHERE)
    assert [c for c in COMMANDS if not any(fnmatch(c, kind) for kind in kinds)] == []
    assert [kind for kind in kinds if not any(fnmatch(c, kind) for c in COMMANDS)] == []


def test_the_tests_that_stand_in_are_there():
    named = {path for why in ELSEWHERE.values() for path in re.findall(r"tests/[\w./]+", why)}
    assert len(named) > 5
    assert [path for path in named if not (PROJECT_ROOT / path).exists()] == []


def _programs():
    """Commands of programs of ours: their module and the words after it."""
    for command in COMMANDS:
        words = shlex.split(command)
        if words[0] != "python":
            continue
        if words[1] == "-m":
            if words[2] in ("venv", "pytest", "pdoc"):
                continue
            yield pytest.param(words[2], words[3:], id=command)
        elif words[1] != "tests/helpers/fuzz.py":
            yield pytest.param(words[1][:-3].replace("/", "."), words[2:], id=command)


@pytest.mark.parametrize("module, words", list(_programs()))
def test_programs_understand_their_commands(module, words):
    """Their options are there, with such values; dots stand for what the reader puts in."""
    program = importlib.import_module(module)
    program.build_parser().parse_args(words)


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if any(fnmatch(c, kind) for kind in SHOWN)]
)
def test_selectors_select_something(command, tmp_path):
    words = shlex.split(command)
    script, selector = words[1], words[words.index("-s") + 1]
    program = importlib.import_module(script[:-3].replace("/", "."))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert program.main(["-s", selector, "-l", "--experiment_path", str(tmp_path)]) == 0
    assert "dataset" in said.getvalue()
