"""A zero-shot task made by hand: six seen and three unseen classes of tiny pictures that show their attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tlcore.data.dataset import Dataset, Provenance
from tlcore.data.zero_shot import ZeroShotData
from tlcore.methods.registry import METHODS
from tlcore.specs import RunSpec, validate
from tlcore.training.context import Cadence, Context
from tlcore.training.events import Event, Finished
from tlcore.training.zero_shot_data import choose_zero_shot_probe, visible_part

NAMES = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis")
SEEN = torch.tensor([True] * 6 + [False] * 3)
TUNING = torch.tensor([False] * 4 + [True] * 2 + [False] * 3)
VECTORS = torch.tensor(
    [
        *([1, 0, 0, 0], [0, 1, 0, 0.5], [0, 0, 1, 0], [0, 0, 0.4, 1], [1, 0, 1, 0], [0, 1, 0.2, 1]),
        *([1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1]),
    ]
)
NOWHERE = Provenance("random", "random", "none", "")
FEATURES = 5


def _part(labels: torch.Tensor, seed: int, *, vectors: bool) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    shown = VECTORS[labels]
    if vectors:
        mixing = torch.randn(4, FEATURES, generator=torch.Generator().manual_seed(0))
        inputs = shown @ mixing + 0.2 * torch.randn(len(labels), FEATURES, generator=generator)
    else:  # each attribute lights a quarter of the picture
        light = shown.view(-1, 1, 2, 2).repeat_interleave(8, 2).repeat_interleave(8, 3).expand(-1, 3, -1, -1)
        noise = torch.randint(0, 100, (len(labels), 3, 16, 16), generator=generator)
        inputs = (noise + 150 * light).to(torch.uint8)
    return Dataset(inputs, labels, torch.arange(len(labels)) + 1000 * seed, NAMES, NOWHERE)


def task(*, vectors: bool = False) -> ZeroShotData:
    """Pictures (3, 16, 16), or feature vectors (5,); twelve examples a class to learn from."""
    seen, unseen = torch.arange(6), torch.arange(6, 9)
    return ZeroShotData(
        train=_part(seen.repeat(12), 1, vectors=vectors),
        validation=_part(seen, 2, vectors=vectors),
        test_seen=_part(seen.repeat(4), 3, vectors=vectors),
        test_unseen=_part(unseen.repeat(5), 4, vectors=vectors),
        class_vectors=VECTORS,
        class_names=NAMES,
        attribute_names=("a", "b", "c", "d"),
        seen=SEEN,
        tuning=TUNING,
    )


def spec_of(
    name: str, *, vectors: bool = False, start: RunSpec | None = None, **sections: Mapping[str, Any]
) -> RunSpec:
    """A run of few steps; on vectors there is no network."""
    pictures = {"name": "pyramid-cnn", "channels": 4}
    return validate(
        {
            "method": {"name": name, **sections.get("method", {})},
            "data": {"kind": "zero_shot", "source": {"name": "xlsa17" if vectors else "creatures"}},
            "network": {"name": "as-they-are"} if vectors else pictures,
            "optimisation": {"learning_rate": 0.05, "schedule": "constant", **sections.get("optimisation", {})},
            "budget": {"steps": 8, "batch_size": 12, "evaluations": 2, "frames": 1, "probe_points": 20}
            | dict(sections.get("budget", {})),
            "start": {"kind": "run", "spec": start.model_dump(mode="json")} if start else {"kind": "random"},
            "seed": 3,
        }
    )


def context_of(spec: RunSpec, data: ZeroShotData, **more: Any) -> Context:
    """The context a run of `spec` on `data` is given."""
    _, probe = choose_zero_shot_probe(data, spec.budget.probe_points, spec.seed)
    return Context(torch.device("cpu"), torch.float32, visible_part(data, probe), Cadence.of(spec.budget), **more)


def events_of(spec: RunSpec, context: Context) -> list[Event]:
    """All that a run tells."""
    return list(METHODS[spec.method.name](spec, context))


def weights_of(events: list[Event]) -> Mapping[str, torch.Tensor]:
    """The weights at the end."""
    return next(event.weights for event in events if isinstance(event, Finished))


def start_of(data: ZeroShotData, *, vectors: bool = False) -> tuple[RunSpec, Mapping[str, torch.Tensor]]:
    """A trained classifier of the seen classes: its spec and its weights."""
    spec = spec_of("features", vectors=vectors, budget={"steps": 20})
    return spec, weights_of(events_of(spec, context_of(spec, data)))
