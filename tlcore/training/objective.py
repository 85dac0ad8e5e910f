"""What a method adds to the step loop: the modules it trains, its loss, and what it makes of held-out examples."""

from __future__ import annotations

import abc
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from tlcore.networks import Classifier
from tlcore.training.anatomy import StepTensors
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Event
from tlcore.training.networks import channels_last
from tlcore.training.sampling import ShuffledBatches


class Objective(abc.ABC):
    """The part of a training that is a method's own. `batches` are checkpointed by their names."""

    network: Classifier
    context: Context
    batches: dict[str, ShuffledBatches]
    dissectable = True
    """Whether a step can be taken apart: labels are learned from by a module called "predictor"."""

    @abc.abstractmethod
    def modules(self) -> Mapping[str, nn.Module]:
        """The trained modules by the name their weights are stored under."""

    @abc.abstractmethod
    def loss(self, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The scalar to descend at this share of training done, and scalars to report that the forward pass knows."""

    @abc.abstractmethod
    def tensors(self) -> StepTensors:
        """Those of the latest forward pass, for a step that is taken apart."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Groups for the optimiser; "rate" is a group's learning rate as a multiple of the run's, 1 if it is absent."""
        return [{"params": [parameter for module in self.modules().values() for parameter in module.parameters()]}]

    def begin_step(self, progress: float) -> None:  # noqa: B027 — most methods freeze nothing
        """Called before each step, also before the first after a checkpoint: what is frozen now?"""

    def after_backward(self) -> dict[str, torch.Tensor]:
        """Scalars to report that are known once the gradients are."""
        return {}

    def settings(self, progress: float) -> dict[str, float]:
        """Values of the method's schedules at this share of training done."""
        return {}

    def prepared(self, key: Hashable, inputs: torch.Tensor) -> torch.Tensor:
        """Examples (N, …) as `outputs` takes them. key: names them, so that what was made of them can be kept."""
        return inputs

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (N, D) and class logits (N, K) of one domain's prepared examples.

        In full precision: what is measured does not depend on the precision of training.
        """
        features = self.network.extractor(channels_last(inputs))
        return features, self.network.predictor(features)

    def scores(self, domain: DomainName, features: torch.Tensor) -> dict[str, torch.Tensor]:
        """Scores (N,) by name of one domain's test examples, from their features (N, D), without labels."""
        return {}

    def surfaces(self, grid_features: torch.Tensor) -> dict[str, torch.Tensor]:
        """Functions over the plane, by name, from the features (N, D) of a grid of points."""
        return {}

    def measures(self, step: int) -> Iterator[Event]:
        """What the method itself tells of the model, at each evaluation; nothing is learned meanwhile."""
        return iter(())

    def conclude(self, step: int) -> Iterator[Event]:
        """Called once after the last step. Weights may still be chosen here; the model is then looked at again."""
        return iter(())

    def state(self) -> dict[str, torch.Tensor]:
        """What a checkpoint must hold besides modules, optimiser and batches."""
        return {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:  # noqa: B027 — nor do they hold more than modules
        """Return to what `state` told."""
