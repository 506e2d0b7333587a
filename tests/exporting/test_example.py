"""examples/classify_live.py on a board: no project, and the program's answers all the same."""

import json
import subprocess
import sys

import numpy as np
import pytest
from archive_data import BAND_NAMES, levels, table

import export_model
from transcoder.classifiers import SMALL_YAMNET
from transcoder.files import PROJECT_ROOT

EXAMPLE = PROJECT_ROOT / "examples" / "classify_live.py"

_BLOCKED = """
import runpy, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ImportError(name + " is not on the board")
sys.meta_path.insert(0, Blocked())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module", params=["direct", pytest.param("texture", marks=pytest.mark.slow)])
def method_and_model(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    options = [f"--method={request.param}", f"--classifier_weights={SMALL_YAMNET}"]
    assert export_model.main([str(path), *options]) == 0
    return request.param, path


def on_the_board(model, text, tmp_path, *options) -> list[dict]:
    ours = sorted(p.name for p in PROJECT_ROOT.iterdir() if (p / "__init__.py").is_file())
    blocked = {*ours, "torch", "pandas", "scipy", "onnx", "yaml", "h5py"}
    script = tmp_path / "classify_live.py"
    script.write_bytes(EXAMPLE.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", _BLOCKED.replace("{names}", repr(blocked)), script, model, *options],
        input=text, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_the_program(method, text, *options) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "classify_third_octave.py", "-", f"--method={method}", *options],
        input=text, capture_output=True, text=True, cwd=PROJECT_ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_same(found, wanted):
    assert len(found) == len(wanted)
    for one, two in zip(found, wanted, strict=True):
        assert one["coverage"] == two["coverage"]
        assert one["classes"].keys() == two["classes"].keys()
        for name, value in one["classes"].items():
            assert value == pytest.approx(two["classes"][name], abs=1e-4)


def test_the_same_answers_as_the_program(method_and_model, tmp_path):
    """Twelve seconds and a half: the last one is completed with silence."""
    method, model = method_and_model
    text = table(levels(100))[BAND_NAMES].to_csv(index=False, header=False)
    options = ("--db_offset", "-3.5")
    found = on_the_board(model, text, tmp_path, *options)
    weights = f"--classifier_weights={SMALL_YAMNET}"
    assert_same(found, by_the_program(method, text, weights, *options))
    assert [line["time"] for line in found] == list(map(float, range(13)))


def test_names_times_and_gaps(method_and_model, tmp_path):
    """A header and stamps are understood; behind a gap of 2 s seconds begin anew, as there."""
    method, model = method_and_model
    if method == "texture":
        pytest.skip("its noise goes by the time, and comes again")
    frame = table(levels(60))
    frame["timestamp"] = np.arange(60) / 8
    frame.loc[28:, "timestamp"] += 2
    text = frame.to_csv(index=False)
    found = on_the_board(model, text, tmp_path)
    assert_same(found, by_the_program(method, text))
    assert [line["coverage"] for line in found] == [1, 1, 1, 0.5, 1, 1, 1, 1]


def test_lines_that_cannot_be_read_end_a_second(method_and_model, tmp_path):
    lines = table(levels(32))[BAND_NAMES].to_csv(index=False, header=False).splitlines()
    lines[10] = "what is this?"
    found = on_the_board(method_and_model[1], "\n".join(lines), tmp_path)
    assert [line["coverage"] for line in found] == [1, 0.25, 1, 1, 0.625]
    stamped = [f"{n / 8},{line}" for n, line in enumerate(lines)]
    for stamp in ("yesterday", "nan", "1e999"):
        stamped[10] = f"{stamp},{lines[0]}"
        found = on_the_board(method_and_model[1], "\n".join(stamped), tmp_path)
        assert [line["coverage"] for line in found] == [1, 0.25, 1, 1, 0.625]


def test_what_is_wrong_is_said_in_a_line(tmp_path):
    spoilt = tmp_path / "spoilt.onnx"
    spoilt.write_text("junk")
    for model, options in ((tmp_path / "none.onnx", ()), (spoilt, ()), (spoilt, ("--top_k", "0"))):
        done = subprocess.run(
            [sys.executable, EXAMPLE, model, *options], input="", capture_output=True, text=True
        )
        assert done.returncode in (1, 2)
        assert "error: " in done.stderr and "Traceback" not in done.stderr
