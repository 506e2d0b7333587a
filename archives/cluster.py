"""The work of a network on several processes or machines, by Dask distributed.

``local:4`` are four processes here; ``tcp://host:8786`` is a scheduler that runs already, with
workers that see the same files under the same paths (``dask worker tcp://host:8786``). What a
worker did that dies is given to another; when the scheduler is lost, what was not done yet is
given to the one that takes its place.
"""

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from transcoder.errors import UsageError, UserError

logger = logging.getLogger(__name__)

_PATIENCE_S = 600  # for a scheduler that was lost
_CONNECT_S = 10
_OTHER_PLACE = (
    "--cluster: the scheduler or a worker cannot import this project: start both where it is "
    "installed"
)
_LOCAL = re.compile(r"local:(\d+)")
_ADDRESS = re.compile(r"(?:tcp|tls|ucx|ws|wss)://\S+:\d+")


def check_cluster(text: str) -> None:
    """Raise `UsageError` unless ``text`` names a cluster."""
    local = _LOCAL.fullmatch(text)
    if (local and 1 <= int(local[1]) <= 1024) or _ADDRESS.fullmatch(text):
        return
    raise UsageError(f"--cluster is local:N or the address of a scheduler, not {text!r}")


class Cluster:
    """Calls functions on workers; see the module."""

    def __init__(self, connect: Callable[[], Any]):
        self._connect = connect

    def run(
        self, function: Callable[[Any], Any], items: Sequence[Any], *, died: Callable[[Any], Any]
    ) -> Iterator[Any]:
        """What ``function`` gives for each of ``items``, as it is there.

        Parameters
        ----------
        died
            What to give for an item on which one worker after another died.

        Raises
        ------
        UserError
            If no scheduler answers, or none for 10 minutes after one was lost. What ``function``
            raises is raised here.
        """
        import distributed

        lost = (distributed.CancelledError, distributed.comm.CommClosedError, OSError)
        pending, patience_s, failed = dict(enumerate(items)), 0, None
        while pending:
            client = self._connected(patience_s)
            try:
                futures = {
                    client.submit(function, item, pure=False): number
                    for number, item in pending.items()
                }
                for future in distributed.as_completed(futures):
                    number = futures[future]
                    # errors of the work, an OSError perhaps, are none of the connection's
                    error = future.exception() if future.status == "error" else None
                    if isinstance(error, distributed.KilledWorker):
                        result = died(pending[number])
                    elif error is not None:
                        failed = error
                        break
                    else:
                        result = future.result()
                    del pending[number]
                    future.release()
                    yield result
            except lost:
                patience_s = _PATIENCE_S
                logger.warning("the scheduler is lost; waiting for it, or another at its address")
            finally:
                with contextlib.suppress(*lost, TimeoutError):
                    client.close(timeout=5)
            if failed is not None:
                raise _told(failed)

    def _connected(self, patience_s: float):
        """A client, as soon as a scheduler answers."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                client = self._connect()
                break
            except OSError as error:
                if time.monotonic() >= deadline:
                    raise UserError(f"--cluster: no scheduler answers: {error}") from None
                time.sleep(1)
        if not client.scheduler_info()["workers"]:
            address = client.scheduler.address
            logger.warning("no workers yet: start some by: dask worker %s --nthreads 1", address)
        return client


def _told(error: BaseException) -> BaseException:
    """What to raise for an error of the work."""
    if isinstance(error, ImportError) or "deserialization of the task graph" in str(error):
        return UserError(_OTHER_PLACE)
    return error


@contextlib.contextmanager
def open_cluster(text: str) -> Iterator[Cluster]:
    """The cluster that ``text`` names; one of this machine ends with the block.

    Raises
    ------
    UserError
        If Dask is not installed.
    """
    try:
        import distributed
    except ImportError:
        raise UserError("--cluster needs Dask: pip install '.[cluster]'") from None
    logging.getLogger("distributed").setLevel(logging.WARNING)
    # a lost scheduler is told of in a line of ours
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    local = _LOCAL.fullmatch(text)
    if local is None:
        yield Cluster(lambda: distributed.Client(text, timeout=_CONNECT_S))
        return
    # memory is bounded by design; a limit would pause workers that are just over it
    with distributed.LocalCluster(
        n_workers=int(local[1]),
        threads_per_worker=1,
        memory_limit=0,
        dashboard_address="localhost:0",
    ) as cluster:
        yield Cluster(lambda: distributed.Client(cluster))
