"""The same work on many things, in several processes, with one progress bar."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from tqdm import tqdm

from transcoder.processes import end_with_parent

Job = TypeVar("Job")
Result = TypeVar("Result")


def map_all(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    workers: int,
    desc: str,
    unit: str,
) -> list[Result]:
    """``[function(job) for job in jobs]``; the first exception ends it."""
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
