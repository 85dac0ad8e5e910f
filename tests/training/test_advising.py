"""What the adviser measures: against figures known beforehand, and of a real source run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.finished import finished
from tests.training.test_trying import source_spec, target_spec
from tlcore.errors import InvalidRequest, MissingData
from tlcore.execution.questions import ask
from tlcore.runs import Store
from tlcore.specs import RunStart, validate
from tlcore.specs.model_questions import AdviseTransfer, TryPicture
from tlcore.training.advising import Looked, advise_transfer, left_out_accuracy, measure


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    torch.set_num_threads(1)
    store = Store(tmp_path_factory.mktemp("advised"))
    finished(store, source_spec())
    yield store
    store.database.close()


def blobs(each: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), each)
    return apart * np.eye(3)[labels] + 0.1 * random.normal(size=(3 * each, 3)), labels


class TestLeftOut:
    def test_classes_apart_are_all_named_rightly(self) -> None:
        assert left_out_accuracy(*blobs(8, 5.0), 0) == 1.0

    def test_labels_that_mean_nothing_are_named_by_chance(self) -> None:
        features, labels = blobs(100, 0.0)
        assert left_out_accuracy(features, labels, 0) == pytest.approx(1 / 3, abs=0.09)

    def test_no_example_is_named_by_a_classifier_that_knew_it(self) -> None:
        """Each example has a feature of its own: whoever is asked about one it was fitted to would be right."""
        features, labels = np.eye(40), np.arange(40) % 2
        assert left_out_accuracy(features, labels, 0) < 0.75
        assert left_out_accuracy(*blobs(2, 5.0), 0) == 1.0, "two of each class are enough"


def test_figures_that_need_what_is_not_there_are_left_out() -> None:
    features, labels = blobs(1, 5.0)
    alone = measure(Looked(features, labels, features, features, None, None), labels=3, classes=3, seed=0)
    assert (alone.distance, alone.separable, alone.plain_separable, alone.leep) == (None, None, None, None)
    assert alone.logme is not None and not alone.source_head and alone.labels_per_class == 1
    one_class = measure(
        Looked(features, np.zeros(3, int), features, features, features, None), labels=3, classes=1, seed=0
    )
    assert one_class.logme is None and one_class.separable is None


def test_a_source_like_the_target_is_nearer_than_another() -> None:
    random = np.random.default_rng(0)
    features, labels = blobs(30, 5.0)
    same, other = random.permutation(features), features + 9.0
    answers = np.eye(3)[labels] * 0.97 + 0.01
    found = [
        measure(
            Looked(features, labels, np.zeros_like(features), features, source, answers), labels=90, classes=3, seed=0
        )
        for source in (same, other)
    ]
    assert found[0].distance is not None and found[1].distance is not None
    assert found[0].distance < 1.0 < 1.9 < found[1].distance
    assert found[0].leep == pytest.approx(0.0, abs=0.25) and found[0].source_head
    assert found[0].separable == 1.0 and found[0].plain_separable < 0.5


def test_the_advice_on_a_real_task(store: Store) -> None:
    answer = advise_transfer(target_spec("fine_tune"), store, ("scratch", "l2_sp", "fine_tune"))
    measured, advice = answer["measured"], answer["advice"]
    assert (measured["labels"], measured["classes"], measured["labels_per_class"]) == (30, 10, 3)
    assert 0 <= measured["distance"] <= 2 and measured["leep"] < 0
    assert 0 <= measured["separable"] <= 1 and 0 <= measured["plain_separable"] <= 1
    assert advice["arm"] in ("scratch", "l2_sp", "fine_tune") and sorted(advice["order"]) == [
        "fine_tune",
        "l2_sp",
        "scratch",
    ]
    assert answer == advise_transfer(target_spec("l2_sp"), store, ("scratch", "l2_sp", "fine_tune")), (
        "no arm is favoured"
    )


def test_published_weights_are_advised_on_without_a_distance(tmp_path: Path, store: Store) -> None:
    spec = validate({
        "method": {"name": "fine_tune"},
        "data": {"kind": "task_pair", "target": {"name": "photo-digits", "renderings": 1}, "labels_per_class": 2},
        "network": {"name": "torchvision", "architecture": "squeezenet1_1", "weights": "none"},
    })  # fmt: skip
    with pytest.raises(InvalidRequest, match="these weights are random"):
        advise_transfer(spec, store)


def test_what_cannot_be_advised_on_is_said(store: Store) -> None:
    with pytest.raises(InvalidRequest, match="Only a target task"):
        advise_transfer(source_spec(), store)
    scratch = target_spec("scratch").model_copy(update={"start": validate({}).start})
    with pytest.raises(InvalidRequest, match="begins with random weights"):
        advise_transfer(scratch, store)
    task = target_spec("fine_tune")
    assert isinstance(task.start, RunStart)
    other = task.model_copy(update={"start": RunStart(spec=task.start.spec.model_copy(update={"seed": 9}))})
    with pytest.raises(MissingData, match="not trained on this machine yet"):
        advise_transfer(other, store)
    with pytest.raises(InvalidRequest, match="None of these ways"):
        advise_transfer(task, store, ("magic",))


def test_both_are_questions_that_a_process_of_its_own_answers(store: Store) -> None:
    task = target_spec("fine_tune")
    answer = ask(AdviseTransfer(task=task, store=str(store.folder)))
    assert answer == json.loads(json.dumps(advise_transfer(task, store)))
    run = finished(store, task)
    with pytest.raises(InvalidRequest, match="it is empty"):
        ask(TryPicture(run=run.id, store=str(store.folder)), upload=b"")
