"""Is this machine ready? One line for each thing that must be so, and what to do where it is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlcore.catalogue.place import VARIABLE as DATA
from tlcore.catalogue.place import data_folder
from tlcore.errors import LabError
from tlcore.execution.disk import NEEDED_BYTES, free_bytes
from tlcore.execution.hosting import OWNER_MARK, SWITCH, hosting, owner_key_mark
from tlcore.execution.logs import KINDS, SETTING
from tlcore.execution.presence import LOG, supervisor_pid
from tlcore.execution.slots import plan
from tlcore.installation import module_of, remedy, requirements_text, wanted
from tlcore.processors import usable_cores
from tlcore.runs import Store

PROBE = """
import importlib, json, sys
broken = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        broken[name] = f"{type(error).__name__}: {error}"
found = {"broken": broken}
if not {"torch", "torchvision"} & set(broken):
    import torch, torchvision
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    device = torch.cuda.get_device_name() if cuda else "mps" if mps else "cpu"
    found["torch"] = f"{torch.__version__}, torchvision {torchvision.__version__}, device {device}"
print(json.dumps(found))
"""
PATIENCE = 240.0  # the first import of everything on a fresh machine takes a minute
LONGEST_FAULT = 200


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    good: bool
    text: str


def checks(folder: Path) -> Iterator[Check]:
    """Look at everything that `tlcore.installation` has not, which comes first; nothing is changed but for the store,
    which is created."""
    yield from _libraries()
    slots = plan(usable_cores())
    yield Check("processor", True, f"{usable_cores()} cores: {slots.cpu} runs at once, {slots.threads} threads each")
    yield _disk(folder)
    yield _data()
    yield _store(folder)
    yield _worker(folder)
    yield _hosted(folder)
    yield _log()


def _libraries() -> Iterator[Check]:
    """Whether what is installed can be imported, in a process of its own: some of it ends the process instead."""
    names = list(dict.fromkeys(["torch", "torchvision", *(module_of(name) for name, _ in wanted(requirements_text()))]))
    try:
        done = subprocess.run([sys.executable, "-c", PROBE, *names], capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        yield Check("torch", False, f"importing all takes longer than {PATIENCE:.0f} s; is the disk very slow?")
        return
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}, no message"])[-1]
        yield Check("torch", False, f"{last[:LONGEST_FAULT]}; install torch and torchvision from the same place")
        return
    found = json.loads(done.stdout.strip().splitlines()[-1])
    faults = {name: " ".join(text.split())[:LONGEST_FAULT] for name, text in found["broken"].items()}
    torch = "; ".join(faults.pop(name) for name in ("torch", "torchvision") if name in faults)
    yield Check("torch", not torch, found.get("torch") or f"{torch}; install torch and torchvision from the same place")
    listed = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
    said = f"cannot be imported: {listed}; {remedy()}" if faults else f"all {len(names)} packages can be imported"
    yield Check("imports", not faults, said)


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
    marked = owner_key_mark() is not None
    key = f"key whose mark {OWNER_MARK} holds" if marked else "key of `python -m tlcore hosting --owner-key`"
    who = f"{owners} owners by login" if owners else f"the owner by the {key}"
    return Check("hosting", True, f"on, {who}; {settings.limits.words().removeprefix('On this server: ')}")


def _log() -> Check:
    kind = os.environ.get(SETTING, "text") or "text"
    known = kind.strip().lower() in KINDS
    return Check("log", known, kind if known else f"{SETTING} is '{kind[:40]}'; write {' or '.join(KINDS)}")
