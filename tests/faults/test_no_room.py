"""A store that cannot be written: runs wait with the reason and go on, what was recorded can be watched."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.execution.conftest import PATIENCE, spec_of, wait_for
from tlcore.errors import NotWritable
from tlcore.execution import checkpoint_files, disk, patience, training
from tlcore.execution.worker import execute
from tlcore.methods.registry import METHODS
from tlcore.runs import Store
from tlcore.training.events import Advanced, Metrics


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(patience, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(training, "POLL_SECONDS", 0.0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 60 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting needs rights that this user lacks")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def begin(store: Store, steps: int = 200, seed: int = 1) -> tuple[str, threading.Thread]:
    """Train a run in a thread; signals are a matter of processes."""
    run_id = store.add(spec_of(seed, steps=steps))
    thread = threading.Thread(target=execute, args=(store.folder, run_id), daemon=True)
    thread.start()
    return run_id, thread


@pytest.fixture(autouse=True)
def no_signals(monkeypatch):
    monkeypatch.setattr("tlcore.execution.worker.signal.signal", lambda number, handler: None)


def until_paused(store: Store, run_id: str):
    return wait_for(lambda: (run := store.require(run_id)).paused and run.reason and run, "the pause")


def fill(folder: Path) -> None:
    """Take all the room that is left."""
    content = np.random.default_rng(0).bytes(2**20)
    with (folder / "others").open("ab", buffering=0) as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(content)


def test_a_really_full_disk_pauses_the_run_with_the_reason_and_it_goes_on(small_disk, monkeypatch):
    store, full = Store(small_disk / "store"), threading.Event()
    full.set()

    def filling(spec, context) -> Iterator:
        for step in itertools.count(1):
            if step >= 3 and full.is_set():  # again and again: what the lab has kept back is given free meanwhile
                fill(small_disk)
            yield Metrics(step, {f"metric_{index}": float(step) for index in range(2000)})
            yield Advanced(step)
            if step >= 20 and not full.is_set():
                raise ZeroDivisionError("the end")

    monkeypatch.setitem(METHODS, "dann", filling)
    run_id, thread = begin(store, steps=1_000_000)
    paused = until_paused(store, run_id)
    assert "disk space" in paused.reason and "goes on by itself" in paused.reason
    # Who watches sees what was recorded, from another process as from this one.
    assert len(Store(store.folder).metrics(run_id)) == 2000
    full.clear()
    (small_disk / "others").unlink()
    thread.join(PATIENCE)
    ended = store.require(run_id)
    assert (ended.state, ended.reason, ended.paused) == ("failed", "ZeroDivisionError: the end", False)
    steps = store.metrics(run_id)["metric_0"].steps.tolist()
    assert steps == list(range(1, len(steps) + 1)) and len(steps) >= 3, "of what was written, nothing is missing"
    assert store.database.rows("PRAGMA integrity_check")[0][0] == "ok"


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS])
def test_a_checkpoint_that_cannot_be_written_is_waited_for(tmp_path, monkeypatch, fault):
    store, broken = Store(tmp_path), threading.Event()
    broken.set()
    synchronise = os.fsync

    def fsync(descriptor: int) -> None:
        if broken.is_set():
            raise OSError(fault, os.strerror(fault))
        synchronise(descriptor)

    monkeypatch.setattr(training, "FIRST_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_files.os, "fsync", fsync)
    run_id, thread = begin(store)
    until_paused(store, run_id)
    broken.clear()
    thread.join(PATIENCE)
    ended = store.require(run_id)
    assert (ended.state, ended.reason, ended.step) == ("finished", None, 200)
    assert sorted(path.name for path in store.run_folder(run_id).iterdir()) == ["training.lock", "weights.safetensors"]


def test_a_run_that_waits_for_room_can_be_stopped(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(training, "FIRST_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_files.os, "fsync", full)
    run_id, thread = begin(store)
    until_paused(store, run_id)
    store.send(run_id, "stop")
    thread.join(PATIENCE)
    assert store.require(run_id).state == "stopped"


def test_a_folder_that_has_become_read_only_is_waited_for(tmp_path, monkeypatch):
    store, read_only = Store(tmp_path), threading.Event()
    flush = training.Recorder.flush

    def refusing(recorder, **columns):
        if read_only.is_set() and recorder.run_id == run_id and columns.get("step", 0) > 5:
            raise NotWritable("The store can be read but not written.")
        flush(recorder, **columns)

    monkeypatch.setattr(training.Recorder, "flush", refusing)
    read_only.set()
    run_id = spec_of(1, steps=200).content_hash
    assert begin(store)[0] == run_id
    paused = until_paused(store, run_id)
    assert "can be read but not written" in paused.reason
    read_only.clear()
    assert wait_for(lambda: not (run := store.require(run_id)).live and run, "the end").state == "finished"


def test_a_store_on_a_disk_that_is_read_only_can_still_be_looked_at(small_disk):
    store = Store(small_disk / "store")
    run_id = store.add(spec_of(1))
    store.record_metrics(run_id, [(1, {"class_loss": 2.0})])
    store.database.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    again = Store(store.folder)
    assert again.require(run_id).state == "queued" and again.metrics(run_id)["class_loss"].values.tolist() == [2.0]
    with pytest.raises(NotWritable, match="can be read but not written"):
        again.change(run_id, state="stopped")


def test_room_is_kept_back_for_saying_why(small_disk):
    store = Store(small_disk / "store")
    disk.keep_reserve(store.folder)
    fill(small_disk)
    disk.make_room(store.folder)
    assert disk.free_bytes(small_disk) >= disk.RESERVE_BYTES
