"""The lab on 127.0.0.1, in a store of its own, and what its processes take."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tlcore.execution.local import LocalExecutor
from tlcore.execution.presence import supervisor_pid
from tlcore.runs import Store

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


@dataclass(frozen=True)
class Taken:
    """What one process takes now. memory: bytes that are its own, threads and open files counted."""

    memory: int
    threads: int
    files: int


def taken(pid: int) -> Taken:
    """Look at a process in /proc.

    Raises:
        ProcessLookupError: there is no such process.
    """
    try:
        fields = dict(line.partition(":")[::2] for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        memory = int(fields["RssAnon"].split()[0]) * 1024  # missing where the process has ended and nobody asked yet
    except (FileNotFoundError, KeyError):
        raise ProcessLookupError(pid) from None
    return Taken(memory, int(fields["Threads"]), files)


def descendants(pid: int) -> list[int]:
    """Processes that this one has started, and those that these have started."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listing.splitlines())}
    found, waiting = [], [pid]
    while waiting:
        above = waiting.pop()
        children = [child for child, parent in parents.items() if parent == above]
        found += children
        waiting += children
    return found


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """A web server over a store; started, killed and started again on the same port."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.store = Store(folder / "store")
        self.executor = LocalExecutor(self.store)
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self._settings = {"TLCORE_STORE": str(self.store.folder), "PYTHONPATH": str(ROOT)} | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The number of the web server's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def supervisor(self) -> int | None:
        """The number of the supervisor's process, if one runs."""
        return supervisor_pid(self.store.folder)

    def start(self) -> None:
        """Start the web server and wait until it answers.

        Raises:
            RuntimeError: it does not.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"),
                    *("--server.port", str(self.port), "--server.address", "127.0.0.1"),
                ],
                cwd=ROOT,
                env=os.environ | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1):
                return
            time.sleep(0.1)
        raise RuntimeError(f"the web server did not start; see {self.log}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the web server, without notice unless another signal is named."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(timeout=20)

    def close(self) -> None:
        """End the web server and the supervisor."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill()
        self.executor.shutdown()


@contextlib.contextmanager
def serve(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """A running lab in a folder, ended afterwards with all its processes."""
    served = Served(folder, settings)
    try:
        served.start()
        yield served
    finally:
        served.close()
