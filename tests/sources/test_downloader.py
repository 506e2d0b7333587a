"""One file, interrupted in every way: each case ends in the right file."""

import errno
import gzip
import hashlib
import random
import subprocess
import sys
import threading
import time

import misbehaving_server as server_that
import pytest
from single_download import CONTENT, PATH, assert_right

from sources import pace
from sources.downloader import Downloader, DownloadError, DownloadStopped
from sources.part_file import opened_part
from transcoder.errors import UserError
from transcoder.files import PROJECT_ROOT

pytest_plugins = ["download_fixtures"]


def test_good_server(server, fetch, target):
    fetch()
    assert_right(target)
    assert fetch.pauses_s == []
    [(_, headers)] = server.requests
    assert "spectral-transcoder" in headers["User-Agent"]
    assert "https://" in headers["User-Agent"]
    assert headers["Accept-Encoding"] == "identity"
    assert "Range" not in headers


@pytest.mark.parametrize("seed", range(5))
def test_connection_cut_at_random_places(server, fetch, target, seed):
    rng = random.Random(seed)
    server.behave(PATH, *(server_that.cut_after(rng.randrange(20_000, 60_000)) for _ in range(4)))
    fetch()
    assert_right(target)
    starts = [int(r[6:-1]) for r in server.ranges(PATH)[1:]]
    assert len(starts) == 4
    assert starts == sorted(starts)
    assert starts[0] > 0


def test_any_number_of_cuts_is_survived_while_bytes_arrive(server, fetch, target):
    server.behave(PATH, *[server_that.cut_after(20_000)] * 14)
    fetch()
    assert_right(target)
    assert set(fetch.pauses_s) == {1}


def test_cuts_before_the_first_byte(server, fetch, target):
    server.behave(PATH, *[server_that.cut_after(0)] * 3)
    fetch()
    assert_right(target)
    assert fetch.pauses_s == [1, 2, 4]


def test_no_answer_at_all(server, fetch, target):
    server.behave(PATH, server_that.hang_up, server_that.hang_up)
    fetch()
    assert_right(target)
    assert fetch.pauses_s == [1, 2]


def test_stalled_connection(server, fetch, target):
    server.behave(PATH, server_that.stall)
    fetch()
    assert_right(target)


def test_earlier_part_is_continued(server, fetch, target, part):
    part.write_bytes(CONTENT[:100_000])
    fetch()
    assert_right(target)
    assert server.ranges(PATH) == ["bytes=100000-"]


def test_200_to_a_range_starts_over(server, fetch, target, part):
    part.write_bytes(CONTENT[:100_000])
    server.behave(PATH, server_that.whole)
    fetch()
    assert_right(target)
    assert len(server.requests) == 1


def test_server_without_ranges_that_always_cuts(server, fetch, target):
    server.behave(PATH, *[server_that.cut_after(50_000, ranges=False)] * 50)
    with pytest.raises(DownloadError, match=r"gave up after 8 tries"):
        fetch()
    assert not target.exists()


def test_complete_part_of_known_size_is_verified_without_a_request(server, fetch, target, part):
    part.write_bytes(CONTENT)
    fetch()
    assert_right(target)
    assert server.requests == []


def test_416_on_a_complete_part_of_unknown_size(server, fetch, target, part):
    part.write_bytes(CONTENT)
    fetch(size=None)
    assert_right(target)
    assert server.ranges(PATH) == ["bytes=300000-"]


def test_416_without_content_range(server, fetch, target, part):
    part.write_bytes(CONTENT)
    server.behave(PATH, server_that.status(416))
    fetch(size=None)
    assert_right(target)


def test_416_on_a_complete_but_wrong_part_starts_over(server, fetch, target, part):
    part.write_bytes(CONTENT[:-1] + b"?")
    fetch(size=None)
    assert_right(target)
    assert server.ranges(PATH) == ["bytes=300000-", None]


def test_416_on_an_unfinished_part_starts_over(server, fetch, target, part):
    part.write_bytes(CONTENT[:1000])
    server.behave(PATH, server_that.status(416))
    fetch()
    assert_right(target)
    assert server.ranges(PATH) == ["bytes=1000-", None]


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_part_longer_than_the_file_starts_over(server, fetch, target, part, size):
    part.write_bytes(CONTENT + b"more")
    fetch(size=size)
    assert_right(target)


