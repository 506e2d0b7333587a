"""Work on several processes: the same results as on one, whatever dies on the way."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import cluster_functions
import pytest
from archive_data import save_tokens
from fleet_data import write_fleet

import classify_third_octave
from archives.cluster import check_cluster, open_cluster
from transcoder.errors import UsageError, UserError

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    with open_cluster("local:2") as opened:
        yield opened


def run(cluster, function, items) -> list:
    return list(cluster.run(function, items, died=lambda item: f"died: {item}"))


def test_all_is_done_once(cluster):
    assert sorted(run(cluster, cluster_functions.doubled, range(20))) == list(range(0, 40, 2))
    assert run(cluster, cluster_functions.doubled, []) == []


def test_what_a_killed_worker_did_is_done_again(cluster, tmp_path):
    paths = [tmp_path / str(n) for n in range(4)]
    for path in paths[1:]:
        path.touch()
    assert run(cluster, cluster_functions.dies_first, paths) == ["survived"] * 4


def test_what_kills_every_worker_is_given_up(cluster):
    assert run(cluster, cluster_functions.always_dies, ["this"]) == ["died: this"]
    assert run(cluster, cluster_functions.doubled, [1]) == [2]


def test_errors_of_a_worker_are_raised_here(cluster):
    with pytest.raises(UsageError, match="not 'nowhere'"):
        run(cluster, check_cluster, ["nowhere"])
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        run(cluster, cluster_functions.size_of, ["no-such-file"])


@pytest.mark.parametrize("text", ["4", "local:0", "local:x", "tcp://host", "host:8786"])
def test_what_is_no_cluster_is_refused(text):
    with pytest.raises(UsageError, match="local:N or the address"):
        check_cluster(text)


def test_a_scheduler_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr("archives.cluster._CONNECT_S", 0.2)
    address = f"tcp://127.0.0.1:{free_port()}"
    with open_cluster(address) as cluster, pytest.raises(UserError, match="no scheduler answers"):
        run(cluster, cluster_functions.doubled, [1])


def test_a_site_without_the_project_is_said():
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with (
        dask("scheduler", "--port", port, path=""),
        dask("worker", address, path=""),
        open_cluster(address) as cluster,
        pytest.raises(UserError, match="cannot import"),
    ):
        run(cluster, cluster_functions.doubled, [1])


def test_after_the_scheduler_is_killed_another_goes_on():
    port = free_port()
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(dask("scheduler", "--port", port))
        stack.enter_context(dask("worker", f"tcp://127.0.0.1:{port}"))
        cluster = stack.enter_context(open_cluster(f"tcp://127.0.0.1:{port}"))
        results = cluster.run(cluster_functions.slowly, range(8), died=str)
        found = [next(results)]
        scheduler.send_signal(signal.SIGKILL)
        scheduler.wait()
        stack.enter_context(dask("scheduler", "--port", port))
        stack.enter_context(dask("worker", f"tcp://127.0.0.1:{port}"))
        assert sorted(found + list(results)) == list(range(8))


def test_a_network_on_two_processes_and_in_parts_is_that_on_one(tmp_path):
    network = write_fleet(tmp_path / "network")
    save_tokens(tmp_path, "direct")

    def files(name: str, *arguments: str) -> dict[str, bytes]:
        output = tmp_path / name
        given = [network, "--models", tmp_path, "--output", output, "--auto_offset", *arguments]
        assert classify_third_octave.main([str(a) for a in given]) == 0
        paths = (path for path in output.rglob("*") if path.is_file())
        return {str(path.relative_to(output)): path.read_bytes() for path in paths}

    alone = files("alone", "--groups", "tvb")
    assert sum(name.endswith(".parquet") for name in alone) == 3 * 3
    assert sum(name.startswith("reports/") and name.endswith(".json") for name in alone) == 3 * 2
    assert files("cluster", "--groups", "tvb", "--cluster", "local:2") == alone
    for number in range(1, 5):
        parts = files("parts", "--groups", "tvb", "--shard", f"{number}/4")
        assert (parts == alone) == (number == 4)


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


@contextlib.contextmanager
def dask(program: str, *arguments, path: str = os.pathsep.join(sys.path)):
    """A scheduler or a worker as a site starts it, with the tests' modules at hand."""
    common = ("--no-dashboard",)
    common += ("--nthreads", "1") if program == "worker" else ("--host", "127.0.0.1")
    command = [sys.executable, "-m", "dask", program, *map(str, arguments), *common]
    environment = os.environ | {"PYTHONPATH": path}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        if program == "scheduler":
            _wait_for(int(arguments[-1]))
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"no scheduler at port {port}")
