"""Batch normalisation's policies, number formats, memory order, and weights that another run left."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch.nn import functional

from tlcore.errors import InvalidRequest
from tlcore.methods.registry import METHODS
from tlcore.training import networks
from tlcore.training.events import Features, Outputs
from tlcore.training.networks import channel_means, channels_last

MOMENTUM = 0.1  # of torch's running statistics


def objective_of(spec: Any, context: Any) -> Any:
    return inspect.getgeneratorlocals(METHODS[spec.method.name](spec, context))["objective"]  # type: ignore


def first_convolution(objective: Any, inputs: torch.Tensor) -> torch.Tensor:
    """What the first batch normalisation is given, by channel: (C, N·H·W)."""
    extractor = objective.network.extractor
    centred = inputs.float() / 255 - extractor.centre.mean
    maps = functional.conv2d(centred, extractor.conv1.weight, extractor.conv1.bias, padding=2)
    return maps.detach().transpose(0, 1).flatten(1)


def moved(mean: torch.Tensor, variance: torch.Tensor, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Running statistics after one more batch."""
    return (
        (1 - MOMENTUM) * mean + MOMENTUM * maps.mean(1),
        (1 - MOMENTUM) * variance + MOMENTUM * maps.var(1, unbiased=True),
    )


def test_channel_means_of_many_pictures_are_those_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = torch.randint(0, 256, (23, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    means = channel_means(pictures)
    assert torch.equal(means, pictures.float().mean((0, 2, 3)))
    monkeypatch.setattr(networks, "VALUES_AT_ONCE", 5 * pictures[0].numel())
    assert torch.allclose(channel_means(pictures), means, rtol=1e-6)


@pytest.mark.parametrize("policy", ["joint", "separate", "source"])
def test_running_statistics_average_over_what_the_policy_says(make_spec: Any, make_context: Any, policy: str) -> None:
    spec = make_spec("dann", network={"normalisation": "batch"}, method={"batch_norm_statistics": policy})
    context = make_context(spec)
    objective = objective_of(spec, context)
    norm = objective.network.extractor.norm1
    generators = [torch.Generator().manual_seed(2 * spec.seed + number) for number in (1, 2)]
    ours, theirs = (torch.randperm(30, generator=generator)[:8] for generator in generators)
    source = first_convolution(objective, context.data.source.inputs[ours])
    target = first_convolution(objective, context.data.target.inputs[theirs])
    batches = {"joint": [torch.cat([source, target], 1)], "separate": [source, target], "source": [source]}[policy]
    mean, variance = torch.zeros(4), torch.ones(4)
    for batch in batches:
        mean, variance = moved(mean, variance, batch)
    seen: list[torch.Tensor] = []
    norm.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
    objective.loss(0.0)
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, variance)
    assert int(norm.num_batches_tracked) == len(batches)
    assert norm.training
    # What the target is normalised by in this very step.
    scale, centre = {
        "joint": (batches[0].var(1, unbiased=False), batches[0].mean(1)),
        "separate": (target.var(1, unbiased=False), target.mean(1)),
        "source": (variance, mean),
    }[policy]
    expected = (target - centre[:, None]) / (scale + norm.eps).sqrt()[:, None]
    torch.testing.assert_close(seen[-1][-8:].transpose(0, 1).flatten(1), expected, rtol=1e-4, atol=1e-4)


def test_source_only_never_sees_the_target(make_spec: Any, make_context: Any, train: Any) -> None:
    """Another target altogether: the same weights and the same running statistics, to the last bit."""
    spec = make_spec("source_only", network={"normalisation": "batch"}, budget={"steps": 6, "evaluations": 3})
    one, other = (train(spec, make_context(spec, target_seed=seed)) for seed in (1, 2))
    for name, tensor in one.weights.items():
        assert torch.equal(tensor, other.weights[name]), name
    assert "extractor.norm2.running_var" in one.weights


def test_what_is_measured_is_in_full_precision_whatever_training_is_in(
    make_spec: Any, make_context: Any, train: Any
) -> None:
    spec = make_spec("dann", budget={"steps": 1})
    full, half = (train(spec, make_context(spec, precision=precision)) for precision in (torch.float32, torch.bfloat16))
    for one, other in zip(full.events, half.events, strict=True):
        if isinstance(one, (Outputs, Features)) and one.step == 0:
            field = "logits" if isinstance(one, Outputs) else "array"
            assert (getattr(one, field) == getattr(other, field)).all()
    for name, tensor in half.weights.items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, full.weights[name], rtol=0.05, atol=0.01)
    assert any(not torch.equal(tensor, full.weights[name]) for name, tensor in half.weights.items())


def test_memory_order_changes_no_value() -> None:
    pictures = torch.randint(0, 255, (5, 3, 8, 8), dtype=torch.uint8)
    ordered = channels_last(pictures)
    assert ordered.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(ordered, pictures)
    points = torch.rand(5, 2)
    assert channels_last(points) is points


class TestStartWeights:
    def test_are_taken_to_the_last_bit(self, make_spec: Any, make_context: Any, train: Any) -> None:
        spec = make_spec("dann")
        weights = train(spec, make_context(spec)).weights
        later = spec.model_copy(update={"seed": 8})
        modules = objective_of(later, make_context(later, start_weights=weights)).modules()
        for part, module in modules.items():
            for name, tensor in module.state_dict().items():
                assert torch.equal(tensor, weights[f"{part}.{name}"]), name

    def test_of_one_part_leave_the_others_at_random(self, make_spec: Any, make_context: Any, train: Any) -> None:
        spec = make_spec("source_only")
        weights = train(spec, make_context(spec)).weights
        only = {name: tensor for name, tensor in weights.items() if name.startswith("extractor.")}
        plain = objective_of(spec, make_context(spec)).network
        network = objective_of(spec, make_context(spec, start_weights=only)).network
        assert torch.equal(network.extractor.conv2.weight, weights["extractor.conv2.weight"])
        assert torch.equal(network.predictor.output.weight, plain.predictor.output.weight)

    def test_of_another_network_are_refused_in_one_sentence(
        self, make_spec: Any, make_context: Any, train: Any
    ) -> None:
        spec, wider = make_spec("source_only"), make_spec("source_only", network={"channels": 8})
        weights = train(spec, make_context(spec)).weights
        with pytest.raises(InvalidRequest, match=r"extractor.*conv1\.weight.*4×3×5×5.*8×3×5×5"):
            METHODS["source_only"](wider, make_context(wider, start_weights=weights))

    def test_with_other_layers_are_refused_in_one_sentence(self, make_spec: Any, make_context: Any, train: Any) -> None:
        spec, other = make_spec("source_only"), make_spec("source_only", network={"normalisation": "batch"})
        weights = train(spec, make_context(spec)).weights
        with pytest.raises(InvalidRequest, match=r"extractor.*norm1"):
            METHODS["source_only"](other, make_context(other, start_weights=weights))


@pytest.mark.parametrize("name", ["source_only", "dann", "train_on_target"])
def test_fewer_examples_than_a_batch_are_learned_from_too(make_spec, make_context, name):
    """Thirty examples of each domain and batches of forty: some come twice, and every step has a whole batch."""
    spec = make_spec(name, budget={"batch_size": 40})
    events = list(METHODS[name](spec, make_context(spec)))
    assert events[-1].step == spec.budget.steps
