"""The method against the same steps written out by hand: losses, gradients, weights."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from tlcore.methods.registry import METHODS
from tlcore.specs import RunSpec
from tlcore.training.context import Context

BATCH, MOMENTUM, SEED = 8, 0.9, 5
Weights = dict[str, torch.Tensor]


def first_weights(spec: RunSpec, context: Context) -> Weights:
    """Copies of the weights that a method starts from, by name."""
    objective = inspect.getgeneratorlocals(METHODS[spec.method.name](spec, context))["objective"]  # type: ignore
    return {
        f"{part}.{name}": tensor.detach().clone()
        for part, module in objective.modules().items()
        for name, tensor in module.state_dict().items()
    }


def features_by_hand(weights: Weights, pictures: torch.Tensor) -> torch.Tensor:
    """conv5, ReLU, pool, twice; dense, ReLU: in the order of the paper's figure, in plain memory order."""
    values = pictures.float() / 255 - weights["extractor.centre.mean"]
    for number in (1, 2):
        kernel, bias = weights[f"extractor.conv{number}.weight"], weights[f"extractor.conv{number}.bias"]
        values = functional.max_pool2d(functional.conv2d(values, kernel, bias, padding=2).relu(), 2)
    return dense(weights, "extractor.dense1", values.flatten(1)).relu()


