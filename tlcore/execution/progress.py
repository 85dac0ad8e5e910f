"""Progress of several runs in a terminal: one line that is rewritten, or plain lines where the output is a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TextIO

from tlcore.runs import Run

PLAIN_SECONDS = 5.0


class Progress:
    """Tells on a stream how far the runs are."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self.stream = stream
        self._terminal = stream.isatty()
        self._told: dict[str, str] = {}
        self._wrote = 0.0

    def __call__(self, names: Sequence[str], runs: Sequence[Run]) -> None:
        """names: how a person knows each of the runs."""
        if self._terminal:
            self._clear()
        for name, run in zip(names, runs, strict=True):
            if self._told.get(name) != run.state:
                self._told[name] = run.state
                reason = f": {run.reason}" if run.reason else ""
                duration = f" after {run.seconds:.1f} s" if run.state == "finished" else ""
                self._line(f"{name}  {run.id}  {run.state}{duration}{reason}")
        training = [
            f"{name} {run.step}/{run.steps}{' paused' if run.paused else ''}"
            for name, run in zip(names, runs, strict=True)
            if run.state == "running"
        ]
        if self._terminal and training:
            print("  ".join(training)[:150], end="", file=self.stream, flush=True)
        elif training and time.monotonic() - self._wrote >= PLAIN_SECONDS:
            self._line("  ".join(training))

    def _line(self, text: str) -> None:
        self._wrote = time.monotonic()
        print(text, file=self.stream, flush=True)

    def _clear(self) -> None:
        print("\r\x1b[K", end="", file=self.stream, flush=True)
