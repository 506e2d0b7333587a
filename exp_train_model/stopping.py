"""Leaving in order when the operating system or SLURM asks for it."""

import contextlib
import signal
from collections.abc import Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGINT, *filter(None, [getattr(signal, "SIGUSR1", None)]))
"""SIGUSR1 is what our SLURM scripts send before the time limit."""


class Stopped(BaseException):
    """A signal asked to stop, and what was computed is saved.

    No `Exception`: going on with the next setting after it would be wrong.
    """

    def __init__(self, signal_number: int, message: str) -> None:
        super().__init__(message)
        self.exit_status = 128 + signal_number  # as shells count


class StopRequest:
    """Whether a signal has asked to stop; looked at between batches."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None

    def stop(self, what_is_saved: str) -> None:
        """Raise `Stopped` if a signal has asked to."""
        if self.signal_number is not None:
            name = signal.Signals(self.signal_number).name
            raise Stopped(self.signal_number, f"stopped by {name}: {what_is_saved}")


@contextlib.contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Turn the first signal into a request; a second one ends the program at once.

    To be entered in the main thread.
    """
    request = StopRequest()

    def note(signal_number: int, _frame) -> None:
        request.signal_number = signal_number
        signal.signal(signal_number, previous[signal_number])

    previous = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
