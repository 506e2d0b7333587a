"""What a server's answer to "the rest of this file, please" means.

The rules follow how Zenodo and GitHub behave: a 200 to a Range request carries the whole file, a
416 says that nothing lies behind the bytes asked for, and Retry-After counts on 429 and 503 only
(Zenodo sends it with successes too).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import requests

from sources.checksums import ChecksumError

LONGEST_WAIT_S = 600
"""A server that asks for a longer pause is tried again by the user, not by us."""

_NUMBER = "[0-9]{1,18}"  # of bytes, in a header; longer ones are none

_WAITING_STATUSES = (429, 503)
_PASSING_STATUSES = (408, 500, 502, 504)


class TryAgain(Exception):
    """The request failed in a way that may pass.

    ``retry_after_s`` is the pause the server asked for, if any; ``start_over`` says that the bytes
    there so far cannot be continued.
    """

    def __init__(
        self, reason: str, retry_after_s: float | None = None, start_over: bool = False
    ) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.start_over = start_over


class FinalAnswer(Exception):
    """This server will not give the file, however often it is asked."""


@dataclass(frozen=True)
class Body:
    """The bytes that follow an answer's headers."""

    start: int  # position of the first byte in the file
    total: int | None  # size of the whole file, if the server tells


def interpret(response: requests.Response, there: int, size: int | None) -> Body | None:
    """Read the status and headers of the answer to a request for the bytes from ``there`` on.

    Parameters
    ----------
    there
        Bytes of the file that are on disk; the request had a Range header if it is not 0.
    size
        Published size of the file, if known.

    Returns
    -------
    What follows; None if the server says that nothing is missing.

    Raises
    ------
    TryAgain, FinalAnswer, ChecksumError
    """
    status = response.status_code
    if status == 200:
        body = Body(0, _content_length(response))
    elif status == 206:
        body = _partial_body(response, there)
    elif status == 416 and there:
        return _nothing_behind(response, there, size)
    elif status in _WAITING_STATUSES:
        raise TryAgain(f"the server answers {status}", _retry_after_s(response))
    elif status in _PASSING_STATUSES:
        raise TryAgain(f"the server answers {status}")
    else:
        raise FinalAnswer(f"the server answers {status} {response.reason}")
    if size is not None and body.total is not None and body.total != size:
        raise wrong_size(size, str(body.total))
    return body


def wrong_size(expected: int, found: str) -> ChecksumError:
    """The error for a server that has another file than the published one."""
    return ChecksumError(f"expected {expected} bytes, the server sends {found}")


def classify(error: requests.RequestException) -> TryAgain | FinalAnswer:
    """What a request that brought no or only half an answer means, in a few words."""
    if isinstance(error, requests.exceptions.SSLError):
        return FinalAnswer(f"no trusted connection: {error}")
    if isinstance(error, (requests.TooManyRedirects, ValueError)):  # ValueError: a malformed URL
        return FinalAnswer(str(error))
    if isinstance(error, requests.ReadTimeout):
        return TryAgain("the server does not answer")
    cause = error.args[0] if error.args else error
    reason = getattr(cause, "reason", None)  # of urllib3, once it could not connect
    if reason is not None:
        return TryAgain(f"no connection: {str(reason).partition(': ')[2] or reason}")
    return TryAgain("the connection broke")


def _content_length(response: requests.Response) -> int | None:
    # of a compressed answer it counts the compressed bytes
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return None
    length = response.headers.get("Content-Length", "")
    return int(length) if re.fullmatch(_NUMBER, length) else None


def _partial_body(response: requests.Response, there: int) -> Body:
    content_range = response.headers.get("Content-Range", "")
    match = re.fullmatch(rf"bytes ({_NUMBER})-{_NUMBER}/({_NUMBER}|\*)", content_range.strip())
    if match is None or int(match[1]) != there:
        raise TryAgain(
            f"asked for bytes from {there}, the server sends {content_range!r}", start_over=True
        )
    return Body(there, None if match[2] == "*" else int(match[2]))


def _nothing_behind(response: requests.Response, there: int, size: int | None) -> None:
    total = response.headers.get("Content-Range", "").rpartition("/")[2]
    complete_by_server = int(total) == there if re.fullmatch(_NUMBER, total) else True
    if size is not None or not complete_by_server:
        raise TryAgain(f"the server has no bytes from {there} on", start_over=True)


def _retry_after_s(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]+", text):
        wait_s = float(text)
    else:
        try:
            then = parsedate_to_datetime(text)
        except (TypeError, ValueError, OverflowError):
            return None
        if then.tzinfo is None:
            then = then.replace(tzinfo=timezone.utc)
        wait_s = max(0.0, (then - datetime.now(timezone.utc)).total_seconds())
    if wait_s > LONGEST_WAIT_S:
        raise FinalAnswer(
            f"the server answers {response.status_code} and asks to wait {wait_s / 60:.0f} min: "
            "run the command again then"
        )
    return wait_s
