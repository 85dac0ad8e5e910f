"""Letting others go first."""

from __future__ import annotations

import os
from pathlib import Path

STEPS = 10  # of niceness: a tenth of the processor where somebody else wants it
GROUP = Path("/proc/self/autogroup")


def yield_to_others() -> None:
    """From now on this process computes when nobody else does, or a little beside them.

    Where Linux groups processes by session (`sched_autogroup`), niceness counts within a session alone, and every
    session gets the same share: there the session of this process is made nice as well.
    """
    if hasattr(os, "nice"):
        os.nice(STEPS)
    if hasattr(os, "getsid") and os.getsid(0) == os.getpid():  # else the session is somebody else's
        try:
            GROUP.write_text(f"{STEPS}\n")
        except OSError:  # another system, or one without such groups
            return
