"""What a process does between its birth and `execute`, however it was started."""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

LOGGER = logging.getLogger("tlcore.worker")
LOG = "worker.log"
MAXIMUM_LOG_BYTES = 2**20
NEEDED = (
    "torch._dynamo",  # else the first optimiser imports it, which takes seconds
    "torchvision",
    "sklearn.datasets",
    "PIL.JpegImagePlugin",
    "tlcore.execution.worker",
    "tlcore.methods.registry",
    "tlcore.training.preparation",
)
PACKAGED_PICTURES = "tlcore.data.photo_digits"
CRASHED = 1
"""Exit status of a process in which even the recording of a failure failed."""


@dataclass(frozen=True)
class Order:
    """One run to be trained. gpu: which GPU it may see, or None for all there are.

    seconds, memory: how long it may train, and how many bytes it may take besides what is loaded already; 0: no limit.
    """

    run: str
    store: str
    threads: int = 1
    gpu: int | None = None
    seconds: float = 0.0
    memory: int = 0

    def to_line(self) -> bytes:
        """The order as a line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Order:
        """The order that `to_line` wrote."""
        return cls(**json.loads(line))


def import_everything() -> None:
    """Import all that training needs, and have the packaged pictures at hand that every run of digits starts from.

    A fork after a CUDA call or a parallel region may hang: what little is computed here is computed in one thread.
    """
    for name in NEEDED:
        importlib.import_module(name)
    importlib.import_module(PACKAGED_PICTURES).have_ready()


def carry_out(order: Order) -> int:
    """Train the run of an order in this process, its output going to the run's log; return the exit status."""
    # A group of its own: what is typed in the supervisor's terminal is not meant for it.
    if hasattr(os, "setsid") and os.getpid() != os.getsid(0):
        os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if order.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(order.gpu)
    try:
        _redirect_output(Path(order.store) / "runs" / order.run / LOG)
        from tlcore.execution.ration import Ration
        from tlcore.execution.worker import execute

        return execute(
            order.store, order.run, threads=order.threads, ration=Ration(seconds=order.seconds, memory=order.memory)
        )
    except BaseException:  # the very last frame of the process: the log gets it, the supervisor sees the status
        LOGGER.exception("the process of run %s has failed", order.run, extra={"run": order.run})
        return CRASHED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _redirect_output(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    too_long = log.exists() and log.stat().st_size > MAXIMUM_LOG_BYTES
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if too_long else os.O_APPEND)
    descriptor = os.open(log, flags, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.close(nothing)
