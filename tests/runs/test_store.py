"""What is put into the store comes out of it, and a run passes through its states as promised."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tlcore.errors import InvalidRequest, StoreError
from tlcore.runs import Confusion, Frame, Notice, Probe, Store, Surface, default_store
from tlcore.specs import RunSpec, RunStart


class TestStates:
    def test_a_new_run_waits(self, store: Store, spec: RunSpec):
        run_id = store.add(spec, preset="page/name", arm="dann", device="cpu")
        run = store.get(run_id)
        assert run is not None
        assert (run.id, run.spec, run.state, run.live) == (spec.content_hash, spec, "queued", True)
        assert (run.preset, run.arm, run.device, run.step, run.steps) == ("page/name", "dann", "cpu", 0, 10)

    def test_several_runs_are_read_at_once_and_those_that_are_missing_are_left_out(self, store: Store, spec: RunSpec):
        ids = [store.add(spec.model_copy(update={"seed": seed}), arm=f"arm{seed}") for seed in range(3)]
        store.change(ids[1], state="running", step=4)
        found = store.several([ids[2], "0" * 16, ids[1]])
        assert found == {run_id: store.get(run_id) for run_id in ids[1:]}
        assert (found[ids[1]].state, found[ids[1]].step, found[ids[2]].arm) == ("running", 4, "arm2")
        assert store.several([]) == {}

    def test_the_newest_can_come_first(self, store: Store, spec: RunSpec):
        ids = [store.add(spec.model_copy(update={"seed": seed})) for seed in range(4)]
        for created, run_id in enumerate(ids):
            store.change(run_id, created=float(created), state="finished" if created else "queued")
        assert [run.id for run in store.runs(["finished"], limit=2)] == ids[1:3]
        assert [run.id for run in store.runs(["finished"], limit=2, newest=True)] == [ids[3], ids[2]]
        assert (store.count("finished"), store.count("queued"), store.count("failed")) == (3, 1, 0)

    @pytest.mark.parametrize("state", ["queued", "running", "finished"])
    def test_asked_for_again_it_is_left_alone(self, store: Store, spec: RunSpec, state: str):
        run_id = store.add(spec)
        store.change(run_id, state=state, step=7, seconds=1.5)
        before = store.get(run_id)
        assert store.add(spec, device="cuda") == run_id
        assert store.get(run_id) == before
        assert len(store.runs()) == 1

    @pytest.mark.parametrize("state", ["stopped", "failed"])
    def test_stopped_or_failed_it_waits_again_and_keeps_its_progress(self, store: Store, spec: RunSpec, state: str):
        run_id = store.add(spec)
        store.change(run_id, state=state, step=7, seconds=1.5, reason="why", ended=1.0, pid=3, paused=1)
        store.send(run_id, "stop")
        store.add(spec, device="cpu")
        run = store.require(run_id)
        assert (run.state, run.step, run.seconds, run.device) == ("queued", 7, 1.5, "cpu")
        assert (run.reason, run.ended, run.pid, run.paused) == (None, None, None, False)
        assert store.take_messages(run_id) == [], "what was meant for the earlier attempt is forgotten"

    def test_a_second_owner_does_not_take_a_run_over(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        store.add(spec, preset="first", arm="a")
        store.add(spec, preset="second", arm="b")
        assert (store.require(run_id).preset, store.require(run_id).arm) == ("first", "a")

    def test_a_change_may_depend_on_the_state(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        assert not store.change(run_id, only=("running",), state="finished")
        assert store.require(run_id).state == "queued"
        assert store.change(run_id, only=("queued", "running"), state="stopped", summary={"target_accuracy": 0.5})
        assert store.require(run_id).state == "stopped"
        assert store.require(run_id).summary == {"target_accuracy": 0.5}
        assert not store.require(run_id).live
        assert not store.change("0" * 16, state="failed")

    def test_runs_by_state_the_oldest_first(self, store: Store, spec: RunSpec):
        ids = [store.add(spec.model_copy(update={"seed": seed})) for seed in range(4)]
        store.change(ids[1], state="finished")
        store.change(ids[3], state="failed")
        assert [run.id for run in store.runs()] == ids
        assert [run.id for run in store.runs(("finished", "failed"))] == [ids[1], ids[3]]
        assert [run.id for run in store.runs(limit=2)] == ids[:2]


class TestDependencies:
    def test_what_a_run_starts_from_is_queued_before_it(self, store: Store, spec: RunSpec):
        middle = RunSpec(seed=1, start=RunStart(spec=spec))
        last = RunSpec(seed=2, start=RunStart(spec=middle))
        store.add(last, preset="p", arm="a")
        assert [run.id for run in store.runs()] == [spec.content_hash, middle.content_hash, last.content_hash]
        assert store.require(spec.content_hash).preset is None, "it belongs to no arm of that experiment"

    def test_one_that_has_finished_is_not_trained_again(self, store: Store, spec: RunSpec):
        store.change(store.add(spec), state="finished")
        store.add(RunSpec(start=RunStart(spec=spec)))
        assert store.require(spec.content_hash).state == "finished"

    def test_one_that_failed_is_tried_again(self, store: Store, spec: RunSpec):
        store.change(store.add(spec), state="failed")
        store.add(RunSpec(start=RunStart(spec=spec)))
        assert store.require(spec.content_hash).state == "queued"


class TestFinding:
    def test_no_run_is_none(self, store: Store):
        assert store.get("0" * 16) is None

    def test_an_identity_may_be_shortened(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        assert store.require(run_id[:6]).id == run_id

    @pytest.mark.parametrize("text", ["", "%", "_", "0000", "' OR 1=1 --", "*"])
    def test_what_is_not_there_is_said(self, store: Store, spec: RunSpec, text: str):
        store.add(spec)
        with pytest.raises(InvalidRequest, match="There is no run"):
            store.require(text)

    def test_too_short_an_identity_is_refused(self, store: Store, spec: RunSpec):
        ids = [store.add(spec.model_copy(update={"seed": seed})) for seed in range(17)]
        shared = next(first for first in {run_id[0] for run_id in ids} if sum(i[0] == first for i in ids) > 1)
        with pytest.raises(InvalidRequest, match="Several runs begin with"):
            store.require(shared)

    def test_a_run_of_another_version_hides_no_others(self, store: Store, spec: RunSpec):
        old, damaged, good = (store.add(spec.model_copy(update={"seed": seed})) for seed in range(3))
        store.change(old, spec='{"method": {"name": "gone"}}')
        store.change(damaged, spec="{")
        assert [run.id for run in store.runs()] == [good]
        for run_id in (old, damaged):
            with pytest.raises(StoreError, match=f"Run {run_id} cannot be read by this version of the lab"):
                store.get(run_id)

    def test_deleted_it_is_gone_with_all_it_recorded(self, store: Store, spec: RunSpec):
        run_id, other = store.add(spec), store.add(RunSpec())
        for one in (run_id, other):
            store.record_metrics(one, [(1, {"loss": 1.0})])
        store.delete(run_id)
        assert store.get(run_id) is None
        assert store.metrics(run_id) == {}
        assert store.latest(other) == {"loss": 1.0}

    def test_the_default_folder(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("TLCORE_STORE", "/somewhere")
        assert default_store() == Path("/somewhere")
        monkeypatch.delenv("TLCORE_STORE")
        assert default_store().name == "transfer-learning-lab"


class TestMessages:
    def test_in_order_and_once(self, store: Store, spec: RunSpec):
        run_id, other = store.add(spec), store.add(RunSpec())
        store.send(run_id, "pause")
        store.send(other, "stop")
        store.send(run_id, "step", count=3)
        store.send(run_id, "resume")
        assert store.take_messages(run_id) == [("pause", {}), ("step", {"count": 3}), ("resume", {})]
        assert store.take_messages(run_id) == []
        assert store.take_messages(other) == [("stop", {})]


class TestMetrics:
    def test_series_by_step(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        store.record_metrics(run_id, [(20, {"loss": 0.5}), (10, {"loss": 1.0, "accuracy": 0.1})])
        metrics = store.metrics(run_id)
        assert metrics["loss"].steps.tolist() == [10, 20]
        assert metrics["loss"].values.tolist() == [1.0, 0.5]
        assert set(store.metrics(run_id, ["accuracy"])) == {"accuracy"}
        assert store.latest(run_id) == {"loss": 0.5, "accuracy": 0.1}

    def test_nan_and_infinity_stay_what_they_are(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        store.record_metrics(run_id, [(1, {"loss": math.inf}), (2, {"loss": math.nan})])
        values = store.metrics(run_id)["loss"].values
        assert values[0] == math.inf and math.isnan(values[1])
        assert math.isnan(store.latest(run_id)["loss"])

    def test_a_step_recorded_again_replaces(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        store.record_metrics(run_id, [(1, {"loss": 1.0})])
        store.record_metrics(run_id, [(1, {"loss": 2.0})])
        assert store.metrics(run_id)["loss"].values.tolist() == [2.0]

    def test_all_or_nothing(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        with pytest.raises(StoreError):
            store.record_metrics(run_id, [(1, {"loss": 1.0}), (None, {"loss": 2.0})])  # type: ignore[list-item]
        assert store.metrics(run_id) == {}


def frame(step: int, layout: int = 0, projection: str = "umap", value: float = 0.0) -> Frame:
    return Frame(step, projection, np.full((4, 2), value, np.float32), np.zeros(4, np.int16), layout)


class TestFrames:
    def test_only_the_newest_layout_is_shown(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        store.record_frames(run_id, [frame(0), frame(10), frame(20)])
        store.record_frames(run_id, [frame(0, 1, value=1.0), frame(20, 1, value=1.0)])
        assert [(shown.step, shown.layout) for shown in store.frames(run_id, "umap")] == [(0, 1), (20, 1)]
        assert store.frames(run_id, "umap")[0].points.tolist() == [[1.0, 1.0]] * 4
        assert [shown.step for shown in store.frames(run_id, "umap", after_step=0)] == [20]
        assert store.frames(run_id, "pca") == []
        assert store.projections(run_id) == {"umap": (1, 2)}

    def test_each_projection_has_layouts_of_its_own(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        store.record_frames(run_id, [frame(0, 3, "umap"), frame(0, 0, "pca"), frame(5, 0, "pca")])
        assert [shown.step for shown in store.frames(run_id, "pca")] == [0, 5]

    def test_a_run_that_continues_forgets_what_came_after(self, store: Store, spec: RunSpec):
        run_id = store.add(spec)
        store.record_frames(run_id, [frame(0), frame(10), frame(20), frame(0, 1), frame(10, 1)])
        store.record_metrics(run_id, [(10, {"loss": 1.0}), (11, {"loss": 1.0})])
        store.record_notice(run_id, Notice(15, "warning", "nan", "text"))
        store.forget_records(run_id, after_step=10)
        assert [(shown.step, shown.layout) for shown in store.frames(run_id, "umap")] == [(0, 0), (10, 0)]
        assert store.metrics(run_id)["loss"].steps.tolist() == [10]
        assert store.notices(run_id) == []


def test_records_come_back_as_they_were(store: Store, spec: RunSpec):
    run_id = store.add(spec)
    random = np.random.default_rng(0)
    assert store.probe(run_id) is None
    assert store.features(run_id, 0) is None
    assert store.confusion(run_id, "target") is None

    probe = Probe(
        np.arange(4, dtype=np.int16), np.array([0, 0, 1, 1], np.int8), ("null", "eins"),
        random.integers(0, 256, (4, 3, 8, 8)).astype(np.uint8),
    )  # fmt: skip
    store.record_probe(run_id, probe)
    found = store.probe(run_id)
    assert found is not None and len(found) == 4
    assert found.class_names == ("null", "eins")
    for name in ("labels", "domains", "thumbnails"):
        np.testing.assert_array_equal(getattr(found, name), getattr(probe, name))
        assert getattr(found, name).dtype == getattr(probe, name).dtype

    store.record_probe(run_id, Probe(probe.labels, probe.domains, ("a",)))
    found = store.probe(run_id)
    assert found is not None and found.thumbnails is None

    features = random.normal(size=(4, 7)).astype(np.float32)
    store.record_features(run_id, 5, features, np.arange(4, dtype=np.int16))
    store.record_features(run_id, 0, features, np.arange(4, dtype=np.int16))
    assert store.feature_steps(run_id) == [0, 5]
    stored = store.features(run_id, 5)
    assert stored is not None and stored[0].dtype == np.float32
    np.testing.assert_allclose(stored[0], features, rtol=1e-3)

    for step in (1, 2):
        field = random.random((3, 5)).astype(np.float32)
        store.record_surface(run_id, Surface(step, "class", (-1.0, 1.0, -2.0, 2.0), field))
    store.record_surface(run_id, Surface(2, "domain", (-1.0, 1.0, -2.0, 2.0), field))
    assert [(shown.step, shown.name) for shown in store.surfaces(run_id)] == [(1, "class"), (2, "class"), (2, "domain")]
    (surface,) = store.surfaces(run_id, "domain")
    assert surface.extent == (-1.0, 1.0, -2.0, 2.0)
    np.testing.assert_array_equal(surface.values, field)

    store.record_confusion(run_id, Confusion(1, "target", np.eye(2, dtype=np.int64)))
    store.record_confusion(run_id, Confusion(2, "target", 2 * np.eye(2, dtype=np.int64)))
    confusion = store.confusion(run_id, "target")
    assert confusion is not None and confusion.step == 2
    assert confusion.counts.tolist() == [[2, 0], [0, 2]]


def test_one_notice_of_each_code_is_kept_the_latest(store: Store, spec: RunSpec):
    run_id = store.add(spec)
    store.record_notice(run_id, Notice(3, "warning", "dead", "first"))
    store.record_notice(run_id, Notice(2, "info", "other", "hello"))
    store.record_notice(run_id, Notice(9, "error", "dead", "second"))
    assert store.notices(run_id) == [Notice(2, "info", "other", "hello"), Notice(9, "error", "dead", "second")]
