"""What a supervisor sees to now and then: its log, the disk's reserve, and what a hosted lab keeps no longer."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tlcore.execution.disk import keep_reserve
from tlcore.execution.presence import trim_log

EVERY_SECONDS = 5.0
TIDY_SECONDS, TIDY_FIRST_SECONDS = 3600.0, 60.0


class Housekeeping:
    """The chores of a store's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._done = 0.0
        self._tidied = time.monotonic() + TIDY_FIRST_SECONDS - TIDY_SECONDS
        self._tidying: subprocess.Popen[bytes] | None = None

    def due(self, now: float) -> bool:
        """Whether the chores are due. now: by the monotonic clock."""
        return now - self._done >= EVERY_SECONDS

    def do(self, now: float, *, hosted: bool) -> None:
        """Do them.

        Raises:
            OutOfSpace: the reserve cannot be kept.
        """
        self._done = now
        trim_log(self.folder)
        keep_reserve(self.folder)
        if hosted and now - self._tidied >= TIDY_SECONDS and not self._still_tidying():
            self._tidied = now
            # A process of its own: what goes may be large, and runs are not to wait for it.
            command = [sys.executable, "-m", "tlcore", "tidy", "--store", str(self.folder.resolve())]
            self._tidying = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def _still_tidying(self) -> bool:
        return self._tidying is not None and self._tidying.poll() is None
