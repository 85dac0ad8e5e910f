"""One feature extractor for several tasks: what each part learns from, checked against the same written out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tlcore.methods.multitask import ManyTasksObjective
from tlcore.presets.multitask import PRESETS
from tlcore.specs import RunSpec, validate
from tlcore.training.preparation import prepare


def objective_of(weighting: str, tasks: tuple[str, ...] = ("left", "right"), **data: Any) -> ManyTasksObjective:
    spec: RunSpec = validate(
        {
            "method": {"name": "shared", "weighting": weighting},
            "data": {"kind": "many_tasks", "tasks": tasks, "target": {"name": "two-digits", "pictures": 200}, **data},
            "network": {"name": "small-cnn", "channels": 4, "features": 8},
            "budget": {"steps": 4, "batch_size": 16, "probe_points": 20},
        }
    )
    prepared = prepare(spec, device=torch.device("cpu"), precision=torch.float32)
    return ManyTasksObjective(spec, prepared.context)


def gradients(objective: ManyTasksObjective) -> tuple[torch.Tensor, torch.Tensor]:
    loss, _ = objective.loss(0.0)
    loss.backward()
    objective.after_backward()
    body = torch.cat([one.grad.flatten() for one in objective.body() if one.grad is not None])
    head = objective.network.predictor.get_submodule("output").weight.grad
    assert isinstance(head, torch.Tensor)
    return body, head


def test_the_body_learns_from_the_mean_of_the_tasks_and_each_head_from_its_own() -> None:
    body, head = gradients(objective_of("equal"))
    objective = objective_of("equal")
    chosen = objective.main[objective.batches["main"].next()]
    features = objective.network.extractor(objective.labelled.inputs[chosen])
    losses = [
        task.loss(objective.head(column)(features), objective.labels[chosen, column])
        for column, task in enumerate(objective.tasks)
    ]
    (sum(losses, torch.zeros(())) / 2).backward()
    expected = torch.cat([one.grad.flatten() for one in objective.body() if one.grad is not None])
    assert torch.allclose(body, expected, atol=1e-6)
    own = objective.network.predictor.get_submodule("output").weight.grad
    assert isinstance(own, torch.Tensor) and torch.allclose(head, 2 * own, atol=1e-6)


@pytest.mark.parametrize("weighting", ["pcgrad", "cagrad", "upgrad"])
def test_a_combined_gradient_is_the_weighted_sum_and_heads_learn_as_before(weighting: str) -> None:
    plain, plain_head = gradients(objective_of("equal"))
    objective = objective_of(weighting)
    body, head = gradients(objective)
    assert torch.allclose(head, plain_head, atol=1e-6)
    assert body.shape == plain.shape and bool(body.isfinite().all()) and float(body @ plain) > 0


def test_few_labels_of_the_main_task_come_in_every_batch_beside_the_companions() -> None:
    objective = objective_of("equal", main_labels=20)
    assert len(objective.main) == 20 and set(objective.batches) == {"main", "others"}
    assert torch.isfinite(objective.loss(0.0)[0])


def test_every_preset_has_valid_arms() -> None:
    assert PRESETS[0].name == "two-digits"
    for preset in PRESETS:
        assert set(preset.side_by_side) <= set(preset.arms)
