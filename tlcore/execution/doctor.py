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
from tlcore.catalogue.place import VARIABLE as DATA
from tlcore.catalogue.place import data_folder
from tlcore.errors import LabError
from tlcore.execution.disk import NEEDED_BYTES, free_bytes
from tlcore.execution.hosting import SWITCH, hosting
from tlcore.execution.logs import KINDS, SETTING
from tlcore.execution.presence import LOG, supervisor_pid
from tlcore.execution.slots import plan
from tlcore.processors import usable_cores
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
    yield _data()
    yield _store(folder)
    yield _worker(folder)
    yield _hosted(folder)
    yield _log()


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


def _store(folder: Path) -> Check:
    try:
        runs = len(Store(folder).runs())
    except LabError as error:
        return Check("store", False, str(error))
    writable = os.access(folder, os.W_OK)
    return Check("store", writable, f"{folder}, {runs} runs" if writable else f"{folder} cannot be written")


def _data() -> Check:
    folder = data_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Check("data", False, f"{folder} cannot be created: {error.strerror}; name another one by {DATA}")
    if not os.access(folder, os.W_OK):
        return Check("data", False, f"{folder} cannot be written: change its rights, or name another one by {DATA}")
    return Check("data", True, f"{folder}, {free_bytes(folder) / 2**30:.1f} GB free")


def _worker(folder: Path) -> Check:
    try:
        pid = supervisor_pid(folder)
        waiting = Store(folder).count("queued")
    except LabError as error:  # said in full by the check of the store
        return Check("worker", False, str(error))
    if pid:
        return Check("worker", True, f"process {pid}, {waiting} runs wait, log in {folder / LOG}")
    if waiting:
        advice = f"start one with `python -m tlcore worker --store {folder}`, or open a page of the lab"
        return Check("worker", False, f"{waiting} runs wait and no worker runs: {advice}")
    return Check("worker", True, "none runs; it is started with the first run")


def _hosted(folder: Path) -> Check:
    try:
        settings = hosting(folder)
    except LabError as error:
        return Check("hosting", False, str(error))
    if settings is None:
        return Check("hosting", True, f"off: whoever reaches it may do everything; set {SWITCH}=1 before others can")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Check("hosting", False, "on, and this is the superuser: run the lab as a user without rights")
    owners = len(settings.people.owners)
    who = f"{owners} owners by login" if owners else "the owner by the key of `python -m tlcore hosting --owner-key`"
    return Check("hosting", True, f"on, {who}; {settings.limits.words().removeprefix('On this server: ')}")


def _log() -> Check:
    kind = os.environ.get(SETTING, "text") or "text"
    known = kind.strip().lower() in KINDS
    return Check("log", known, kind if known else f"{SETTING} is '{kind[:40]}'; write {' or '.join(KINDS)}")
