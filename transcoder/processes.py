"""Work in several processes, which end with us."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_SET_PARENT_DEATH_SIGNAL = 1  # of Linux's prctl


def end_with_parent() -> None:
    """In a process just started: be terminated when the one that started it ends, however.

    For `subprocess.Popen(preexec_fn=...)` and the ``initializer`` of pools. Elsewhere than on
    Linux it does nothing: there, what was started outlives a parent that was killed.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # it went in between
        os.kill(os.getpid(), signal.SIGTERM)


def map_all(
    function: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int, desc: str, unit: str
) -> list[Result]:
    """``[function(job) for job in jobs]`` under one progress bar; the first exception ends it."""
    from tqdm import tqdm

    if workers == 1 or len(jobs) < 2:
        return [function(job) for job in tqdm(jobs, desc=desc, unit=unit)]
    # spawn: forking a process that holds threads (torch, progress bars) can hang
    context = multiprocessing.get_context("spawn")
    n_workers = min(workers, len(jobs))
    with ProcessPoolExecutor(n_workers, context, initializer=end_with_parent) as pool:
        futures = [pool.submit(function, job) for job in jobs]
        try:
            for done in tqdm(as_completed(futures), total=len(jobs), desc=desc, unit=unit):
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]
