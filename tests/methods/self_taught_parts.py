"""Small contexts without labels, made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tests.methods.fine_tuning_parts import NETWORK, TARGET_CLASSES, pictures
from tlcore.data.dataset import Unlabelled
from tlcore.specs import RunSpec, validate
from tlcore.training.context import Cadence, Context
from tlcore.training.unlabelled import UnlabelledData


def unlabelled_spec(
    name: str, *, method: Mapping[str, Any] = {}, data: Mapping[str, Any] = {}, **budget: Any
) -> RunSpec:
    """A run of a few steps on pictures without labels."""
    network = {"name": "linear-map", "features": 8} if name == "principal_components" else NETWORK
    return validate(
        {
            "method": {"name": name, **method},
            "data": {"kind": "unlabelled", **data},
            "network": network,
            "optimisation": {"learning_rate": 0.05},
            "augmentation": {"shift": 0.1, "turn": 10.0},
            "budget": {"steps": 4, "batch_size": 8, "evaluations": 2, "frames": 2, **budget},
            "seed": 3,
        }
    )


def unlabelled_context(spec: RunSpec, *, targets: int = 0, **more: Any) -> Context:
    """Random pictures of the source, and `targets` of the target, of which only the probe is looked at else."""
    source, target = pictures(("a", "b", "c", "d"), 10, 0), pictures(TARGET_CLASSES, 8, 1)
    nothing = target.subset(torch.arange(0))
    learned = spec.data.source is not None  # type: ignore[union-attr]
    data = UnlabelledData(
        source=nothing,
        target=Unlabelled(nothing.inputs),
        held_out={},
        probe=target.inputs[:12],
        class_count=1,
        source_pictures=source.unlabelled() if learned else nothing.unlabelled(),
        target_pictures=Unlabelled(target.inputs[:targets]),
    )
    return Context(torch.device("cpu"), torch.float32, data, Cadence.of(spec.budget), **more)
