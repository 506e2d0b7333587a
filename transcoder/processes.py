"""Processes that we start end with us."""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1  # of Linux's prctl


def end_with_parent() -> None:
    """In a process just started: be terminated when the one that started it ends, however.

    For `subprocess.Popen(preexec_fn=...)` and the ``initializer`` of pools. Elsewhere than on
    Linux it does nothing: there, what was started outlives a parent that was killed.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # it went in between
        os.kill(os.getpid(), signal.SIGTERM)
