"""Contexts of two tasks, made by hand: a tiny source network and random target pictures with labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tlcore.data.dataset import Dataset, Provenance, Unlabelled
from tlcore.methods.registry import METHODS
from tlcore.specs import RunSpec, validate
from tlcore.training.context import Cadence, Context, TrainingData
from tlcore.training.events import Event, Finished

SOURCE_CLASSES, TARGET_CLASSES = ("a", "b", "c", "d"), ("zero", "one", "two")
NETWORK = {"name": "block-cnn", "channels": 4, "features": 8}
NOWHERE = Provenance("random pictures", "random", "none", "")


def pictures(classes: tuple[str, ...], each: int, seed: int) -> Dataset:
    """Random pictures (N, 3, 16, 16) whose brightness tells the class, `each` of every class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(len(classes)).repeat(each)
    noise = torch.randint(0, 120, (len(labels), 3, 16, 16), generator=generator)
    inputs = (noise + 30 * labels[:, None, None, None]).to(torch.uint8)
    return Dataset(inputs, labels, torch.arange(len(labels)), classes, NOWHERE)


def source_spec(**budget: Any) -> RunSpec:
    """A source run of a few steps."""
    return validate(
        {
            "method": {"name": "pretrain"},
            "data": {"kind": "source_task", "source": {"name": "glyphs"}},
            "network": NETWORK,
            "optimisation": {"learning_rate": 0.05},
            "budget": {"steps": 6, "batch_size": 8, "evaluations": 1, "frames": 1, **budget},
            "seed": 3,
        }
    )


def target_spec(name: str, *, method: Mapping[str, Any] = {}, **sections: Mapping[str, Any]) -> RunSpec:
    """A run on the target; all but `scratch` start from the source run."""
    data: dict[str, Any] = {"kind": "task_pair", "target": {"name": "photo-digits"}}
    start: dict[str, Any] = {"kind": "random"}
    if name != "scratch":
        data["source"] = {"name": "glyphs"}
        start = {"kind": "run", "spec": source_spec().model_dump(mode="json")}
    return validate(
        {
            "method": {"name": name, **method},
            "data": data,
            "network": NETWORK,
            "optimisation": {"learning_rate": 0.05, **sections.get("optimisation", {})},
            "budget": {"steps": 10, "batch_size": 6, "evaluations": 2, "frames": 1, **sections.get("budget", {})},
            "augmentation": dict(sections.get("augmentation", {})),
            "start": start,
            "seed": 3,
        }
    )


def context_of(spec: RunSpec, weights: Mapping[str, torch.Tensor] | None = None, **more: Any) -> Context:
    """The source task's context, or the target's with the source's weights."""
    source, target = pictures(SOURCE_CLASSES, 10, 0), pictures(TARGET_CLASSES, 8, 1)
    on_source = spec.data.kind == "source_task"
    held_out: dict[Any, torch.Tensor] = {("source", "test"): source.inputs[:12]}
    if not on_source:
        held_out = {("target", "test"): target.inputs[:9], ("target", "train"): target.inputs[:6], **held_out}
        if weights is None and spec.method.name == "scratch":
            del held_out["source", "test"]
    data = TrainingData(
        source=source if on_source else source.subset(torch.arange(0)),
        target=Unlabelled(source.inputs[:0]) if on_source else target,
        held_out=held_out,
        probe=(source if on_source else target).inputs[:12],
        class_count=len(SOURCE_CLASSES if on_source else TARGET_CLASSES),
    )
    return Context(torch.device("cpu"), torch.float32, data, Cadence.of(spec.budget), weights, **more)


def events_of(spec: RunSpec, context: Context) -> list[Event]:
    """Everything a run tells."""
    return list(METHODS[spec.method.name](spec, context))


def weights_of(events: list[Event]) -> dict[str, torch.Tensor]:
    """The weights a run ended with."""
    return dict(next(event for event in events if isinstance(event, Finished)).weights)


def source_weights() -> dict[str, torch.Tensor]:
    """Weights of a trained source run."""
    spec = source_spec()
    return weights_of(events_of(spec, context_of(spec)))
