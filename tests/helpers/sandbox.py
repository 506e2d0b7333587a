"""Runs one attack in a process of its own, with bounds, and says how it ended."""

import contextlib
import ctypes
import io
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

MOST_BYTES = 2 << 30
MOST_CPU_S = 10
_MOST_WALL_S = 120  # on a machine that others use too; what waits for ever is found by it

GOOD = ("right", "refused")
BAD = ("traceback", "hang", "memory", "crash", "wrong")


@dataclass(frozen=True)
class Outcome:
    """How an attack ended: one of `GOOD` or `BAD`, and what there is to see."""

    kind: str
    text: str


class WrongResult(Exception):
    """Raised by a check within the attack."""


def attack(
    run: Callable[[], int], *, most_bytes: int = MOST_BYTES, most_cpu_s: int = MOST_CPU_S
) -> Outcome:
    """Run a program's ``main`` in a forked process: exit status 0 is right, others are refusals.

    The process may take ``most_bytes`` more than it starts with and ``most_cpu_s`` of CPU; a
    refusal for want of memory counts as "memory": what is wrong should have been said before.
    """
    reader, writer = os.pipe()
    sys.stdout.flush(), sys.stderr.flush()
    child = os.fork()
    if not child:
        os.close(reader)
        _be_the_child(run, writer, most_bytes, most_cpu_s)
    os.close(writer)
    text = _collected(reader, child, _MOST_WALL_S + 12 * (most_cpu_s - MOST_CPU_S))
    _, status = os.waitpid(child, 0)
    return _outcome(status, text)


def _be_the_child(run: Callable[[], int], writer: int, most_bytes: int, most_cpu_s: int) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # nobody outlives the harness
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime) + 1 + most_cpu_s
    if "torch" in sys.modules:
        # the threads that the parent computed with are not here, but would be waited for
        sys.modules["torch"].set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size = _address_space() + most_bytes
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    status = 99
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = run()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 2
    except WrongResult as error:
        status = 98
        said.write(f"WRONG: {error}")
    except BaseException:
        said.write(traceback.format_exc())
    said.flush()
    with contextlib.suppress(OSError):
        os.write(writer, said.buffer.getvalue()[-30_000:])
    os._exit(status & 127)


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()


def _collected(reader: int, child: int, wall_s: float) -> str:
    import select

    chunks, end_s = [], time.monotonic() + wall_s
    with open(reader, "rb", buffering=0) as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0.0, end_s - time.monotonic()))
            if not ready:
                os.kill(child, signal.SIGXCPU)
                break
            if not (chunk := pipe.read(65536)):
                break
            chunks.append(chunk)
    return b"".join(chunks).decode("utf-8", errors="replace")


def _outcome(status: int, text: str) -> Outcome:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        is_slow = number in (signal.SIGXCPU, signal.SIGKILL)
        return Outcome("hang" if is_slow else "crash", f"signal {number}: {text}")
    code = os.WEXITSTATUS(status)
    if "Traceback (most recent call last)" in text:
        return Outcome("traceback", text)
    if code == 98:
        return Outcome("wrong", text)
    if "not enough memory" in text:
        return Outcome("memory", text)
    return Outcome("right" if code == 0 else "refused", text)
