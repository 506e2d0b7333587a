"""The memory of a training on a CPU."""

import ctypes
import logging

LOG = logging.getLogger(__name__)

# parameters of mallopt, from glibc's malloc.h
_TRIM_THRESHOLD = -1
_MMAP_MAX = -4


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for the next step of a training.

    Otherwise the C library hands each large tensor back to the system and asks for it again in
    the next step; making its pages anew takes 15 to 30 % of a step of the paper's CNN. Without
    glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    if not (mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1)):
        LOG.debug("the C library does not keep freed memory: steps take longer")
