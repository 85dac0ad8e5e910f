"""`python -m tlcore.execution.forkserver`: imports torch once and forks a process for each run it is asked for.

It reads orders as lines of JSON, and writes `{"ready": …, "gpus": n}`, `{"started": pid, "run": …}` and `{"exited":
pid, "run": …, "status": n, "signal": n}`. When its standard input closes it ends; the runs it has forked go on.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from tlcore.execution.child import Order, carry_out, import_everything
from tlcore.execution.logs import set_up_process

Handler = Callable[[int, FrameType | None], Any]


def main() -> None:
    """Serve until standard input closes."""
    # Counted by the driver's management library: a CUDA call before the fork would spoil CUDA in every child.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    set_up_process()  # what is forked inherits it, and writes to the log of its run
    import_everything()
    import torch

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tell(ready=os.getpid(), gpus=torch.cuda.device_count())
    children: dict[int, str] = {}
    pending = b""
    while True:
        readable, _, _ = select.select([0, reader], [], [])
        if reader in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(reader, 4096)
            reap(children)
        if 0 in readable:
            content = os.read(0, 65536)
            if not content:
                return
            *lines, pending = (pending + content).split(b"\n")
            for line in lines:
                order = Order.from_line(line)
                pid = fork(order, (reader, writer))
                children[pid] = order.run
                tell(started=pid, run=order.run)


def fork(order: Order, descriptors: tuple[int, int]) -> int:
    """Fork a process that carries out the order; return its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in descriptors:
            os.close(descriptor)
        status = carry_out(order)
    finally:
        # No way back into the server's own code, and none of its exit handlers, whatever has happened.
        os._exit(status)


def reap(children: dict[int, str]) -> None:
    """Tell of every child that has ended."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        tell(exited=pid, run=children.pop(pid, None), status=code, signal=number)


def tell(**message: Any) -> None:
    """Write one line to whoever gives the orders."""
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
