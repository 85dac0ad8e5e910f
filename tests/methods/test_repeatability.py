"""The same run twice, a run continued, a run looked at more often: the same numbers, to the last bit."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import torch

from tlcore.methods.registry import METHODS
from tlcore.training.loop import observe

DROPOUT = {"network": {"dropout": 0.4}, "method": {"domain_dropout": 0.3}}
BATCH_NORM = {"network": {"normalisation": "batch", "dropout": 0.4}}


def assert_equal(one: Any, other: Any) -> None:
    assert set(one) == set(other)
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize("sections", [{}, DROPOUT], ids=["plain", "dropout"])
def test_the_same_spec_gives_the_same_numbers(make_spec: Any, make_context: Any, train: Any, sections: Any) -> None:
    spec = make_spec("dann", budget={"steps": 6}, **sections)
    first = train(spec, make_context(spec))
    torch.manual_seed(123)  # what happened before in this process does not matter
    second = train(spec, make_context(spec))
    assert first.metrics == second.metrics
    assert_equal(first.weights, second.weights)


def test_another_seed_gives_others(make_spec: Any, make_context: Any, train: Any) -> None:
    spec = make_spec("dann")
    other = spec.model_copy(update={"seed": 6})
    assert train(spec, make_context(spec)).metrics != train(other, make_context(other)).metrics


@pytest.mark.parametrize(
    ("method", "sections"),
    [
        ("dann", {}),
        ("dann", {**DROPOUT, "optimisation": {"optimiser": "adam", "learning_rate": 0.01, "schedule": "cosine"}}),
        ("dann", {**BATCH_NORM, "optimisation": {"optimiser": "adamw", "learning_rate": 0.01, "weight_decay": 0.1}}),
        ("source_only", {"network": {"dropout": 0.4}}),
    ],
    ids=["sgd", "adam-dropout", "adamw-batch-norm", "source-only-dropout"],
)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_a_continued_run_is_the_run(
    make_spec: Any, make_context: Any, train: Any, method: str, sections: Any, precision: torch.dtype
) -> None:
    """Continued in the middle of a pass over the data and in the middle of a window of figures."""
    spec = make_spec(method, **sections, budget={"steps": 11, "evaluations": 2})

    def context(**more: Any) -> Any:
        made = make_context(spec, precision=precision, **more)
        made.cadence.metrics_every = 4
        return made

    whole = train(spec, context(), checkpoint_at=7)
    assert whole.checkpoint.step == 7
    state = copy.deepcopy(dict(whole.checkpoint.state))
    torch.manual_seed(99)
    continued = train(spec, context(resume_state=whole.checkpoint.state))
    assert continued.metrics == [(step, values) for step, values in whole.metrics if step > 7]
    assert [step for step, values in continued.metrics if "class_loss" in values] == [8, 11]
    assert_equal(continued.weights, whole.weights)
    assert_equal(whole.checkpoint.state, state)  # it can be continued from once more


def test_asking_for_a_checkpoint_changes_nothing(make_spec: Any, make_context: Any, train: Any) -> None:
    spec = make_spec("dann", **DROPOUT)
    assert_equal(
        train(spec, make_context(spec), checkpoint_at=2).weights,
        train(spec, make_context(spec)).weights,
    )


@pytest.mark.parametrize("sections", [DROPOUT, BATCH_NORM], ids=["dropout", "batch-norm"])
def test_looking_more_often_changes_nothing(make_spec: Any, make_context: Any, train: Any, sections: Any) -> None:
    often = make_spec("dann", budget={"steps": 8, "evaluations": 40, "frames": 30}, **sections)
    seldom = make_spec("dann", budget={"steps": 8, "evaluations": 1, "frames": 1}, **sections)
    assert_equal(train(often, make_context(often)).weights, train(seldom, make_context(seldom)).weights)


def test_a_look_leaves_everything_as_it_was(make_spec: Any, make_context: Any) -> None:
    spec = make_spec("dann", **BATCH_NORM)
    context = make_context(spec)
    objective = inspect.getgeneratorlocals(METHODS["dann"](spec, context))["objective"]  # type: ignore
    objective.network.extractor.norm1.eval()  # a method may have put some of its modules into evaluation mode
    modules = [module for root in objective.modules().values() for module in root.modules()]
    modes = [module.training for module in modules]
    before = {
        name: tensor.clone() for root in objective.modules().values() for name, tensor in root.state_dict().items()
    }
    random = torch.get_rng_state()
    events = observe(0, context, objective)
    assert len(events) == 6  # features, outputs on two parts of two domains, the domain accuracy
    assert not torch.is_inference_mode_enabled()
    assert [module.training for module in modules] == modes
    assert torch.equal(torch.get_rng_state(), random)
    after = {name: tensor for root in objective.modules().values() for name, tensor in root.state_dict().items()}
    assert_equal(before, after)


def test_between_two_events_nothing_is_in_a_special_mode(make_spec: Any, make_context: Any) -> None:
    """A viewer may stop pulling anywhere: another run trained meanwhile in this process is not disturbed."""
    spec = make_spec("dann", **DROPOUT)
    generator = METHODS["dann"](spec, make_context(spec))
    for _ in generator:
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
        frame = inspect.getgeneratorlocals(generator)  # type: ignore
        assert frame["modules"].training
