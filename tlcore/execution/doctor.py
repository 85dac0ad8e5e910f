"""Is this machine ready? One line for each thing that must be so, and what to do where it is not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlcore import __version__
from tlcore.errors import LabError
from tlcore.execution.disk import NEEDED_BYTES, free_bytes
from tlcore.execution.hosting import hosting
from tlcore.execution.presence import LOG, supervisor_pid
from tlcore.execution.slots import plan, usable_cores
from tlcore.runs import Store

PROBE = """
import json, torch, torchvision
cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
device = torch.cuda.get_device_name() if cuda else "mps" if mps else "cpu"
print(json.dumps({"torch": torch.__version__, "torchvision": torchvision.__version__, "device": device}))
"""
PATIENCE = 180.0  # the first import of torch on a fresh machine takes half a minute


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    good: bool
    text: str


def checks(folder: Path) -> Iterator[Check]:
    """Look at everything, one after the other; nothing is changed but for the store, which is created."""
    supported = sys.version_info >= (3, 11)
    advice = "" if supported else "; install Python 3.11 or later"
    yield Check("python", supported, f"{platform.python_version()}, lab {__version__}{advice}")
    yield _torch()
    slots = plan(usable_cores())
    yield Check("processor", True, f"{usable_cores()} cores: {slots.cpu} runs at once, {slots.threads} threads each")
    yield _disk(folder)
    yield _hosting(folder)
    yield _store(folder)
    pid = _supervisor(folder)
    running = f"process {pid}, log in {folder / LOG}" if pid else "none runs; it is started with the first run"
    yield Check("worker", True, running)


def _torch() -> Check:
    try:
        done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return Check("torch", False, f"importing it takes longer than {PATIENCE:.0f} s; is the disk very slow?")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Check("torch", False, f"{last}; install torch and torchvision from the same place")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Check("torch", True, f"{found['torch']}, torchvision {found['torchvision']}, device {found['device']}")


def _disk(folder: Path) -> Check:
    free = free_bytes(folder)
    enough = free >= NEEDED_BYTES
    advice = "" if enough else f"; a run needs {NEEDED_BYTES // 2**20} MB: delete old runs or choose another --store"
    return Check("disk", enough, f"{free / 2**30:.1f} GB free at {folder}{advice}")


def _hosting(folder: Path) -> Check:
    try:
        settings = hosting(folder)
    except LabError as error:
        return Check("hosting", False, str(error))
    if settings is None:
        return Check("hosting", True, "off: whoever opens the lab may do everything")
    owners = len(settings.people.owners)
    who = f"{owners} owners by login" if owners else "the owner by the key of `python -m tlcore hosting --owner-key`"
    return Check("hosting", True, f"on, {who}; {settings.limits.words().removeprefix('On this server: ')}")


def _store(folder: Path) -> Check:
    try:
        runs = len(Store(folder).runs())
    except LabError as error:
        return Check("store", False, str(error))
    writable = os.access(folder, os.W_OK)
    return Check("store", writable, f"{folder}, {runs} runs" if writable else f"{folder} cannot be written")


def _supervisor(folder: Path) -> int | None:
    try:
        return supervisor_pid(folder)
    except LabError:  # said by the check of the store
        return None
