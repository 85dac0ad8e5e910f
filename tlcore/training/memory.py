"""How a training process on the CPU treats memory that is freed and needed again a moment later."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

# glibc, malloc.h
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
LARGEST_KEPT = 32 << 20  # bytes; glibc takes no more
NEVER = 2**31 - 1


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Tell the C library to keep the memory of freed tensors for the next step. Whether that could be done.

    A step frees and allocates the same megabytes over and over. Left to itself glibc hands them back to the system
    at the end of each step, which must then clear and map them page by page: a fifth of the time of a step of the
    paper's network. Only the speed changes, and the process keeps its peak of memory.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(set_option(M_MMAP_THRESHOLD, LARGEST_KEPT)) and bool(set_option(M_TRIM_THRESHOLD, NEVER))
