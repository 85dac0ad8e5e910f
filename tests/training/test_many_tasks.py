"""What a method and the evaluator are handed of several tasks: known labels, units, and points to follow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tlcore.errors import InvalidRequest
from tlcore.runs.records import Confusion
from tlcore.specs import ManyTasks, RunSpec, validate
from tlcore.training.events import Metrics, Outputs, TaskOutputs
from tlcore.training.many_tasks import (
    ManyTasksData,
    ManyTasksEvaluator,
    Task,
    hide_labels,
    in_standard_units,
    label_notes,
    task_labels,
)
from tlcore.training.preparation import Prepared, prepare

HAIR, AGE = Task("hair", ("dark", "fair")), Task("age")
LABELS = torch.tensor([[0, 10.0], [1, math.nan], [-1, 30.0], [1, 20.0]])


def prepared(tasks: tuple[str, ...], **data: int) -> Prepared:
    spec: RunSpec = validate(
        {
            "method": {"name": "shared"},
            "data": {"kind": "many_tasks", "tasks": tasks, "target": {"name": "two-digits", "pictures": 200}, **data},
            "budget": {"steps": 4, "batch_size": 16, "probe_points": 40},
        }
    )
    return prepare(spec, device=torch.device("cpu"), precision=torch.float32)


def test_quantities_are_told_in_their_own_standard_deviations() -> None:
    told = in_standard_units(LABELS, (HAIR, AGE), LABELS)
    assert torch.equal(told[:, 0], LABELS[:, 0])
    assert told[[0, 2, 3], 1].tolist() == pytest.approx([-math.sqrt(1.5), math.sqrt(1.5), 0.0])
    assert math.isnan(told[1, 1])


def test_only_known_labels_are_dealt_out() -> None:
    left = hide_labels(LABELS, (HAIR, AGE), ManyTasks(tasks=("hair", "age"), main_labels=2, companion_labels=1), 0)
    assert sorted(left[left[:, 0] >= 0, 0].tolist()) == [0, 1]
    assert int(left[:, 1].isfinite().sum()) == 1 and math.isnan(left[1, 1])
    assert label_notes(LABELS, (HAIR, AGE)) == ("Labels to learn from: hair 3, age 3, of 4 examples.",)


def test_points_are_coloured_by_classes_and_by_bands_of_a_quantity() -> None:
    assert task_labels(HAIR, LABELS[:, 0]).labels.tolist() == [0, 1, -1, 1]
    bands = task_labels(AGE, LABELS[:, 1])
    assert bands.labels.tolist()[1] == -1 and bands.labels[0] == 0 and bands.labels[2] == len(bands.class_names) - 1


def test_each_task_is_scored_where_it_is_known() -> None:
    evaluator = ManyTasksEvaluator((HAIR, AGE), LABELS)
    logits = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    scores = list(evaluator.score(Outputs(4, "target", "test", logits)))
    assert isinstance(scores[0], Confusion) and scores[0].counts.tolist() == [[1, 0], [1, 1]]
    values = {name: value for one in scores if isinstance(one, Metrics) for name, value in one.values.items()}
    assert values["target_accuracy"] == values["accuracy.hair"] == pytest.approx(2 / 3)
    told = TaskOutputs(4, "target", "test", np.array([[10.0], [0.0], [25.0], [20.0]], np.float32), "age")
    (score,) = evaluator.score(told)
    assert isinstance(score, Metrics) and score.values["r2.age"] == pytest.approx(1 - 25 / 200)
    unknown = ManyTasksEvaluator((HAIR, AGE), torch.full_like(LABELS, math.nan))
    assert list(unknown.score(told)) == []


def test_runs_of_different_tasks_follow_the_same_points() -> None:
    alone, other, both = (prepared(tasks).probe for tasks in (("left",), ("right", "left"), ("left", "right", "sum")))
    assert np.array_equal(alone.labels, both.labels) and np.array_equal(other.labels, both.others[0].labels)
    assert alone.thumbnails is not None and np.array_equal(alone.thumbnails, other.thumbnails)
    assert (both.task, [one.task for one in both.others]) == ("left", ["right", "sum"])
    assert [len(one.class_names) for one in (other, *both.others)] == [10, 10, 19]


def test_labels_that_are_not_given_are_not_there() -> None:
    ready = prepared(("left", "difference"), main_labels=30)
    data = ready.context.data
    assert isinstance(data, ManyTasksData) and len(data.main) == 30
    assert int((data.labels[:, 0] >= 0).sum()) == 30 and bool(data.labels[:, 1].isfinite().all())
    assert float(data.labels[:, 1].std(correction=0)) == pytest.approx(1.0, abs=1e-3)
    assert ready.notes == ("Labels to learn from: left 30, difference 250, of 250 examples.",)


def test_a_main_task_without_a_label_to_test_on_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no task “nothing”"):
        prepared(("nothing",))
