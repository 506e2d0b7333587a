"""Servers that never end, hardly send, or talk nonsense: one line each."""

import socket
import threading
import time

import pytest
from misbehaving_server import send
from single_download import PATH, assert_right

from sources.downloader import Downloader, DownloadError

pytest_plugins = ["download_fixtures"]


def dripping(handler, content) -> None:
    """20 bytes a second: a timeout never comes."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    for place in range(100):
        handler.wfile.write(content[place : place + 1])
        time.sleep(0.05)


def test_drip_is_given_up(server, fetch, target):
    pauses = []
    fetch.downloader = Downloader(timeout_s=(2, 2), slow_for_s=0.2, wait=pauses.append)
    server.behave(PATH, *[dripping] * 20)
    with pytest.raises(DownloadError, match=r"less than 1 kB/s; gave up after 8 tries"):
        fetch()
    assert len(pauses) == 7
    assert not target.exists()


def test_slow_stretch_is_survived(server, fetch, target):
    fetch.downloader = Downloader(timeout_s=(2, 2), slow_for_s=0.2, wait=lambda seconds: None)
    server.behave(PATH, dripping)
    fetch()
    assert_right(target)


@pytest.mark.parametrize("is_chunked", [True, False])
def test_endless_answer_without_a_published_size(server, fetch, target, is_chunked):
    def endless(handler, content) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(content)

    def long(handler, content) -> None:
        send(handler, 200, content, {"Content-Length": "999999999999"})

    server.behave(PATH, endless if is_chunked else long)
    with pytest.raises(DownloadError, match=r"expected 1600000 bytes, the server sends"):
        fetch(size=None)  # its estimate is 300,000
    assert list(target.parent.iterdir()) == []


NONSENSE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nx",
    "range": b"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-9/" + b"9" * 5000 + b"\r\n\r\nx",
    "behind": b"HTTP/1.1 416 No\r\nContent-Range: bytes */" + b"9" * 5000 + b"\r\n\r\n",
    "negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n",
    "chunk of words": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\nabc\r\n",
    "bad port": b"HTTP/1.1 302 Found\r\nLocation: http://host:notaport/x\r\n\r\n",
    "bad host": b"HTTP/1.1 302 Found\r\nLocation: http://[::1/x\r\n\r\n",
    "bad scheme": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
    "no bytes": b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n",
    "wait": b"HTTP/1.1 429 No\r\nRetry-After: " + b"9" * 5000 + b"\r\n\r\n",
    "date": b"HTTP/1.1 429 No\r\nRetry-After: Mon, 99 Foo 99999 99:99:99 GMT\r\n\r\n",
    "status": b"HTTP/1.1 abc\r\n\r\n",
    "nothing": b"\0" * 1000,
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_one_line(fetch, target, answer):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(16)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    fetch.urls = (f"http://127.0.0.1:{server.getsockname()[1]}/{{name}}",)
    with pytest.raises(DownloadError) as caught:
        fetch(size=None)
    assert "\n" not in str(caught.value)
    assert not target.exists()
    is_over.set()
    server.close()
