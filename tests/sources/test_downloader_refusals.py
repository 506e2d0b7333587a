"""Servers that refuse, make wait or send something else: right files or clear failures."""

import hashlib
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import misbehaving_server as server_that
import pytest
from single_download import CONTENT, PATH, assert_right

from sources.checksums import Checksum, ChecksumError
from sources.downloader import Downloader, DownloadError

pytest_plugins = ["download_fixtures"]


def test_429_with_retry_after_in_seconds(server, fetch, target):
    server.behave(PATH, server_that.status(429, Retry_After="37"))
    fetch()
    assert_right(target)
    assert fetch.pauses_s == [37]


def test_503_with_retry_after_as_date(server, fetch, target):
    then = datetime.now(timezone.utc) + timedelta(seconds=90)
    server.behave(PATH, server_that.status(503, Retry_After=format_datetime(then, usegmt=True)))
    fetch()
    assert_right(target)
    [pause_s] = fetch.pauses_s
    assert 80 < pause_s <= 90


def test_429_without_retry_after_gets_growing_pauses(server, fetch, target):
    server.behave(PATH, *[server_that.status(429)] * 4)
    fetch()
    assert_right(target)
    assert fetch.pauses_s == [1, 2, 4, 8]


def test_retry_after_of_a_day_fails_at_once(server, fetch, target):
    server.behave(PATH, server_that.status(429, Retry_After="86400"))
    with pytest.raises(DownloadError, match="asks to wait 1440 min: run the command again then"):
        fetch()
    assert fetch.pauses_s == []


def test_retry_after_on_other_answers_is_ignored(server, fetch, target):
    def cut_with_header(handler, content):
        length = {"Content-Length": str(len(content)), "Retry-After": "99"}
        server_that.send(handler, 200, content[:10], length)

    server.behave(PATH, cut_with_header, server_that.status(500, Retry_After="99"))
    fetch()
    assert_right(target)
    assert 99 not in fetch.pauses_s


def test_500s_pass(server, fetch, target):
    server.behave(PATH, *map(server_that.status, (500, 502, 503, 504)))
    fetch()
    assert_right(target)
    assert fetch.pauses_s == [1, 2, 4, 8]


def test_500s_that_do_not_pass(server, fetch, target):
    server.behave(PATH, *[server_that.status(500)] * 100)
    with pytest.raises(DownloadError, match="answers 500; gave up after 8 tries") as caught:
        fetch()
    assert fetch.pauses_s == [1, 2, 4, 8, 16, 32, 60]
    assert str(target) in str(caught.value)
    assert f"fetch {server.url}/weights.bin on another machine" in str(caught.value)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_refusals_are_not_repeated(server, fetch, target, code):
    server.behave(PATH, *[server_that.status(code)] * 9)
    with pytest.raises(DownloadError, match=f"answers {code}"):
        fetch()
    assert len(server.requests) == 1


def test_redirect_loop(server, fetch, target):
    loop = server_that.status(302, Location=PATH)
    server.behave(PATH, *[loop] * 60)
    with pytest.raises(DownloadError, match="redirects"):
        fetch()
    assert fetch.pauses_s == []


def test_unreachable_host_is_given_up_soon(server, fetch, target):
    fetch.urls = ("http://127.0.0.1:9/{name}",)  # the discard port: nobody listens
    with pytest.raises(DownloadError, match=r"no connection.*gave up after 3 tries"):
        fetch()
    assert fetch.pauses_s == [1, 2]


def test_wrong_size_is_seen_before_the_bytes_are_fetched(server, fetch, target):
    server.behave(PATH, server_that.other_content(b"<html>please log in</html>"))
    with pytest.raises(
        DownloadError, match=r"expected 300000 bytes, the server sends 26"
    ) as caught:
        fetch()
    assert "To place it by hand" in str(caught.value)
    assert not target.exists()


def test_endless_answer_is_stopped(server, fetch, target):
    endless = CONTENT * 3
    server.behave(PATH, lambda handler, _: server_that.chunked(handler, endless))
    with pytest.raises(DownloadError, match=r"expected 300000 bytes, the server sends more than"):
        fetch()
    assert list(target.parent.iterdir()) == []


def test_wrong_checksum_names_everything_and_leaves_no_target(server, fetch, target):
    wrong = bytes(len(CONTENT))
    server.behave(PATH, server_that.other_content(wrong))
    with pytest.raises(DownloadError) as caught:
        fetch()
    message = str(caught.value)
    for needed in (
        hashlib.md5(CONTENT).hexdigest(),
        hashlib.md5(wrong).hexdigest(),
        str(target),
        "To place it by hand",
        "https://publisher.org/page",
        "files.csv",
    ):
        assert needed in message
    assert not target.exists()
    fetch()  # the server has mended its ways: the wrong part does not stand in the way
    assert_right(target)


@pytest.mark.parametrize("bad", ["404", "wrong content"])
def test_second_url_takes_over(server, fetch, target, bad):
    server.contents["/mirror/weights.bin"] = CONTENT
    behaviour = (
        server_that.status(404) if bad == "404" else server_that.other_content(CONTENT[::-1])
    )
    server.behave(PATH, behaviour)
    fetch.urls = (server.url + "/{name}", server.url + "/mirror/{name}")
    fetch()
    assert_right(target)


def test_base_url_replaces_the_publishers(server, fetch, target):
    server.contents["/mirror/folder/weights.bin"] = CONTENT
    fetch.downloader = Downloader(server.url + "/mirror/")
    fetch()
    assert_right(target)
    assert [path for path, _ in server.requests] == ["/mirror/folder/weights.bin"]


@pytest.mark.parametrize("algorithm", ["sha256", "git-blob-sha1"])
def test_other_checksums(server, fetch, target, algorithm):
    header = b"blob 300000\0" if algorithm == "git-blob-sha1" else b""
    name = "sha1" if header else "sha256"
    checksum = Checksum(algorithm, hashlib.new(name, header + CONTENT).hexdigest())
    fetch(size=None, checksum=checksum)
    assert_right(target)
    target.write_bytes(CONTENT[1:])
    with pytest.raises(ChecksumError, match=f"expected {algorithm} {checksum.value}"):
        fetch(size=None, checksum=checksum)


def test_git_blob_checksum_is_that_of_git(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    # `echo hello | git hash-object --stdin`
    expected = "ce013625030ba8dba906f756967f9e9ca394464a"
    assert Checksum("git-blob-sha1", expected).of(tmp_path / "hello") == expected


def test_file_placed_by_hand_is_recognised(server, fetch, target, part):
    target.write_bytes(CONTENT)
    fetch()
    assert server.requests == []


def test_wrong_file_placed_by_hand_is_refused_and_kept(server, fetch, target, part):
    target.write_bytes(b"something of the user's")
    with pytest.raises(ChecksumError, match=r"weights.bin is there but.*300000 bytes, found 23"):
        fetch()
    assert target.read_bytes() == b"something of the user's"
    assert server.requests == []
