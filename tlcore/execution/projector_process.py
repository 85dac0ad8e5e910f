"""Keeps the projector's process alive."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tlcore.execution.launchers import THREAD_VARIABLES

LONGEST_WAIT = 60.0


class ProjectorProcess:
    """The process that projects features into the plane, started again when it dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self._born = 0.0
        self._wait = 0.0

    def start(self) -> None:
        """Start it. When this process dies, its end of the pipe closes, and the projector ends too."""
        environment = os.environ | dict.fromkeys((*THREAD_VARIABLES, "NUMBA_NUM_THREADS"), "1")
        self._born = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tlcore.execution.projector", "--store", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )

    def tend(self) -> None:
        """Start it again if it has died, the later the more often that happens."""
        if self.process is None or self.process.poll() is None:
            return
        lived = time.monotonic() - self._born
        self._wait = 0.0 if lived > LONGEST_WAIT else min(LONGEST_WAIT, 2 * self._wait + 1.0)
        if lived >= self._wait:
            self.start()

    def close(self) -> None:
        """End it."""
        if self.process:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(timeout=2.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
