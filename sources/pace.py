"""Answers that come too slowly are broken off; of those that make no sense it is said."""

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator

import requests
import urllib3

from sources.answers import TryAgain

NO_ANSWER = (urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError, AttributeError)
"""What HTTP's libraries raise on malformed answers, beside requests' own errors."""

_BLOCK_BYTES = 1 << 14  # small: of a block that the connection breaks in, nothing is left


class TooSlow(TryAgain):
    """The server sends, but so little that it would never end."""


class Came:
    """Counts the bytes of an answer; ``is_slow`` once they were too few for too long."""

    def __init__(self) -> None:
        self.n_bytes = 0
        self.is_slow = False


@contextlib.contextmanager
def not_too_slow(response: requests.Response, window_s: float, bytes_s: float) -> Iterator[Came]:
    """Within, the connection is closed if less than ``bytes_s`` come for ``window_s`` seconds.

    A timeout does not do that: it begins again with every byte.

    Raises
    ------
    TooSlow
        In place of what the block raises when the connection is closed under it.
    """
    came, is_over = Came(), threading.Event()

    def watch() -> None:
        before = 0
        while not is_over.wait(window_s):
            if came.n_bytes - before < bytes_s * window_s:
                came.is_slow = True
                _close(response)
                return
            before = came.n_bytes

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield came
    except Exception as error:
        if came.is_slow:
            raise TooSlow(f"the server sends less than {bytes_s / 1000:g} kB/s") from error
        raise
    finally:
        is_over.set()
        watcher.join()


def watched(response: requests.Response, came: Came, look: Callable[[], object]) -> Iterator[bytes]:
    """The blocks of an answer, counted into ``came``; ``look`` is called at each."""
    for block in response.iter_content(_BLOCK_BYTES):
        look()
        came.n_bytes += len(block)
        yield block
    if came.is_slow:
        raise TooSlow("the server sends too slowly")


def _close(response: requests.Response) -> None:
    """End a read that waits in another thread."""
    with contextlib.suppress(Exception):  # it may have ended by itself
        if hasattr(response.raw, "shutdown"):  # urllib3 since 2.3
            response.raw.shutdown()
        else:
            response.close()