def test_damaged_part_is_noticed_and_fetched_anew(server, fetch, target, part):
    part.write_bytes(b"\0" * 100_000)
    fetch()
    assert_right(target)
    assert server.ranges(PATH) == ["bytes=100000-", None]


@pytest.mark.parametrize(
    "behaviour",
    [
        server_that.partial(50),
        server_that.partial(0),
        server_that.partial(1000, content_range="nonsense"),
    ],
    ids=["elsewhere", "from the start", "no range"],
)
def test_206_with_other_bytes_than_asked_for(server, fetch, target, part, behaviour):
    part.write_bytes(CONTENT[:1000])
    server.behave(PATH, behaviour)
    fetch()
    assert_right(target)


def test_206_with_fewer_bytes_than_asked_for(server, fetch, target, part):
    part.write_bytes(CONTENT[:1000])
    server.behave(PATH, server_that.partial(1000, n_bytes=500))
    fetch()
    assert_right(target)
    assert server.ranges(PATH) == ["bytes=1000-", "bytes=1500-"]


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_chunked_answer(server, fetch, target, size):
    server.behave(PATH, server_that.chunked)
    fetch(size=size)
    assert_right(target)


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_cut_chunked_answer_is_continued(server, fetch, target, size):
    server.behave(PATH, lambda handler, body: server_that.chunked(handler, body, 7000))
    fetch(size=size)
    assert_right(target)


def test_compressed_answer_that_nobody_asked_for(server, fetch, target):
    packed = gzip.compress(CONTENT)
    server.behave(
        PATH,
        lambda handler, _: server_that.send(handler, 200, packed, {"Content-Encoding": "gzip"}),
    )
    fetch()
    assert_right(target)


def test_disk_full_in_mid_file(server, fetch, target, part, monkeypatch):
    class FullDisk:
        def __init__(self, handle):
            self._handle = handle

        def write(self, block):
            if self._handle.tell() + len(block) > 100_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._handle.write(block)

        def __getattr__(self, name):
            return getattr(self._handle, name)

    real_append = Downloader._append
    monkeypatch.setattr(pace, "_BLOCK_BYTES", 30_000)
    with monkeypatch.context() as patch:
        patch.setattr(
            Downloader,
            "_append",
            lambda self, blocks, start, total, most, handle, report: real_append(
                self, blocks, start, total, most, FullDisk(handle), report
            ),
        )
        with pytest.raises(DownloadError, match=r"disk is full.*90000 bytes so far"):
            fetch()
    assert not target.exists()
    assert len(server.requests) == 1
    fetch()  # room was made
    assert_right(target)
    assert server.ranges(PATH)[1] == "bytes=90000-"


def test_two_processes_do_not_write_one_file(server, fetch, target, part):
    with opened_part(part), pytest.raises(UserError, match="another process is fetching"):
        fetch()
    fetch()
    assert_right(target)


def test_stop_ends_a_running_fetch_and_keeps_the_part(server, fetch, target, part):
    stop = threading.Event()
    server.behave(PATH, server_that.slowly(0.02))
    fetch.downloader = Downloader(stop=stop)
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(DownloadStopped):
        fetch()
    assert time.monotonic() - began < 5
    assert not target.exists()


def test_kill_in_mid_download_then_resume(server, fetch, target, part):
    server.behave(PATH, server_that.slowly(0.02))
    program = f"""
import hashlib, sys
from pathlib import Path
from sources import downloader, pace
from sources.checksums import Checksum
from sources.table import RemoteFile, Source
pace._BLOCK_BYTES = 4096
source = Source("test", "folder", ("{server.url}/{{name}}",), "", "", "")
checksum = Checksum("md5", "{hashlib.md5(CONTENT).hexdigest()}")
file = RemoteFile(source, "weights.bin", {len(CONTENT)}, {len(CONTENT)}, checksum)
downloader.Downloader().fetch(file, Path(sys.argv[1]))
"""
    root = PROJECT_ROOT
    process = subprocess.Popen([sys.executable, "-c", program, str(target)], cwd=root)
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > 20_000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    there = part.stat().st_size
    assert 0 < there < len(CONTENT)
    assert part.read_bytes() == CONTENT[:there]
    assert not target.exists()
    fetch()
    assert_right(target)
    assert server.ranges(PATH) == [None, f"bytes={there}-"]
