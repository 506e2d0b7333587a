"""Programs import no more than they need before their first line: see `benchmarks.start_up`.

Times are the machine's; what is imported is ours. These packages take half a second and more each.
"""

import subprocess
import sys

import pytest

from benchmarks.start_up import COMMANDS, MISSING
from transcoder.files import PROJECT_ROOT

SLOW_TO_IMPORT = ("sklearn", "scipy.signal", "scipy.stats", "torchvision", "librosa")


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if "main_doce" in c or c.startswith("classify_third")]
)
def test_slow_packages_are_not_loaded_before_the_first_line(command):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command.split()],
        cwd=PROJECT_ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert MISSING in done.stderr
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "torch" in loaded
    assert loaded & set(SLOW_TO_IMPORT) == set()
