"""An HTTP server on this machine that misbehaves exactly as a test tells it to."""

import re
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

Behaviour = Callable[[BaseHTTPRequestHandler, bytes], None]


class MisbehavingServer:
    """Serves ``contents`` well, except where ``behave`` put something else first.

    ``requests`` lists (path, headers) in the order they came.
    """

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._behaviours: dict[str, deque[Behaviour]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "MisbehavingServer":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, *args) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *exc) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def behave(self, path: str, *behaviours: Behaviour) -> None:
        """Answer the next requests for ``path`` so, one each; later ones well again."""
        self._behaviours.setdefault(path, deque()).extend(behaviours)

    def ranges(self, path: str) -> list[str | None]:
        """The Range header of each request for ``path``."""
        return [headers.get("Range") for asked, headers in self.requests if asked == path]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(handler.path).path)
        with self._lock:
            self.requests.append((path, dict(handler.headers)))
            queue = self._behaviours.get(path)
            behaviour = queue.popleft() if queue else well
        try:
            if path in self.contents:
                behaviour(handler, self.contents[path])
            else:
                handler.send_error(404)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client had enough


def send(handler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    """One answer; Content-Length is right unless ``headers`` has another."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def range_start(handler) -> int:
    match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    return int(match[1]) if match else 0


def well(handler, content: bytes) -> None:
    """As a good server: 200, 206 or 416."""
    start = range_start(handler)
    if not start:
        send(handler, 200, content)
    elif start >= len(content):
        send(handler, 416, b"", {"Content-Range": f"bytes */{len(content)}"})
    else:
        content_range = f"bytes {start}-{len(content) - 1}/{len(content)}"
        send(handler, 206, content[start:], {"Content-Range": content_range})


def whole(handler, content: bytes) -> None:
    """200 and everything, also to a Range."""
    send(handler, 200, content)


def status(code: int, **headers: str) -> Behaviour:
    """An error page."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, content: send(handler, code, b"sorry", named)


def cut_after(n_bytes: int, ranges: bool = True) -> Behaviour:
    """Promise the rest of the file, end the connection after ``n_bytes`` of it."""

    def behaviour(handler, content: bytes) -> None:
        start = range_start(handler) if ranges else 0
        rest = content[start:]
        headers = {"Content-Length": str(len(rest))}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        send(handler, 206 if start else 200, rest[:n_bytes], headers)

    return behaviour


def hang_up(handler, content: bytes) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def stall(handler, content: bytes) -> None:
    """Promise the file and send nothing for longer than any test's time limit."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.flush()
    threading.Event().wait(1.0)
    handler.close_connection = True


def chunked(handler, content: bytes, n_bytes: int | None = None) -> None:
    """No Content-Length; with ``n_bytes``, the connection ends before the last chunk."""
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    body = content[:n_bytes]
    handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
    if n_bytes is None:
        handler.wfile.write(b"0\r\n\r\n")
    handler.close_connection = True


def partial(start: int, n_bytes: int | None = None, content_range: str | None = None) -> Behaviour:
    """206 with the bytes from ``start`` on, whatever was asked for."""

    def behaviour(handler, content: bytes) -> None:
        body = content[start:] if n_bytes is None else content[start : start + n_bytes]
        value = content_range or f"bytes {start}-{start + len(body) - 1}/{len(content)}"
        send(handler, 206, body, {"Content-Range": value})

    return behaviour


def other_content(body: bytes) -> Behaviour:
    """200 with another file."""
    return lambda handler, content: send(handler, 200, body)


def slowly(pause_s: float, block_bytes: int = 4096) -> Behaviour:
    """As a good server with a slow line."""

    def behaviour(handler, content: bytes) -> None:
        start = range_start(handler)
        rest = content[start:]
        headers = {"Content-Length": str(len(rest))}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        send(handler, 206 if start else 200, b"", headers)
        for i in range(0, len(rest), block_bytes):
            handler.wfile.write(rest[i : i + block_bytes])
            handler.wfile.flush()
            threading.Event().wait(pause_s)

    return behaviour