def dense(weights: Weights, name: str, values: torch.Tensor) -> torch.Tensor:
    return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def batches_by_hand(count: int, seed: int, steps: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    passes = [torch.randperm(count, generator=generator) for _ in range(steps * BATCH // count + 1)]
    return list(torch.cat(passes).split(BATCH)[:steps])


def dann_by_hand(weights: Weights, context: Context, steps: int, rate: float) -> list[dict[str, float]]:
    """Change `weights` as DANN does in so many steps, and tell the figures of each step."""
    learned = [name for name in weights if not name.endswith("mean")]
    extractor = [name for name in learned if name.startswith("extractor")]
    velocity = {name: torch.zeros_like(weights[name]) for name in learned}
    source, target = context.data.source, context.data.target
    told = []
    draws = zip(
        batches_by_hand(len(source), 2 * SEED + 1, steps), batches_by_hand(len(target), 2 * SEED + 2, steps),
        strict=True,
    )  # fmt: skip
    for step, (ours, theirs) in enumerate(draws):
        progress = step / steps
        strength = 2 / (1 + math.exp(-10 * progress)) - 1
        for name in learned:
            weights[name].requires_grad_()
        ours_features = features_by_hand(weights, source.inputs[ours])
        all_features = torch.cat([ours_features, features_by_hand(weights, target.inputs[theirs])])
        logits = dense(weights, "predictor.output", ours_features)
        class_losses = -logits.log_softmax(1)[torch.arange(BATCH), source.labels[ours]]
        hidden = dense(weights, "domain_head.dense1", all_features).relu()
        domain_logits = dense(weights, "domain_head.output", hidden).squeeze(1)
        is_target = torch.arange(2 * BATCH) >= BATCH
        domain_losses = functional.softplus(torch.where(is_target, -domain_logits, domain_logits))
        class_loss, domain_loss = class_losses.mean(), domain_losses.mean()
        class_gradients = gradients(class_loss, weights, learned)
        domain_gradients = gradients(domain_loss, weights, learned)
        (class_rows,) = torch.autograd.grad(class_losses.sum(), ours_features, retain_graph=True)
        (domain_rows,) = torch.autograd.grad(domain_losses.sum(), all_features, retain_graph=True)
        head = torch.cat([domain_gradients[name].flatten() for name in learned if name.startswith("domain_head")])
        told.append(
            {
                "class_loss": class_loss.item(),
                "domain_loss": domain_loss.item(),
                "training_domain_accuracy": ((domain_logits > 0) == is_target).float().mean().item(),
                "class_gradient_norm": class_rows.norm(dim=1).mean().item(),
                "domain_gradient_norm": strength * domain_rows.norm(dim=1).mean().item(),
                "domain_head_gradient_norm": head.norm().item(),
                "grl_lambda": strength,
                "learning_rate": rate / (1 + 10 * progress) ** 0.75,
            }
        )
        for name in learned:
            sign = -strength if name in extractor else 1.0
            velocity[name] = MOMENTUM * velocity[name] + class_gradients[name] + sign * domain_gradients[name]
            weights[name] = (weights[name] - told[-1]["learning_rate"] * velocity[name]).detach()
    return told


def gradients(loss: torch.Tensor, weights: Weights, names: list[str]) -> Weights:
    found = torch.autograd.grad(loss, [weights[name] for name in names], retain_graph=True, allow_unused=True)
    return {
        name: torch.zeros_like(weights[name]) if gradient is None else gradient
        for name, gradient in zip(names, found, strict=True)
    }


def test_three_steps_are_those_written_out_by_hand(make_spec: Any, make_context: Any, train: Any) -> None:
    spec = make_spec("dann", method={"domain_hidden_units": 7})
    context = make_context(spec)
    weights = first_weights(spec, context)
    told = dann_by_hand(weights, context, steps=3, rate=0.1)
    run = train(spec, context)
    steps = [values for _, values in run.metrics if "class_loss" in values]
    assert len(steps) == 3
    for values, expected in zip(steps, told, strict=True):
        assert values == pytest.approx(expected, rel=2e-5, abs=1e-7)
    assert set(run.weights) == set(weights)
    for name, tensor in run.weights.items():
        torch.testing.assert_close(tensor, weights[name].detach(), rtol=1e-5, atol=2e-7, msg=name)


def test_without_reversal_the_extractor_learns_as_source_only_while_the_domain_head_learns_on(
    make_spec: Any, make_context: Any, train: Any
) -> None:
    spec, plain = make_spec("dann", method={"lambda_max": 0.0}), make_spec("source_only")
    before = first_weights(spec, make_context(spec))
    adversarial, alone = train(spec, make_context(spec)).weights, train(plain, make_context(plain)).weights
    for name, tensor in alone.items():
        torch.testing.assert_close(adversarial[name], tensor, rtol=1e-5, atol=1e-7, msg=name)
    for name in ("domain_head.dense1.weight", "domain_head.output.bias"):
        assert (adversarial[name] - before[name]).abs().max() > 1e-4


def test_lambda_does_not_weigh_the_first_step_of_the_domain_head(make_spec: Any, make_context: Any, train: Any) -> None:
    heads = []
    for strength in (0.0, 5.0):
        method = {"lambda_max": strength, "lambda_schedule": "constant"}
        spec = make_spec("dann", method=method, budget={"steps": 1})
        heads.append(train(spec, make_context(spec)).weights)
    for name in heads[0]:
        if name.startswith("domain_head"):
            assert torch.equal(heads[0][name], heads[1][name])
    assert not torch.equal(heads[0]["extractor.conv1.weight"], heads[1]["extractor.conv1.weight"])


def test_train_on_target_needs_labels(make_spec: Any, make_context: Any) -> None:
    labelled, context = make_spec("train_on_target"), make_context(make_spec("dann"))
    with pytest.raises(TypeError, match="labelled target"):
        METHODS["train_on_target"](labelled, context)


def test_a_measured_domain_accuracy_is_the_mean_of_both_domains(make_spec: Any, make_context: Any, train: Any) -> None:
    """Of inputs never trained on, by the hard decision of the head, each domain counted alike."""
    spec = make_spec("dann", budget={"steps": 2})
    context = make_context(spec)
    context.data.held_out["target", "test"] = context.data.held_out["target", "test"][:4]
    run = train(spec, context)
    shares = []
    for domain in ("source", "target"):
        features = features_by_hand(run.weights, context.data.held_out[domain, "test"])
        hidden = dense(run.weights, "domain_head.dense1", features).relu()
        says_target = dense(run.weights, "domain_head.output", hidden) > 0
        shares.append((says_target == (domain == "target")).float().mean().item())
    last = [values["domain_accuracy"] for _, values in run.metrics if "domain_accuracy" in values][-1]
    assert last == pytest.approx(sum(shares) / 2, abs=1e-6)
