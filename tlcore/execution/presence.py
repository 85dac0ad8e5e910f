"""Files beside the store by which clients and the supervisor know of each other."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from tlcore.execution.locks import is_held

SUPERVISOR_LOCK = "supervisor.lock"
TRAINING_LOCK = "training.lock"  # in the folder of a run, held by the process that trains it
VISIT = "supervisor.visit"
LOG = "supervisor.log"
MAXIMUM_LOG_BYTES = 2**20


def visit(folder: Path) -> None:
    """Tell the supervisor that someone may need it soon."""
    with contextlib.suppress(OSError):  # a full disk or a folder that cannot be written is reported by what follows
        (folder / VISIT).touch()


def last_visit(folder: Path) -> float:
    """When a client was last there, in seconds since 1970; 0 for never."""
    try:
        return (folder / VISIT).stat().st_mtime
    except OSError:
        return 0.0


def supervisor_pid(folder: Path) -> int | None:
    """The number of the living supervisor's process, or None."""
    path = folder / SUPERVISOR_LOCK
    if not is_held(path):
        return None
    try:
        return int(json.loads(path.read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return None  # it has the lock and is about to write its number


def trim_log(folder: Path) -> None:
    """Empty the supervisor's log when it has grown large; those who write to it append."""
    log = folder / LOG
    if log.exists() and log.stat().st_size > MAXIMUM_LOG_BYTES:
        os.truncate(log, 0)
