"""What workers of a cluster are asked to do in tests; a module, for it travels by name."""

import os
import signal
import time
from pathlib import Path


def doubled(number: int) -> int:
    return 2 * number


def dies_first(path: Path) -> str:
    """Ends its process without a word the first time, and says so to the next through a file."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def always_dies(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def size_of(path: str) -> int:
    return Path(path).stat().st_size


def slowly(number: int) -> int:
    time.sleep(0.3)
    return number
