"""Trains one run inside a process of its own, and tells the store what happens."""

from __future__ import annotations

import os
import signal
import time
import traceback
from pathlib import Path

import torch

from tlcore.errors import LabError, OutOfSpace
from tlcore.execution.batch_fit import batch_size_that_fits
from tlcore.execution.disk import UNRECORDED_OUT_OF_SPACE, is_full, keep_reserve, make_room
from tlcore.execution.locks import FileLock
from tlcore.execution.presence import TRAINING_LOCK
from tlcore.execution.queue import Queue
from tlcore.execution.ration import Ration
from tlcore.execution.training import Stopped, Training
from tlcore.runs import Run, State, Store

ERROR_LOG = "error.log"


def execute(store_folder: Path | str, run_id: str, *, threads: int = 1, ration: Ration | None = None) -> int:
    """Train the run, if it is queued and nobody else trains it; return the exit status of the process.

    ration: how long it may train and how much memory it may take; None: without limits.

    Whatever happens is recorded with the run. SIGTERM makes it write a checkpoint and stop.

    Raises:
        StoreError: the store cannot be opened.
    """
    store = Store(store_folder)
    lock = FileLock(store.run_folder(run_id) / TRAINING_LOCK)
    if not lock.acquire(str(os.getpid()), patience=2.0):
        return 0
    try:
        now = time.time()
        claimed = store.change(
            run_id, only=["queued"], state="running", pid=os.getpid(), started=now, heartbeat=now, paused=False,
            reason=None,
        )  # fmt: skip
        if not claimed:
            return 0
        return _train(store, store.require(run_id), threads, ration or Ration())
    finally:
        lock.release()
        store.database.close()


def _train(store: Store, run: Run, threads: int, ration: Ration) -> int:
    state: State
    reason: str | None
    unwanted = False
    try:
        keep_reserve(store.folder)
        ration.enforce_memory()
        training = Training(store, run, threads, ration)
        previous = signal.signal(signal.SIGTERM, lambda number, frame: training.request_stop())
        try:
            training.run()
        finally:
            signal.signal(signal.SIGTERM, previous)
        return 0
    except Stopped as stop:
        state, reason, unwanted = "stopped", stop.reason, stop.unwanted
    except torch.OutOfMemoryError:
        state, reason = "failed", None
    except MemoryError:
        state, reason = "failed", _step(store, run, _memory_is_full(ration))
    except LabError as error:
        state, reason = "failed", str(error)
    except Exception as error:  # the end of the line for a run: the person gets the sentence, the log the traceback
        state, reason = "failed", _describe(store, run, error, ration)
        if is_full(error):
            make_room(store.folder)
        _write_log(store.run_folder(run.id))
    if state == "failed" and reason is None:
        # Only here, where the traceback has let go of what filled the memory.
        reason = _step(store, run, _full_gpu(store, run))
    return _record_end(store, run.id, state, reason, unwanted)


def _full_gpu(store: Store, run: Run) -> str:
    size = run.spec.budget.batch_size
    fits = batch_size_that_fits(store, run)
    if fits is None:
        return f"The GPU's memory is full with a batch size of {size:,}; try a smaller network."
    return f"The GPU's memory is full with a batch size of {size:,}; a batch size of {fits:,} fits."


def _memory_is_full(ration: Ration) -> str:
    return ration.memory_is_full() if ration.memory else "The memory is full; try a smaller batch size or network."


def _describe(store: Store, run: Run, error: Exception, ration: Ration) -> str:
    if is_full(error):
        return f"No disk space is left for the store at {store.folder}."
    text = " ".join(str(error).split())
    if "can't allocate memory" in text:
        return _step(store, run, _memory_is_full(ration))
    sentence = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return sentence if len(sentence) <= 500 else f"{sentence[:499]}…"


def _step(store: Store, run: Run, sentence: str) -> str:
    now = store.get(run.id)
    return f"{sentence} It happened at about step {now.step if now else run.step}."


def _write_log(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ERROR_LOG).write_text(traceback.format_exc())
    except OSError as error:
        if not is_full(error):
            raise


def _record_end(store: Store, run_id: str, state: State, reason: str | None, unwanted: bool) -> int:
    """Record how the run has ended; one that ends because nobody wants it waits again where somebody does by now."""
    for _ in range(10):
        try:
            with store.database.transaction():
                if unwanted and store.wanted(run_id):
                    Queue(store).requeue(run_id, "running")
                store.change(run_id, only=["running"], state=state, reason=reason, ended=time.time(), paused=False)
            return 0
        except OutOfSpace:
            make_room(store.folder)
            time.sleep(0.1)
    return UNRECORDED_OUT_OF_SPACE
