"""The first loss is told at once; what is told of step 0 is of the untrained model all the same."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch

from tlcore.methods.registry import METHODS
from tlcore.training.events import Advanced, Features, Metrics, Outputs


@pytest.mark.parametrize("name", ["source_only", "dann", "train_on_target"])
def test_step_0_is_the_untrained_model_and_comes_after_the_first_loss(
    make_spec: Any, make_context: Any, train: Any, name: str
) -> None:
    spec = make_spec(name, network={"dropout": 0.5, "normalisation": "batch"})
    context = make_context(spec)
    modules = dict(
        inspect.getgeneratorlocals(METHODS[name](spec, context))["objective"].modules()  # type: ignore
    )
    for module in modules.values():
        module.eval()
    with torch.inference_mode():
        features = modules["extractor"](context.data.probe)
        logits = modules["predictor"](modules["extractor"](context.data.held_out["target", "test"]))

    events = train(spec, context).events
    assert isinstance(events[0], Metrics) and events[0].step == 1 and "class_loss" in events[0].values
    first_step = next(index for index, event in enumerate(events) if isinstance(event, Advanced))
    look = [event for event in events[:first_step] if event.step == 0]
    (found,) = (event for event in look if isinstance(event, Features))
    np.testing.assert_allclose(found.array, features.numpy(), rtol=1e-5, atol=1e-6)
    (told,) = (e for e in look if isinstance(e, Outputs) and (e.domain, e.part) == ("target", "test"))
    np.testing.assert_allclose(told.logits, logits.numpy(), rtol=1e-5, atol=1e-6)
    later = next(event for event in events if isinstance(event, Features) and event.step == spec.budget.steps)
    assert np.abs(later.array - found.array).max() > 1e-3
