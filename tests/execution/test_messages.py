"""Messages that reach a run while it does something else."""

from __future__ import annotations

import pytest

from tests.execution.conftest import spec_of
from tlcore.execution.training import Stopped, Training
from tlcore.runs import Run, Store
from tlcore.training.context import Cadence


@pytest.fixture
def training(tmp_path) -> Training:
    store = Store(tmp_path)
    run = store.add(spec_of(1))
    store.change(run, state="running")
    return made(store, store.require(run))


def made(store: Store, run: Run) -> Training:
    """A training whose data are prepared."""
    training = Training(store, run, threads=1)
    training.cadence = Cadence.of(run.spec.budget)
    return training


def test_what_comes_while_data_are_prepared_has_its_turn_when_training_begins(training: Training) -> None:
    training.store.send(training.run_record.id, "pause")
    training._report("Reading", 0.1)
    assert training.store.take_messages(training.run_record.id) == [] and not training._pausing
    training._read_messages()
    assert training._pausing, "the next step is the last for a while"


def test_a_stop_ends_the_preparation_at_once(training: Training) -> None:
    training.store.send(training.run_record.id, "checkpoint")
    training.store.send(training.run_record.id, "stop", reason="The time is up.")
    with pytest.raises(Stopped, match="The time is up") as stopped:
        training._report("Reading", 0.1)
    assert not stopped.value.unwanted


def test_a_run_is_unwanted_only_where_nothing_else_ends_it(training: Training) -> None:
    run = training.run_record.id
    training.store.send(run, "stop", unwanted=True)
    training.store.send(run, "stop", reason="The time is up.")
    training.store.send(run, "stop", unwanted=True)
    training._read_messages()
    assert training._stopping and not training._unwanted
    other = made(training.store, training.run_record)
    training.store.send(run, "stop", unwanted=True)
    training.store.send(run, "stop", unwanted=True)
    other._read_messages()
    assert other._unwanted


def test_that_a_run_is_to_go_on_is_for_the_supervisor_to_read(training: Training) -> None:
    store, run = training.store, training.run_record.id
    store.send(run, "ask_to_resume")
    store.send(run, "pause")
    assert store.take_messages(run) == [("pause", {})] and store.take_messages(run) == []
    assert store.take_back(run, "ask_to_resume") and not store.take_back(run, "ask_to_resume")
