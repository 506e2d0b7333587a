"""Side-by-side timing: two ways in turn, so that a noisy machine treats both alike."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable


def seconds_each(*functions: Callable[[], object], repeats: int = 7) -> list[float]:
    """Median wall time of each function in seconds; they run in turn, after one warm-up."""
    times: list[list[float]] = [[] for _ in functions]
    for round_number in range(repeats + 1):
        for function, measured in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            if round_number:
                measured.append(time.perf_counter() - start)
    return [statistics.median(measured) for measured in times]


def peak_memory_mb(code: str) -> float:
    """How far ``code`` raises the memory of a fresh process at its peak, in MB (Linux only).

    ``code`` sets up, then calls ``start()``, then does what is measured.
    """
    script = f"""
from pathlib import Path
def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
def start():
    global before
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the imports
    before = peak()
{code}
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(done.stdout.split()[-1])
