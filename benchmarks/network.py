"""A network of sensors on one process, on workers, and with workers and the scheduler killed.

Run it from the project folder: python -m benchmarks.network

Writes a synthetic network (Parquet, levels every 125 ms with time stamps), classifies it by
classify_third_octave.py in each way, and compares the folders of results byte for byte with those
of one process. Speeds are given by wall time and by processor time, which other programs on the
machine change less; memory is the peak of the largest process.
"""

import contextlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from transcoder.cli import Parser, reports_errors

WAYS = ("alone", "local:1", "local:2", "local:4", "worker killed", "scheduler killed", "resumed")
_KILL_AFTER = 0.3  # of the tasks


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=20)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=600, help="of each day")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, metavar="WAY")
    parser.add_argument("--folder", type=Path, help="of the network and results, which are kept")
    parser.add_argument(
        "options",
        nargs="*",
        default=["--groups", "tvb"],
        help="after --: of classify_third_octave.py",
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    with contextlib.ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        network = folder / "network"
        if not network.exists():
            write_network(network, args.sensors, args.days, args.seconds)
        tasks = len(list(network.rglob("*.parquet")))
        print(f"{tasks} tasks of {args.seconds} s")
        print("| way | s/s of wall time | s/s of processor time | peak memory | same as alone |")
        print("| --- | --- | --- | --- | --- |")
        for way in args.ways:
            output = folder / way.replace(":", "_").replace(" ", "_")
            shutil.rmtree(output, ignore_errors=True)
            measured = _measured(lambda w=way, o=output: _run(w, network, o, tasks, args.options))
            signal_s = tasks * args.seconds
            print(
                f"| {way} | {signal_s / measured['wall_s']:.0f} | "
                f"{signal_s / measured['cpu_s']:.0f} | {measured['peak_mb']:.0f} MB | "
                f"{_same(folder / 'alone', output)} |",
                flush=True,
            )
    return 0


def write_network(folder: Path, n_sensors: int, n_days: int, seconds: int) -> None:
    """A folder for each sensor, a file for each day: levels that change from second to second."""
    import numpy as np
    import pandas as pd

    from archives.columns import NOMINAL_HZ

    rng = np.random.default_rng(0)
    names = [f"{hz:g}" for hz in NOMINAL_HZ]
    slope = np.linspace(0, -25, len(names))
    for sensor in range(n_sensors):
        for day in range(n_days):
            shape = (seconds, len(names))
            levels = slope + rng.normal(0, 6, shape).repeat(8, axis=0)
            levels += rng.normal(0, 2, levels.shape)
            date = pd.Timestamp("2026-03-29") + pd.Timedelta(days=day)
            frame = pd.DataFrame(levels.round(1).astype(np.float32), columns=names)
            frame.insert(0, "time", pd.date_range(date, periods=len(frame), freq="125ms"))
            path = folder / f"sensor{sensor:03d}" / f"{date:%Y-%m-%d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.to_parquet(path, index=False)


def _run(way: str, network: Path, output: Path, tasks: int, options: list[str]) -> None:
    """Classify the network in this way."""
    command = [sys.executable, "classify_third_octave.py", network, "--output", output]
    command += ["--db_offset", "0", *options]
    after = int(tasks * _KILL_AFTER)
    if way == "alone":
        _finish(_start(command))
    elif way.startswith("local:"):
        _finish(_start([*command, "--cluster", way]))
    elif way == "worker killed":
        job = _start([*command, "--cluster", "local:2"])
        _wait_for_tasks(job, output, after)
        victim = next(p for p in _below(job.pid) if "spawn_main" in " ".join(p.cmdline()))
        victim.kill()
        _finish(job)
    elif way == "resumed":
        job = _start(command)
        _wait_for_tasks(job, output, after)
        job.kill()
        job.wait()
        _finish(_start(command))
    else:
        _kill_scheduler(command, output, after)


def _kill_scheduler(command: list, output: Path, after: int) -> None:
    """Two workers at a scheduler; both take their places again after the scheduler is killed."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    started = []

    def start_site() -> None:
        started.append(_start([*dask, "scheduler", "--port", port, "--host", "127.0.0.1"]))
        time.sleep(3)
        for _ in range(2):
            started.append(_start([*dask, "worker", address, "--nthreads", 1,
                                   "--memory-limit", 0]))  # fmt: skip

    start_site()
    job = _start([*command, "--cluster", address])
    _wait_for_tasks(job, output, after)
    started[0].send_signal(signal.SIGKILL)
    for process in started:
        process.wait()  # the workers leave with their scheduler
    start_site()
    _finish(job)
    for process in started[-3:]:
        process.terminate()
        process.wait()


def _start(command: list) -> subprocess.Popen:
    return subprocess.Popen(
        [str(a) for a in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def _finish(job: subprocess.Popen) -> None:
    _, errors = job.communicate()
    if job.returncode:
        raise RuntimeError(errors.decode()[-2000:])


def _wait_for_tasks(job: subprocess.Popen, output: Path, count: int) -> None:
    while len(list((output / "reports").rglob("*.json"))) < count:
        if job.poll() is not None:
            raise RuntimeError(f"ended before {count} tasks were done")
        time.sleep(0.05)


def _below(pid: int) -> list:
    import psutil

    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def _measured(work: Callable[[], None]) -> dict[str, float]:
    """Wall and processor time of ``work``'s processes, and the peak memory of the largest."""
    import os

    import psutil

    peak = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.2):
            for process in _below(os.getpid()):
                with contextlib.suppress(psutil.Error):
                    peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    try:
        work()
    finally:
        ended.set()
        watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": time.perf_counter() - start,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_mb": peak / 1e6,
    }


def _same(first: Path, second: Path) -> str:
    """Whether two folders hold the same files, byte for byte."""
    one, other = (
        {path.relative_to(folder): path.read_bytes()
         for path in folder.rglob("*") if path.is_file()}
        for folder in (first, second)
    )  # fmt: skip
    different = sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())
    return f"no: {different} of {len(one)} files differ" if different else f"yes ({len(one)} files)"


if __name__ == "__main__":
    sys.exit(main())
