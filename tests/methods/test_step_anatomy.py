"""A step taken apart against the same step written out with autograd; and that looking changes nothing."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tlcore.methods.registry import METHODS
from tlcore.runs.records import StepAnatomy
from tlcore.specs import RunSpec
from tlcore.training.context import Context
from tlcore.training.events import Advanced, Event, Finished, Metrics

BATCH, RATE, SEED = 8, 0.1, 5
LAMBDA = 0.7
PHASES = ["forward", "class_gradient", "domain_gradient", "reversal", "update"]


def events_of(spec: RunSpec, context: Context, looked_at: set[int]) -> list[Event]:
    """What a run tells of which these steps were taken apart."""
    events = []
    context.cadence.every_step = 1 in looked_at
    for event in METHODS[spec.method.name](spec, context):
        events.append(event)
        if isinstance(event, Advanced):
            context.cadence.every_step = event.step + 1 in looked_at
    return events


def anatomies(events: list[Event]) -> list[StepAnatomy]:
    return [event for event in events if isinstance(event, StepAnatomy)]


def weights_of(events: list[Event]) -> dict[str, torch.Tensor]:
    return next(dict(event.weights) for event in events if isinstance(event, Finished))


def first_modules(spec: RunSpec, context: Context) -> dict[str, nn.Module]:
    """The modules that a method starts from."""
    objective = inspect.getgeneratorlocals(METHODS[spec.method.name](spec, context))["objective"]  # type: ignore
    return dict(objective.modules())


def first_batch(count: int, seed: int) -> torch.Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:BATCH]


def length(tensors: Any) -> float:
    return torch.cat([tensor.flatten() for tensor in tensors]).norm().item()


def mean_length(rows: torch.Tensor) -> float:
    return torch.stack([row.norm() for row in rows]).mean().item()


def test_each_number_is_that_of_the_step_written_out(make_spec: Any, make_context: Any) -> None:
    method = {"lambda_schedule": "constant", "lambda_max": LAMBDA, "domain_hidden_units": 7}
    spec = make_spec("dann", method=method, budget={"steps": 1}, optimisation={"schedule": "constant"})
    context = make_context(spec)
    modules = first_modules(spec, context)
    extractor, predictor, head = (modules[name] for name in ("extractor", "predictor", "domain_head"))
    source, target = context.data.source, context.data.target
    ours, theirs = first_batch(len(source), 2 * SEED + 1), first_batch(len(target), 2 * SEED + 2)
    labels, is_target = source.labels[ours], torch.arange(2 * BATCH) >= BATCH

    def losses() -> tuple[torch.Tensor, ...]:
        features = extractor(torch.cat([source.inputs[ours], target.inputs[theirs]]))
        logits, domain_logits = predictor(features[:BATCH]), head(features).squeeze(1)
        class_losses = functional.cross_entropy(logits, labels, reduction="none")
        domain_losses = functional.softplus(torch.where(is_target, -domain_logits, domain_logits))
        return features, logits, domain_logits, class_losses, domain_losses

    features, logits, domain_logits, class_losses, domain_losses = losses()
    (class_rows,) = torch.autograd.grad(class_losses.sum(), features, retain_graph=True)
    (domain_rows,) = torch.autograd.grad(domain_losses.sum(), features, retain_graph=True)
    head_gradients = torch.autograd.grad(domain_losses.mean(), list(head.parameters()), retain_graph=True)
    predictor_gradients = torch.autograd.grad(class_losses.mean(), list(predictor.parameters()), retain_graph=True)
    # The extractor descends the class loss and climbs the domain loss, each a mean over its own examples.
    descent = torch.autograd.grad(class_losses.mean() - LAMBDA * domain_losses.mean(), list(extractor.parameters()))
    wanted, share = class_rows[:BATCH], -LAMBDA * domain_rows[:BATCH] / 2
    expected = {
        "forward": {
            "source_count": BATCH,
            "target_count": BATCH,
            "class_loss": class_losses.mean().item(),
            "domain_loss": domain_losses.mean().item(),
            "training_accuracy": float((logits.argmax(1) == labels).float().mean()),
            "training_domain_accuracy": float(((domain_logits > 0) == is_target).float().mean()),
            "source_feature_norm": mean_length(features[:BATCH]),
            "target_feature_norm": mean_length(features[BATCH:]),
        },
        "class_gradient": {
            "class_gradient_norm": mean_length(class_rows[:BATCH]),
            "predictor_gradient_norm": length(predictor_gradients),
        },
        "domain_gradient": {
            "domain_gradient_norm_before_reversal": mean_length(domain_rows),
            "domain_head_gradient_norm": length(head_gradients),
        },
        "reversal": {
            "grl_lambda": LAMBDA,
            "domain_gradient_norm": LAMBDA * mean_length(domain_rows),
            "cosine": functional.cosine_similarity(wanted.flatten(), share.flatten(), dim=0).item(),
            "domain_share_norm": mean_length(share),
            "combined_gradient_norm": mean_length(wanted + share),
        },
        "update": {
            "learning_rate": RATE,
            # The first step of SGD with momentum is the gradient alone.
            "extractor_change": RATE * length(descent),
            "predictor_change": RATE * length(predictor_gradients),
            "domain_head_change": RATE * length(head_gradients),
        },
    }
    with torch.no_grad():
        for module, gradients in ((extractor, descent), (predictor, predictor_gradients), (head, head_gradients)):
            for parameter, gradient in zip(module.parameters(), gradients, strict=True):
                parameter -= RATE * gradient
    _, _, _, class_losses, domain_losses = losses()
    expected["update"] |= {
        "class_loss_after": class_losses.mean().item(), "domain_loss_after": domain_losses.mean().item()
    }  # fmt: skip

    events = events_of(spec, context, {1})
    (anatomy,) = anatomies(events)
    assert anatomy.step == 1
    assert [name for name, _ in anatomy.phases] == PHASES
    for name, values in anatomy.phases:
        assert values == pytest.approx(expected[name], rel=3e-5, abs=1e-7), name
    told = next(event.values for event in events if isinstance(event, Metrics) and "class_loss" in event.values)
    figures = {name: value for _, values in anatomy.phases[:4] for name, value in values.items()}
    for name in told.keys() & figures.keys():
        assert figures[name] == pytest.approx(told[name], rel=1e-6), "the curves and the anatomy agree"
    assert len(told.keys() & figures.keys()) >= 7


@pytest.mark.parametrize(
    ("name", "statistics"),
    [("source_only", ""), ("train_on_target", ""), ("dann", "joint"), ("dann", "separate"), ("dann", "source")],
)
def test_looking_changes_neither_weights_nor_chance(
    make_spec: Any, make_context: Any, name: str, statistics: str
) -> None:
    """With dropout, running statistics and several passes over the examples."""
    method = {"domain_dropout": 0.5, "batch_norm_statistics": statistics} if statistics else {}
    network = {"dropout": 0.5, "normalisation": "batch"}
    spec = make_spec(name, method=method, network=network, budget={"steps": 9})
    plain = events_of(spec, make_context(spec), set())
    looked = events_of(spec, make_context(spec), {1, 4, 5, 8})
    assert [anatomy.step for anatomy in anatomies(looked)] == [1, 4, 5, 8] and not anatomies(plain)
    ours, theirs = weights_of(plain), weights_of(looked)
    assert any(key.endswith("running_mean") for key in ours)
    for key, tensor in ours.items():
        assert torch.equal(tensor, theirs[key]), key


def test_the_losses_before_and_after_are_of_one_batch_and_one_dropout(make_spec: Any, make_context: Any) -> None:
    """A learning rate too small to change anything leaves the losses where they were, dropout or not."""
    spec = make_spec(
        "dann", method={"domain_dropout": 0.5}, network={"dropout": 0.5, "normalisation": "batch"},
        optimisation={"learning_rate": 1e-6, "schedule": "constant"},
    )  # fmt: skip
    for anatomy in anatomies(events_of(spec, make_context(spec), {1, 2, 3})):
        phases = dict(anatomy.phases)
        for loss in ("class_loss", "domain_loss"):
            assert phases["update"][f"{loss}_after"] == pytest.approx(phases["forward"][loss], abs=1e-4)


@pytest.mark.parametrize("name, domain", [("source_only", "source"), ("train_on_target", "target")])
def test_without_a_domain_classifier_there_are_three_phases(
    make_spec: Any, make_context: Any, name: str, domain: str
) -> None:
    spec = make_spec(name)
    context = make_context(spec)
    modules = first_modules(spec, context)
    anatomy = anatomies(events_of(spec, context, {1}))[0]
    phases = dict(anatomy.phases)
    assert list(phases) == ["forward", "class_gradient", "update"]
    labelled = getattr(context.data, domain)
    batch = first_batch(len(labelled), 2 * SEED + 1)
    features = modules["extractor"](labelled.inputs[batch])
    loss = functional.cross_entropy(modules["predictor"](features), labelled.labels[batch])
    assert phases["forward"] == pytest.approx(
        {
            "class_loss": loss.item(),
            "training_accuracy": float(
                (modules["predictor"](features).argmax(1) == labelled.labels[batch]).float().mean()
            ),
            f"{domain}_count": BATCH,
            f"{domain}_feature_norm": mean_length(features),
        },
        rel=1e-5,
    )
    assert phases["update"].keys() == {"learning_rate", "extractor_change", "predictor_change", "class_loss_after"}


def test_where_lambda_is_zero_nothing_passes_and_no_angle_is_told(make_spec: Any, make_context: Any) -> None:
    spec = make_spec("dann")  # the schedule begins at zero
    phases = dict(anatomies(events_of(spec, make_context(spec), {1}))[0].phases)
    reversal = phases["reversal"]
    assert reversal["grl_lambda"] == reversal["domain_gradient_norm"] == reversal["domain_share_norm"] == 0
    assert "cosine" not in reversal
    assert reversal["combined_gradient_norm"] == pytest.approx(phases["class_gradient"]["class_gradient_norm"])
    assert phases["domain_gradient"]["domain_gradient_norm_before_reversal"] > 0


def test_with_half_precision_the_numbers_are_finite(make_spec: Any, make_context: Any) -> None:
    spec = make_spec("dann", method={"lambda_schedule": "constant"})
    looked = events_of(spec, make_context(spec, precision=torch.bfloat16), {2})
    plain = events_of(spec, make_context(spec, precision=torch.bfloat16), set())
    (anatomy,) = anatomies(looked)
    assert all(torch.isfinite(torch.tensor(list(values.values()))).all() for _, values in anatomy.phases)
    for key, tensor in weights_of(plain).items():
        assert torch.equal(tensor, weights_of(looked)[key]), key
