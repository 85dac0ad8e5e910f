"""Which frames are projected when, and what becomes of features that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from tests.execution.conftest import spec_of
from tlcore.execution.projector import Projector
from tlcore.runs import Store

POINTS = 30


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def begin(store: Store, seed: int, steps: range, state: str = "running") -> str:
    run_id = store.add(spec_of(seed))
    store.change(run_id, state=state)
    for step in steps:
        record(store, run_id, step, seed)
    return run_id


def record(store: Store, run_id: str, step: int, seed: int = 0) -> None:
    features = np.random.default_rng([seed, step]).normal(size=(POINTS, 5)).astype(np.float32)
    store.record_features(run_id, step, features, np.zeros(POINTS, np.int16))


def steps_of(store: Store, run_id: str, projection: str) -> list[int]:
    return [frame.step for frame in store.frames(run_id, projection)]


def test_principal_components_come_before_umap_and_runs_take_turns(store):
    runs = [begin(store, seed, range(3)) for seed in (1, 2)]
    projector = Projector(store)
    done = []
    while projector.work():
        done.append([len(steps_of(store, run, projection)) for projection in ("pca", "umap") for run in runs])
    for frame, counts in enumerate(done):
        pca, umap = counts[:2], counts[2:]
        assert max(pca) - min(pca) <= 1 and max(umap) - min(umap) <= 1
        assert frame < 6 or sum(pca) == 6
    assert done[-1] == [3, 3, 3, 3]


def test_a_film_is_laid_out_once_its_run_has_ended(store):
    run_id = begin(store, 1, range(3))
    projector = Projector(store)
    while projector.work():
        pass
    assert store.projections(run_id)["umap"] == (0, 3) and not store.require(run_id).projected
    store.change(run_id, state="finished")
    while projector.work():
        pass
    assert store.projections(run_id) == {"pca": (0, 3), "umap": (1, 3)}
    assert store.require(run_id).projected
    assert not projector.work()


def test_running_runs_come_before_ended_ones(store):
    ended = begin(store, 1, range(2), state="finished")
    running = begin(store, 2, range(2))
    projector = Projector(store)
    for _ in range(2):
        projector.work()
    assert steps_of(store, running, "pca") == [0, 1] and steps_of(store, ended, "pca") == []


def test_features_that_are_no_numbers_are_told_and_left_out(store):
    run_id = begin(store, 1, range(2))
    store.record_features(run_id, 2, np.full((POINTS, 5), np.nan, np.float32), np.zeros(POINTS, np.int16))
    record(store, run_id, 3)
    store.change(run_id, state="failed")
    projector = Projector(store)
    while projector.work():
        pass
    assert steps_of(store, run_id, "pca") == steps_of(store, run_id, "umap") == [0, 1, 3]
    notice = next(notice for notice in store.notices(run_id) if notice.code == "projection_impossible")
    assert "step 2" in notice.text
    assert store.require(run_id).projected


def test_a_run_without_features_is_done_at_once(store):
    run_id = begin(store, 1, range(0), state="failed")
    projector = Projector(store)
    while projector.work():
        pass
    assert store.require(run_id).projected


def test_a_run_that_went_back_is_projected_anew_as_if_it_had_not(store, tmp_path):
    run_id = begin(store, 1, range(4))
    projector = Projector(store)
    while projector.work():
        pass
    straight = store.frames(run_id, "umap")
    store.forget_records(run_id, after_step=1)
    for step in (2, 3):
        record(store, run_id, step, seed=1)
    while projector.work():
        pass
    for frame, other in zip(store.frames(run_id, "umap"), straight, strict=True):
        np.testing.assert_array_equal(frame.points, other.points)


def test_a_projector_started_anew_goes_on_where_the_other_ended(store):
    run_id = begin(store, 1, range(2))
    first = Projector(store)
    while first.work():
        pass
    record(store, run_id, 2, seed=1)
    while Projector(store).work():
        pass
    restarted = store.frames(run_id, "umap")
    store.forget_records(run_id, after_step=-1)
    for step in range(3):
        record(store, run_id, step, seed=1)
    straight = Projector(store)
    while straight.work():
        pass
    for frame, other in zip(restarted, store.frames(run_id, "umap"), strict=True):
        np.testing.assert_array_equal(frame.points, other.points)
