"""Learning from labels: cross-entropy on one labelled domain, which most methods begin with."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from tlcore.data.augmentation import augment
from tlcore.data.dataset import Dataset
from tlcore.specs import RunSpec
from tlcore.training.anatomy import StepTensors
from tlcore.training.context import Context, DomainName
from tlcore.training.networks import build_network, channels_last
from tlcore.training.objective import Objective
from tlcore.training.sampling import ShuffledBatches


class SupervisedObjective(Objective):
    """Cross-entropy on one labelled domain."""

    def __init__(
        self, spec: RunSpec, context: Context, labelled: Dataset, domain: DomainName,
        parts: tuple[str, ...] = ("extractor", "predictor"),
        batch_size: int | None = None,
    ) -> None:  # fmt: skip
        """parts: those that take the start's weights, where it has any. batch_size: the budget's, unless given; where
        there are fewer examples some come twice."""
        torch.manual_seed(spec.seed)
        self.context = context
        self.augmentation = spec.augmentation
        self.labelled = labelled
        self.labelled_domain = domain
        centred_on = context.data.source if len(context.data.source) else labelled
        self.network = build_network(spec, context, centred_on.inputs, parts)
        batch_size = batch_size or spec.budget.batch_size
        self.batches: dict[str, ShuffledBatches] = {
            "labelled": ShuffledBatches(len(labelled), batch_size, 2 * spec.seed + 1, context.device)
        }

    def modules(self) -> Mapping[str, nn.Module]:
        return {"extractor": self.network.extractor, "predictor": self.network.predictor}

    def labelled_batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs (B, …) and labels (B,) of the next step."""
        indices = self.batches["labelled"].next()
        return self.varied(self.labelled.inputs[indices]), self.labelled.labels[indices]

    def varied(self, pictures: torch.Tensor) -> torch.Tensor:
        """A batch of training pictures as the run's augmentation makes them, by draws of torch's global generator."""
        return augment(pictures, self.augmentation, torch.default_generator)

    def loss(self, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        inputs, labels = self.labelled_batch()
        class_loss, _ = self.class_loss(self.network.extractor(channels_last(inputs)), labels)
        return class_loss, {"class_loss": class_loss}

    def class_loss(self, features: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The cross-entropy of a batch of features (B, D), and the features at which its gradient can be read."""
        if not features.requires_grad:  # the extractor is frozen; the gradient that arrives at its door is still shown
            features = features.detach().requires_grad_()
        features.retain_grad()
        logits = self.network.predictor(features).float()
        class_loss = functional.cross_entropy(logits, labels)
        self._tensors = StepTensors(self.labelled_domain, features, logits, labels, class_loss)
        return class_loss, features

    def after_backward(self) -> dict[str, torch.Tensor]:
        return {"class_gradient_norm": gradient_norm(self._tensors.class_features)}

    def tensors(self) -> StepTensors:
        return self._tensors

    def surfaces(self, grid_features: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"class": self.network.predictor(grid_features).softmax(1)[:, 1]}


def labelled_target(context: Context) -> Dataset:
    """The target with its labels. Raises TypeError where the context holds none."""
    if not isinstance(context.data.target, Dataset):
        raise TypeError("this method needs a labelled target")
    return context.data.target


def gradient_norm(features: torch.Tensor) -> torch.Tensor:
    """Mean over the batch of the gradient's length at each example's features, undoing the mean of the loss."""
    gradient = features.grad
    if gradient is None:
        raise RuntimeError("no gradient has arrived at the features")
    return gradient.float().norm(dim=1).mean() * len(features)
