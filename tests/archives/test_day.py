"""A day of levels: the whole program's speed and memory (slow)."""

import subprocess
import sys

import pytest

from transcoder.files import PROJECT_ROOT


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_day_on_the_cpu():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.archive_throughput", "--archive=86400", "--device=cpu"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.split()
    processor_rate = float(words[words.index("processor") - 3])
    peak_mb = float(words[words.index("memory") + 1])
    # of processor time: another program on the machine takes wall time, not this
    assert processor_rate > 150
    assert peak_mb < 1500
