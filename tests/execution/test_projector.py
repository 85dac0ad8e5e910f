"""Which frames are projected when, and what becomes of features that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from tests.execution.conftest import spec_of
from tlcore.execution.projector import Projector
from tlcore.projection import live
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
        done.append([len(steps_of(store, run, name)) for name in ("pca", "pca-3d", "umap") for run in runs])
    for frame, counts in enumerate(done):
        pca, space, umap = counts[:2], counts[2:4], counts[4:]
        assert all(max(each) - min(each) <= 1 for each in (pca, space, umap))
        assert frame < 6 or sum(pca) == 6
        assert frame < 12 or sum(space) == 6
    assert done[-1] == [3, 3, 3, 3, 3, 3]


def test_while_umap_is_being_made_ready_principal_components_are_laid_out(store):
    run_id, ended = begin(store, 1, range(2)), begin(store, 2, range(2), state="finished")
    ready = False
    projector = Projector(store, lambda: ready)
    while projector.work():
        pass
    for run in (run_id, ended):
        assert [steps_of(store, run, name) for name in ("pca", "pca-3d", "umap")] == [[0, 1], [0, 1], []]
    ready = True
    while projector.work():
        pass
    assert steps_of(store, run_id, "umap") == [0, 1] and store.require(ended).projected


def test_each_live_frame_comes_with_its_neighbours_among_the_features(store, monkeypatch):
    sought = []
    original = live.nearest_neighbours
    monkeypatch.setattr(live, "nearest_neighbours", lambda *given: sought.append(given) or original(*given))
    monkeypatch.setattr("tlcore.projection.umap.nearest_neighbours", None)  # UMAP takes those that are known
    run_id = begin(store, 1, range(3))
    projector = Projector(store)
    while projector.work():
        pass
    assert store.neighbour_steps(run_id) == steps_of(store, run_id, "umap") == [0, 1, 2] and len(sought) == 3
    for step in range(3):
        features = store.features(run_id, step)[0]
        distances = np.linalg.norm(features[:, None] - features[None], axis=2) + 1e9 * np.eye(POINTS)
        kept = store.neighbours(run_id, step)
        assert kept.step == step and kept.indices.dtype == np.int16
        np.testing.assert_array_equal(kept.indices, distances.argsort(axis=1)[:, :8])


def test_a_run_that_trains_goes_before_a_film_in_hand(store):
    ended = begin(store, 1, range(4), state="finished")
    projector = Projector(store)
    while store.projections(ended).get("umap") != (0, 4):
        projector.work()
    projector.work()  # one frame of the film
    assert not store.require(ended).projected
    running = begin(store, 2, range(2))
    for projection in ("pca", "pca-3d", "umap"):
        for step in range(2):
            projector.work()
            assert steps_of(store, running, projection)[-1] == step
    work = 0
    while projector.work():
        work += 1
    assert work == 4  # the other three frames, and recording: what was begun was not begun anew
    assert store.require(ended).projected and store.projections(ended)["umap"] == (1, 4)
    interrupted = {name: store.frames(ended, name) for name in ("umap", "umap-3d")}
    store.change(ended, projected=False)
    straight = Projector(store)
    while straight.work():
        pass
    for name, frames in interrupted.items():
        for frame, other in zip(frames, store.frames(ended, name), strict=True):
            np.testing.assert_array_equal(frame.points, other.points)


@pytest.mark.parametrize("change", ["goes on", "is deleted"])
def test_a_film_in_hand_is_dropped_when_its_run(store, change):
    run_id = begin(store, 1, range(4), state="stopped")
    projector = Projector(store)
    while store.projections(run_id).get("umap") != (0, 4):
        projector.work()
    projector.work()
    if change == "is deleted":
        store.delete(run_id)
        assert not projector.work()
        return
    store.change(run_id, state="running")
    record(store, run_id, 4, seed=1)
    while projector.work():
        pass
    assert store.projections(run_id)["umap"] == (0, 5)
    store.change(run_id, state="finished", step=4)
    while projector.work():
        pass
    assert store.projections(run_id)["umap"] == store.projections(run_id)["umap-3d"] == (1, 5)


@pytest.mark.parametrize("steps", [1, 2])
def test_three_points_and_few_frames(store, steps):
    run_id = store.add(spec_of(1))
    for step in range(steps):
        features = np.random.default_rng(step).normal(size=(3, 5)).astype(np.float32)
        store.record_features(run_id, step, features, np.zeros(3, np.int16))
    store.change(run_id, state="finished")
    projector = Projector(store)
    while projector.work():
        pass
    assert store.projections(run_id).keys() == {"pca", "pca-3d", "umap", "umap-3d"}
    assert store.neighbours(run_id).indices.shape == (3, 2)
    values = store.film_quality(run_id, "umap").values
    assert values.keys() >= {"trustworthiness", "neighbour_preservation"} and ("displacement" in values) <= (steps > 1)
    assert np.isfinite(list(values.values())).all()


def test_features_that_are_all_the_same_have_no_neighbours_and_no_quality(store):
    run_id = store.add(spec_of(1))
    for step in range(2):
        store.record_features(run_id, step, np.ones((POINTS, 5), np.float32), np.zeros(POINTS, np.int16))
    store.change(run_id, state="finished")
    projector = Projector(store)
    while projector.work():
        pass
    assert store.require(run_id).projected and store.projections(run_id)["umap-3d"] == (1, 2)
    assert store.neighbour_steps(run_id) == []
    assert all(store.film_quality(run_id, name) is None for name in store.projections(run_id))


def test_features_that_cannot_be_read_are_told_and_left_out(store):
    run_id = begin(store, 1, range(3))
    with store.database.transaction() as connection:
        connection.execute("UPDATE features SET features = x'00' WHERE step = 1")
    store.change(run_id, state="finished")
    projector = Projector(store)
    while projector.work():
        pass
    assert steps_of(store, run_id, "pca") == steps_of(store, run_id, "umap-3d") == [0, 2]
    notice = next(notice for notice in store.notices(run_id) if notice.code == "features_damaged")
    assert "step 1" in notice.text and store.require(run_id).projected


def test_a_film_whose_points_change_in_number_is_not_laid_out_anew(store):
    run_id = begin(store, 1, range(2))
    store.record_features(run_id, 2, np.eye(7, 5, dtype=np.float32), np.zeros(7, np.int16))
    store.change(run_id, state="finished")
    projector = Projector(store)
    while projector.work():
        pass
    assert store.require(run_id).projected and store.projections(run_id).keys() == {"pca", "pca-3d", "umap"}
    assert {notice.code for notice in store.notices(run_id)} == {"projection_impossible", "film_not_laid_out"}
    assert store.film_quality(run_id, "pca") is None


def test_a_film_is_laid_out_once_its_run_has_ended(store):
    run_id = begin(store, 1, range(3))
    projector = Projector(store)
    while projector.work():
        pass
    assert store.projections(run_id)["umap"] == (0, 3) and not store.require(run_id).projected
    store.change(run_id, state="finished")
    while projector.work():
        pass
    assert store.projections(run_id) == {"pca": (0, 3), "pca-3d": (0, 3), "umap": (1, 3), "umap-3d": (1, 3)}
    assert store.require(run_id).projected
    for projection, dimensions in (("pca", 2), ("pca-3d", 3), ("umap", 2), ("umap-3d", 3)):
        assert store.frames(run_id, projection)[0].points.shape == (POINTS, dimensions)
        quality = store.film_quality(run_id, projection)
        assert quality is not None and quality.layout == store.projections(run_id)[projection][0]
        assert quality.values["trustworthiness"] > 0.5 and quality.values["neighbour_preservation"] > 0.3
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
