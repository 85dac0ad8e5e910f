"""What a process does with memory that was freed: it keeps it for the next moment, or gives it back to the system.

Left to itself glibc does something between, and suits neither training nor a server that runs for days.
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

# glibc, malloc.h
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
LARGEST_KEPT = 32 << 20  # bytes; glibc takes no more
NEVER = 2**31 - 1
LARGE = 128 << 10  # bytes: what glibc begins with, and gives up as soon as something larger was freed once
ARENAS = 2


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Tell the C library to keep the memory of freed tensors for the next step. Whether that could be done.

    A step frees and allocates the same megabytes over and over. Left to itself glibc hands them back to the system
    at the end of each step, which must then clear and map them page by page: a fifth of the time of a step of the
    paper's network. Only the speed changes, and the process keeps its peak of memory.
    """
    return _set({M_MMAP_THRESHOLD: LARGEST_KEPT, M_TRIM_THRESHOLD: NEVER})


@lru_cache(maxsize=1)
def give_back_freed_memory() -> bool:
    """Tell the C library to give the memory of large things back as soon as they are freed. Whether that could be done.

    A server that draws for many frees figures and messages of a hundred kilobytes all the time, in many threads, and
    small things that live long come to lie between them. Left to itself glibc gives threads heaps of their own and
    keeps in them whatever lies below the last small thing.
    """
    return _set({M_MMAP_THRESHOLD: LARGE, M_TRIM_THRESHOLD: LARGE, M_ARENA_MAX: ARENAS})


def _set(options: dict[int, int]) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    done = [bool(set_option(option, value)) for option, value in options.items()]
    return all(done)
