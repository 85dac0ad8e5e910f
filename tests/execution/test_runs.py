"""A run from submitting to its end, through the real supervisor and fork server."""

from __future__ import annotations

import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.execution.conftest import Lab, spec_of, wait_for
from tlcore.errors import InvalidRequest, OutOfSpace
from tlcore.execution import disk
from tlcore.execution.worker import execute
from tlcore.runs import Store
from tlcore.specs import CheckpointStart, RunStart, SourceOnly

LONG = 200_000


def test_a_run_is_trained_recorded_and_projected(lab: Lab):
    run_id = lab.submit(spec_of(1), preset="page/preset", arm="dann")
    run = lab.ended(run_id)
    assert (run.state, run.reason, run.step, run.preset, run.arm) == ("finished", None, 60, "page/preset", "dann")
    metrics = lab.store.metrics(run_id)
    assert metrics["class_loss"].steps[0] == 1 and metrics["class_loss"].steps[-1] == 60
    assert metrics["target_accuracy"].steps.tolist() == [0, 20, 40, 60]
    assert run.summary["target_accuracy"] == metrics["target_accuracy"].values[-1]
    assert run.provenance["device"] == "cpu" and run.provenance["threads"] >= 1 and run.provenance["torch"]
    assert len(lab.store.probe(run_id)) == 40
    assert lab.store.confusion(run_id, "target").counts.sum() == 100
    wait_for(lambda: lab.get(run_id).projected, "the film")
    assert [frame.step for frame in lab.store.frames(run_id, "umap")] == [0, 20, 40, 60]
    assert [frame.step for frame in lab.store.frames(run_id, "pca")] == [0, 20, 40, 60]
    planar = {name: found for name, found in lab.store.projections(run_id).items() if not name.endswith("-3d")}
    assert planar == {"input": (0, 4), "pca": (0, 4), "umap": (1, 4)}
    weights = load_file(lab.store.run_folder(run_id) / "weights.safetensors")
    assert all(np.isfinite(tensor).all() for tensor in weights.values())
    assert not list(lab.store.run_folder(run_id).glob("checkpoint*"))


def test_the_same_spec_is_trained_once(lab: Lab):
    first = lab.ended(lab.submit(spec_of(2)))
    again = lab.get(lab.submit(spec_of(2)))
    assert again == first


def test_pause_step_and_resume(lab: Lab):
    run_id = lab.submit(spec_of(3, steps=LONG))
    lab.at_step(run_id, 1)
    lab.executor.pause(run_id)
    paused = wait_for(lambda: (run := lab.get(run_id)).paused and run, "the pause")
    # A paused run still gives signs of life, and does no step between two of them.
    later = wait_for(lambda: (run := lab.get(run_id)).heartbeat > paused.heartbeat and run, "a heartbeat")
    assert later.step == paused.step
    assert lab.store.metrics(run_id)["class_loss"].steps[-1] <= paused.step
    for number in (1, 2):
        lab.executor.step(run_id)
        stepped = wait_for(
            lambda number=number: (run := lab.get(run_id)).paused and run.step >= paused.step + number and run, "a step"
        )
        assert stepped.step == paused.step + number
        assert lab.store.metrics(run_id)["class_loss"].steps[-1] == stepped.step
        assert lab.store.feature_steps(run_id)[-1] == stepped.step
        anatomy = lab.store.anatomy(run_id)
        assert anatomy.step == stepped.step
        assert [name for name, _ in anatomy.phases][:2] == ["forward", "class_gradient"]
    for _ in range(3):
        lab.executor.step(run_id)
    wait_for(lambda: lab.get(run_id).step >= paused.step + 5, "three steps asked for at once")
    assert lab.get(run_id).step == paused.step + 5
    lab.executor.resume(run_id)
    lab.at_step(run_id, paused.step + 6)
    assert not lab.get(run_id).paused
    lab.executor.stop(run_id)
    assert lab.ended(run_id).state == "stopped"


def test_a_step_asked_of_a_run_that_trains_is_shown_whole_and_then_it_waits(lab: Lab):
    run_id = lab.submit(spec_of(17, steps=LONG))
    lab.at_step(run_id, 1)
    assert lab.store.anatomy(run_id) is None
    lab.executor.step(run_id)
    paused = wait_for(lambda: (run := lab.get(run_id)).paused and run, "the pause")
    assert lab.store.anatomy(run_id).step == paused.step
    lab.executor.stop(run_id)
    assert lab.ended(run_id).step == paused.step


def test_a_paused_run_frees_its_slot_and_can_be_stopped(lab: Lab):
    paused = [lab.submit(spec_of(seed, steps=LONG)) for seed in (4, 5)]
    for run_id in paused:
        lab.at_step(run_id, 1)
        lab.executor.pause(run_id)
    assert lab.ended(lab.submit(spec_of(6))).state == "finished"
    for run_id in paused:
        assert lab.get(run_id).paused
        lab.executor.stop(run_id)
        assert lab.ended(run_id).state == "stopped"


