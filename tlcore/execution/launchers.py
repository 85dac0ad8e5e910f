"""The supervisor's side of starting processes for runs: by the fork server, or by a spare where forking is unsafe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlcore.execution.child import Order
from tlcore.execution.disk import UNRECORDED_OUT_OF_SPACE

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Exit:
    """A process of a run has ended. status: what it returned, or None if the signal `signal` killed it."""

    run: str
    status: int | None
    signal: int | None


def explain_death(ended: Exit | None, log: Path) -> str:
    """Why a process ended before its run did, in a sentence; `ended` is None where nobody saw it end."""
    if ended is None:
        return "The training process has died; start the run again to go on from its last checkpoint."
    if ended.status == UNRECORDED_OUT_OF_SPACE:
        return f"No disk space is left for the store at {log.parents[2]}."
    if ended.signal is None:
        return f"The training process ended with status {ended.status}; see {log}."
    name = signal.Signals(ended.signal).name if ended.signal in signal.valid_signals() else "unknown"
    guess = ", perhaps for want of memory" if name == "SIGKILL" else ""
    return (
        f"The training process was killed by signal {ended.signal} ({name}){guess}; start the run again to go on "
        "from its last checkpoint."
    )


class LauncherDied(Exception):
    """The process that starts the runs has ended."""


class Launcher(ABC):
    """Starts processes for runs and tells when they end."""

    born = 0.0
    """When it was started, by the monotonic clock."""
    gpus: int | None = None
    """GPUs of this machine; None until it is known."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    @abstractmethod
    def start(self, order: Order) -> None:
        """Start a process for a run; raises LauncherDied."""

    @abstractmethod
    def exits(self) -> list[Exit]:
        """The processes that have ended since this was asked last; raises LauncherDied."""

    @abstractmethod
    def close(self) -> None:
        """Start no more; processes that train go on."""

    def _spawn(self, module: str) -> subprocess.Popen[bytes]:
        # Set before the libraries are loaded: some read it only then.
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(self.threads))
        return subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )


class ForkLauncher(Launcher):
    """Starts runs through the fork server, in milliseconds."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.process = self._spawn("tlcore.execution.forkserver")
        self.born = time.monotonic()
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._pending = b""

    def start(self, order: Order) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(order.to_line())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise LauncherDied from None

    def exits(self) -> list[Exit]:
        found = [
            Exit(message["run"], message["status"], message["signal"])
            for message in self._messages()
            if message.get("exited") and message["run"]
        ]
        if not found and self.process.poll() is not None:
            raise LauncherDied
        return found

    def _messages(self) -> list[dict[str, Any]]:
        assert self.process.stdout is not None
        while content := self._read(self.process.stdout.fileno()):
            self._pending += content
        *lines, self._pending = self._pending.split(b"\n")
        messages = [json.loads(line) for line in lines]
        for message in messages:
            self.gpus = message.get("gpus", self.gpus)
        return messages

    @staticmethod
    def _read(descriptor: int) -> bytes:
        try:
            return os.read(descriptor, 65536)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:  # still importing
            self.process.kill()
            self.process.wait()


class SpareLauncher(Launcher):
    """Hands each run to a spare process that has torch imported, and gets the next spare ready."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.born = time.monotonic()
        self._working: dict[str, subprocess.Popen[bytes]] = {}
        self._spare = self._new_spare()

    def _new_spare(self) -> subprocess.Popen[bytes]:
        spare = self._spawn("tlcore.execution.spare")
        # Its only line comes once torch is imported; a pipe cannot be polled on every system, so a thread waits for it.
        threading.Thread(target=self._listen, args=(spare,), daemon=True).start()
        return spare

    def _listen(self, spare: subprocess.Popen[bytes]) -> None:
        assert spare.stdout is not None
        line = spare.stdout.readline()
        if line:
            self.gpus = int(json.loads(line)["gpus"])

    def start(self, order: Order) -> None:
        spare = self._spare
        assert spare.stdin is not None
        try:
            spare.stdin.write(order.to_line())
            spare.stdin.close()
        except OSError:
            raise LauncherDied from None
        self._working[order.run] = spare
        self._spare = self._new_spare()

    def exits(self) -> list[Exit]:
        if self._spare.poll() is not None:
            raise LauncherDied
        found = []
        for run, process in list(self._working.items()):
            code = process.poll()
            if code is not None:
                del self._working[run]
                found.append(Exit(run, code if code >= 0 else None, -code if code < 0 else None))
        return found

    def close(self) -> None:
        self._spare.kill()
        self._spare.wait()


def new_launcher(threads: int, kind: str = "auto") -> Launcher:
    """The launcher for this system, or the one named: `fork` or `spare`."""
    if kind == "auto":
        kind = "fork" if sys.platform.startswith("linux") else "spare"
    return ForkLauncher(threads) if kind == "fork" else SpareLauncher(threads)
