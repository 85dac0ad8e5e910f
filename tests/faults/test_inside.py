"""What can go wrong inside a training process, each said in one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.execution.conftest import spec_of
from tlcore.errors import OutOfSpace, StoreError
from tlcore.execution import checkpoint_files
from tlcore.execution.checkpoint_files import CHECKPOINT, StoredTensors, read_tensors, write_tensors
from tlcore.execution.worker import execute
from tlcore.methods.registry import METHODS
from tlcore.runs import Store
from tlcore.specs import Budget, CheckpointStart, RunStart
from tlcore.training.events import Advanced, Metrics, Notice


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def run(store: Store, spec):
    run_id = store.add(spec)
    assert execute(store.folder, run_id) == 0
    return store.require(run_id)


def test_a_loss_that_is_no_number_fails_the_run_and_keeps_the_records(store, monkeypatch):
    def diverging(spec, context) -> Iterator:
        yield Metrics(1, {"class_loss": 2.0})
        yield Advanced(1)
        yield Metrics(2, {"class_loss": 1.0, "domain_loss": float("inf")})
        yield Advanced(2)

    monkeypatch.setitem(METHODS, "dann", diverging)
    ended = run(store, spec_of(1))
    assert ended.state == "failed"
    assert "domain loss" in ended.reason and "step 2" in ended.reason and "smaller learning rate" in ended.reason
    assert store.metrics(ended.id)["class_loss"].values.tolist() == [2.0, 1.0]


def test_an_exception_becomes_a_sentence_and_the_traceback_goes_to_the_log(store, monkeypatch):
    def broken(spec, context) -> Iterator:
        yield Metrics(1, {"class_loss": 2.0})
        yield Notice(1, "info", "told", "before the end")
        raise ZeroDivisionError("nothing\nto divide by")

    monkeypatch.setitem(METHODS, "dann", broken)
    ended = run(store, spec_of(1))
    assert (ended.state, ended.reason) == ("failed", "ZeroDivisionError: nothing to divide by")
    assert "Traceback" in (store.run_folder(ended.id) / "error.log").read_text()


@pytest.mark.parametrize("failure", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 TB")])
def test_a_full_memory_is_named(store, monkeypatch, failure):
    def greedy(spec, context) -> Iterator:
        yield Advanced(1)
        raise failure

    monkeypatch.setitem(METHODS, "dann", greedy)
    assert "memory is full" in run(store, spec_of(1)).reason


@pytest.mark.parametrize(("room", "words"), [(12, "a batch size of 12 fits"), (0, "a smaller network")])
def test_a_full_gpu_is_named_with_the_batch_size_that_fits(store, monkeypatch, room, words):
    def greedy(spec, context) -> Iterator:
        if spec.budget.batch_size > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        yield Advanced(1)

    monkeypatch.setitem(METHODS, "dann", greedy)
    budget = Budget(steps=60, batch_size=48, evaluations=3, frames=3, probe_points=40)
    ended = run(store, spec_of(1, budget=budget))
    assert ended.state == "failed" and "full with a batch size of 48" in ended.reason and words in ended.reason
    assert len(store.metrics(ended.id)) == 0, "what was tried is not recorded"


def test_a_device_this_machine_lacks(store):
    run_id = store.add(spec_of(1), device="mps")
    execute(store.folder, run_id)
    assert "no mps device" in store.require(run_id).reason


@pytest.mark.parametrize("damage", ["torn", "foreign", "empty"])
def test_a_checkpoint_that_cannot_be_used_is_refused_and_training_begins_anew(store, damage):
    spec = spec_of(1)
    path = store.run_folder(spec.content_hash) / CHECKPOINT
    owner = "0" * 16 if damage == "foreign" else spec.content_hash
    write_tensors(path, StoredTensors(owner, 30, 1.0, {}))
    if damage != "foreign":
        path.write_bytes(path.read_bytes()[:-3] if damage == "torn" else b"")
    ended = run(store, spec)
    assert ended.state == "finished"
    assert [notice.code for notice in store.notices(ended.id) if notice.level == "warning"] == ["checkpoint_refused"]
    assert store.metrics(ended.id)["class_loss"].steps[0] == 1


def test_a_fork_without_its_checkpoint_fails(store):
    ended = run(store, spec_of(1, start=CheckpointStart(run="0" * 16, step=3)))
    assert ended.state == "failed" and "step-3.safetensors" in ended.reason


def test_a_start_without_weights_fails(store):
    spec = spec_of(1, start=RunStart(spec=spec_of(2)))
    ended = run(store, spec)
    assert ended.state == "failed" and "weights.safetensors" in ended.reason


def test_only_a_queued_run_is_trained(store):
    ended = run(store, spec_of(1))
    execute(store.folder, ended.id)
    assert store.require(ended.id) == ended
    stopped = store.add(spec_of(2))
    store.change(stopped, state="stopped")
    execute(store.folder, stopped)
    assert store.require(stopped).state == "stopped"


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "tensors.safetensors"
    write_tensors(path, StoredTensors("a" * 16, 1, 1.0, {}))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint_files.os, "fsync", full)
    with pytest.raises(OutOfSpace):
        write_tensors(path, StoredTensors("a" * 16, 2, 1.0, {}))
    monkeypatch.undo()
    assert read_tensors(path, run="a" * 16).step == 1
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_a_store_of_a_newer_version_is_refused(store):
    store.database.connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        execute(store.folder, "0" * 16)


def test_a_run_that_is_deleted_while_it_trains_ends_and_leaves_no_records(store, monkeypatch):
    def deleted(spec, context) -> Iterator:
        yield Metrics(1, {"class_loss": 2.0})
        yield Advanced(1)
        store.delete(spec.content_hash)
        step = 1
        while True:
            step += 1
            yield Metrics(step, {"class_loss": 2.0})
            yield Advanced(step)

    monkeypatch.setitem(METHODS, "dann", deleted)
    run_id = store.add(spec_of(1, steps=1_000_000))
    assert execute(store.folder, run_id) == 0
    assert store.get(run_id) is None and not store.metrics(run_id)