def test_stopped_and_submitted_again_it_ends_with_the_same_figures(lab: Lab, tmp_path):
    spec = spec_of(7, steps=5000)
    run_id = lab.submit(spec)
    lab.at_step(run_id, 1)
    lab.executor.stop(run_id)
    stopped = lab.ended(run_id)
    assert stopped.state == "stopped" and 0 < stopped.step < 5000
    lab.submit(spec)
    finished = lab.ended(run_id)
    assert finished.state == "finished" and finished.seconds > stopped.seconds

    other = Store(tmp_path)
    other.add(spec)
    assert execute(tmp_path, run_id, threads=finished.provenance["threads"]) == 0
    uninterrupted = other.require(run_id)
    assert finished.summary == uninterrupted.summary
    ours, theirs = lab.store.metrics(run_id), other.metrics(run_id)
    assert ours.keys() == theirs.keys()
    for name, series in theirs.items():
        np.testing.assert_array_equal(ours[name].steps, series.steps, name)
        np.testing.assert_array_equal(ours[name].values, series.values, name)
    weights = load_file(other.run_folder(run_id) / "weights.safetensors")
    for name, tensor in load_file(lab.store.run_folder(run_id) / "weights.safetensors").items():
        np.testing.assert_array_equal(tensor, weights[name], name)


def test_a_waiting_run_is_stopped_at_once(lab: Lab):
    run_id = lab.store.add(spec_of(8, start=RunStart(spec=spec_of(9, steps=LONG))))
    lab.executor.stop(run_id)
    assert lab.get(run_id).state == "stopped"
    lab.executor.stop(spec_of(9, steps=LONG).content_hash)
    assert lab.ended(spec_of(9, steps=LONG).content_hash).state == "stopped"


def test_a_run_starts_from_the_weights_of_another_trained_first(lab: Lab):
    teacher = spec_of(10)
    run_id = lab.submit(spec_of(10, method=SourceOnly(), start=RunStart(spec=teacher)))
    run = lab.ended(run_id)
    first = lab.get(teacher.content_hash)
    assert run.state == first.state == "finished" and run.started >= first.ended
    # Same seed, same probe points: equal weights are equal features.
    before, after = lab.store.features(first.id, 60), lab.store.features(run_id, 0)
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    assert not np.array_equal(lab.store.features(run_id, 60)[0], after[0])


def test_a_run_whose_start_fails_fails_with_the_reason(lab: Lab):
    run_id = lab.submit(spec_of(11, start=RunStart(spec=spec_of(12))), device="mps")
    run = lab.ended(run_id)
    assert run.state == "failed"
    assert spec_of(12).content_hash in run.reason and "mps" in run.reason


def test_a_fork_goes_on_from_the_present_step(lab: Lab):
    run_id = lab.submit(spec_of(13, steps=LONG))
    lab.at_step(run_id, 1)
    lab.executor.pause(run_id)
    paused = wait_for(lambda: (run := lab.get(run_id)).paused and run, "the pause")
    fork_id = lab.executor.fork(run_id, {"steps": paused.step + 10, "lambda_max": 0.25})
    fork = lab.ended(fork_id)
    assert (fork.state, fork.parent, fork.step) == ("finished", run_id, paused.step + 10)
    assert fork.spec.start == CheckpointStart(run=run_id, step=paused.step)
    assert lab.store.metrics(fork_id)["class_loss"].steps[0] == paused.step + 1
    assert lab.ended(run_id).state == "stopped"


def test_a_live_run_and_a_stopped_run_can_be_forked(lab: Lab):
    run_id = lab.submit(spec_of(14, steps=LONG))
    lab.at_step(run_id, 1)
    first = lab.executor.fork(run_id, {"learning_rate": 0.01})
    assert lab.ended(run_id).state == "stopped"
    assert lab.get(first).spec.start.step > 0
    second = lab.executor.fork(run_id, {"learning_rate": 0.02})
    for fork in (first, second):
        lab.at_step(fork, lab.get(fork).spec.start.step + 1)
        lab.executor.stop(fork)
        assert lab.ended(fork).state == "stopped"


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"hidden_units": 20}, "network"), ({"optimiser": "adam"}, "optimiser"), ({}, "differs"), ({"seed": 99}, "seed")],
)
def test_what_a_fork_cannot_change(lab: Lab, changes, words):
    run_id = lab.ended(lab.submit(spec_of(2))).id
    with pytest.raises(InvalidRequest, match=words):
        lab.executor.fork(run_id, changes)


def test_nothing_is_queued_on_a_full_disk(lab: Lab, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 10 * 2**20)
    with pytest.raises(OutOfSpace, match="10 MB"):
        lab.submit(spec_of(15))
    assert lab.store.get(spec_of(15).content_hash) is None


def test_metrics_come_from_another_process(lab: Lab):
    assert lab.get(spec_of(2).content_hash).provenance["lab"]
    assert lab.get(lab.ended(lab.submit(spec_of(16))).id).pid != os.getpid()
