"""Small contexts made by hand: two domains of random pictures, no files, seconds to train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from tlcore.data.dataset import Dataset, Provenance
from tlcore.methods.registry import METHODS
from tlcore.specs import Dann, RunSpec, SourceOnly, TrainOnTarget, validate
from tlcore.training.context import Cadence, Context, TrainingData
from tlcore.training.events import Advanced, Checkpoint, Event, Finished, Metrics

CLASSES = ("zero", "one", "two")
EXAMPLES = 30
NOWHERE = Provenance("random pictures", "random", "none", "")

MakeSpec = Callable[..., RunSpec]
MakeContext = Callable[..., Context]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums in one order, and no waiting for other threads on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture
def make_spec() -> MakeSpec:
    """A run of few steps on a tiny network. Sections of the spec are given as dictionaries."""

    def make(name: str, /, **sections: Mapping[str, Any]) -> RunSpec:
        kinds = {kind.model_fields["name"].default: kind for kind in (SourceOnly, Dann, TrainOnTarget)}
        document: dict[str, Any] = {
            "method": kinds[name](**sections.get("method", {})).model_dump(),
            "network": {"name": "small-cnn", "channels": 4, "features": 6, **sections.get("network", {})},
            "optimisation": {"learning_rate": 0.1, **sections.get("optimisation", {})},
            "budget": {"steps": 3, "batch_size": 8, "evaluations": 1, "frames": 1, **sections.get("budget", {})},
            "seed": 5,
        }
        return validate(document)

    return make


@pytest.fixture
def make_context() -> MakeContext:
    """A context of random 16×16 pictures; those of the target are brighter."""

    def make(spec: RunSpec, *, target_seed: int = 1, precision: torch.dtype = torch.float32, **more: Any) -> Context:
        source, target = _domain(0, 160), _domain(target_seed, 255)
        data = TrainingData(
            source=source,
            target=target if spec.method.reads_target_labels else target.unlabelled(),
            held_out={
                (name, part): domain.inputs[start : start + 10]
                for name, domain in (("source", source), ("target", target))
                for part, start in (("validation", 0), ("test", 10))
            },
            probe=torch.cat([source.inputs[:6], target.inputs[:6]]),
            class_count=len(CLASSES),
        )
        return Context(torch.device("cpu"), precision, data, Cadence.of(spec.budget), **more)

    return make


def _domain(seed: int, brightest: int) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randint(0, brightest, (EXAMPLES, 3, 16, 16), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, len(CLASSES), (EXAMPLES,), generator=generator)
    return Dataset(inputs, labels, torch.arange(EXAMPLES), CLASSES, NOWHERE)


class Run:
    """A whole run and what it told. checkpoint_at: the step after which a checkpoint is asked for."""

    def __init__(self, spec: RunSpec, context: Context, checkpoint_at: int | None = None) -> None:
        self.events: list[Event] = []
        for event in METHODS[spec.method.name](spec, context):
            self.events.append(event)
            if isinstance(event, Advanced) and checkpoint_at is not None and event.step == checkpoint_at - 1:
                context.cadence.checkpoint_requested = True

    @property
    def metrics(self) -> list[tuple[int, dict[str, float]]]:
        """Every figure that was told, in order."""
        return [(event.step, dict(event.values)) for event in self.events if isinstance(event, Metrics)]

    @property
    def weights(self) -> Mapping[str, torch.Tensor]:
        """The weights at the end."""
        return next(event.weights for event in self.events if isinstance(event, Finished))

    @property
    def checkpoint(self) -> Checkpoint:
        """The only checkpoint."""
        (found,) = (event for event in self.events if isinstance(event, Checkpoint))
        return found


@pytest.fixture
def train() -> type[Run]:
    """`train(spec, context)` trains to the end."""
    return Run
