"""Progressive networks: the old columns stay bit for bit, what is new learns, and widths may differ."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.methods.fine_tuning_parts import context_of, events_of, source_weights, target_spec, weights_of
from tlcore.methods.progressive import ProgressiveObjective
from tlcore.networks.columns import forward
from tlcore.specs import RunSpec, validate
from tlcore.training.events import Metrics, TaskOutputs
from tlcore.training.networks import channels_last


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return source_weights()


def progressive_spec(channels: int = 6, **method: Any) -> RunSpec:
    document = target_spec("fine_tune").model_dump(mode="json")
    document["method"] = {"name": "progressive", "adapter_width": 3, **method}
    document["network"] = {"name": "block-cnn", "channels": channels, "features": 5}
    return validate(document)


def test_the_old_column_answers_bit_for_bit_as_before_and_the_new_parts_learn(weights: dict[str, torch.Tensor]) -> None:
    spec = progressive_spec()
    objective = ProgressiveObjective(spec, context_of(spec, weights))
    pictures = context_of(spec, weights).data.held_out["source", "test"]
    before = {name: one.clone() for name, one in objective.laterals.state_dict().items()}
    with torch.no_grad():
        answers = objective.outputs("source", pictures)[1].clone()
    after = weights_of(events_of(spec, context_of(spec, weights)))
    for name, tensor in weights.items():
        assert torch.equal(after[f"columns.columns.0.{name}"], tensor), name
    restored = ProgressiveObjective(spec, context_of(spec, weights))
    restored.old.load_state_dict({n.removeprefix("columns."): t for n, t in after.items() if n.startswith("columns.")})
    with torch.no_grad():
        assert torch.equal(restored.outputs("source", pictures)[1], answers)
    changed = [name for name, one in before.items() if not torch.equal(after[f"laterals.{name}"], one)]
    assert {name.split(".")[1] for name in changed} == {"scale", "down", "up"}
    learning = {id(one) for group in objective.parameter_groups() for one in group["params"]}
    assert {id(one) for one in objective.laterals.parameters()} <= learning
    assert not learning & {id(one) for one in objective.old.parameters()}


@pytest.mark.parametrize("channels", [4, 9])
def test_laterals_join_columns_of_any_width_and_silent_ones_add_nothing(
    weights: dict[str, torch.Tensor], channels: int
) -> None:
    spec = progressive_spec(channels)
    objective = ProgressiveObjective(spec, context_of(spec, weights))
    objective.network.eval()
    inputs = channels_last(context_of(spec, weights).data.probe)
    assert set(objective.laterals) == {f"column1_layer{layer}" for layer in range(2, 7)}
    with torch.no_grad():
        alone = forward(objective.network, {}, inputs, ())[2]
        assert torch.equal(objective.forward(inputs, tuple(objective.laterals))[1], alone)
        assert not torch.equal(objective.forward(inputs)[1], alone)


def test_a_third_column_reads_both(weights: dict[str, torch.Tensor]) -> None:
    second = progressive_spec()
    document = second.model_dump(mode="json")
    document["start"] = {"kind": "run", "spec": second.model_dump(mode="json")}
    third = validate(document)
    told = weights_of(events_of(second, context_of(second, weights)))
    objective = ProgressiveObjective(third, context_of(third, told))
    assert {name.split("_")[0] for name in objective.laterals} == {"column1", "column2"}
    pictures = context_of(third, told).data.probe
    with torch.no_grad():
        asked = ProgressiveObjective(second, context_of(second, weights))
        for part in ("extractor", "predictor"):
            own = {n.removeprefix(f"{part}."): t for n, t in told.items() if n.startswith(f"{part}.")}
            getattr(asked.network, part).load_state_dict(own)
        asked.laterals.load_state_dict(
            {n.removeprefix("laterals."): t for n, t in told.items() if n.startswith("laterals.")}
        )
        asked.network.eval()
        assert torch.equal(objective.outputs("source", pictures)[1], asked.forward(pictures)[1])


def test_each_lateral_is_taken_away_once_and_sensitivities_of_a_layer_sum_to_one(
    weights: dict[str, torch.Tensor],
) -> None:
    spec = progressive_spec()
    events = events_of(spec, context_of(spec, weights))
    without = [event.task for event in events if isinstance(event, TaskOutputs)]
    assert without == [f"without_column1_layer{layer}" for layer in range(2, 7)]
    values = {name: one for event in events if isinstance(event, Metrics) for name, one in event.values.items()}
    for layer in range(2, 7):
        shares = [values[f"fisher.column{column}_layer{layer}"] for column in (1, 2)]
        assert sum(shares) == pytest.approx(1.0) and min(shares) >= 0
    assert values["parameters.total"] > values["parameters.trained"] > values["parameters.laterals"] > 0


def test_random_columns_leave_the_old_task_alone(weights: dict[str, torch.Tensor]) -> None:
    spec = progressive_spec(first_columns="random")
    after = weights_of(events_of(spec, context_of(spec, weights)))
    for name, tensor in weights.items():
        assert torch.equal(after[f"columns.columns.0.{name}"], tensor), name
    assert not torch.equal(after["random_columns.columns.0.extractor.conv1.weight"], weights["extractor.conv1.weight"])
