r"""Domain-adversarial training of neural networks (Ganin et al., JMLR 2016), and the runs it is compared with.

    min over extractor f and predictor y, while the domain classifier d minimises its own loss:

        L_y(y(f(x_s)), label) − λ · L_d(d(f(x)), domain)

A gradient-reversal layer between f and d turns this saddle point into one backward pass: d learns with weight 1, f
receives −λ times the domain gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn
from torch.nn import functional

from tlcore.networks import build_domain_classifier, reverse_gradient
from tlcore.specs import RunSpec
from tlcore.specs.domain_adversarial import Dann
from tlcore.training.anatomy import DomainTensors, StepTensors
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Event
from tlcore.training.loop import train
from tlcore.training.networks import channels_last, load_start_weights
from tlcore.training.sampling import ShuffledBatches
from tlcore.training.schedules import reversal_strength
from tlcore.training.supervised import SupervisedObjective, gradient_norm, labelled_target


def source_only(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the labelled source; the target is never seen."""
    return train(spec, context, SupervisedObjective(spec, context, context.data.source, "source"))


def train_on_target(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the labelled target: what labels there would be worth.

    Raises:
        TypeError: the context holds no target labels.
    """
    return train(spec, context, SupervisedObjective(spec, context, labelled_target(context), "target"))


def dann(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the source, and a domain classifier whose gradient reaches the extractor reversed."""
    return train(spec, context, DannObjective(spec, context))


class DannObjective(SupervisedObjective):
    """The labelled source's cross-entropy plus the domain classifier's, behind the gradient reversal."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context, context.data.source, "source")
        if not isinstance(spec.method, Dann):
            raise TypeError(f"not a domain-adversarial spec: {spec.method.name}")
        self.method = spec.method
        self.target = context.data.target.inputs
        self.domain_head = build_domain_classifier(
            self.network.feature_width,
            self.method.domain_hidden_layers,
            self.method.domain_hidden_units,
            self.method.domain_dropout,
        )
        load_start_weights(self.domain_head, "domain_head", context)
        batch_size = spec.budget.batch_size
        self.batches["target"] = ShuffledBatches(len(self.target), batch_size, 2 * spec.seed + 2, context.device)
        self.domains = torch.arange(2, device=context.device).repeat_interleave(batch_size).float()  # (2B,) 0 source
        self.strength = torch.zeros((), device=context.device)

    def modules(self) -> Mapping[str, nn.Module]:
        return {**super().modules(), "domain_head": self.domain_head}

    def loss(self, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        self.strength.fill_(reversal_strength(self.method, progress))
        source, labels = self.labelled_batch()
        target = self.varied(self.target[self.batches["target"].next()])
        features = self._features_of_both(source, target)  # (2B, D)
        # Two views of the same features, so that the gradient arriving from either head can be told apart.
        class_features, domain_features = features[: len(source)], features.view_as(features)
        class_features.retain_grad()
        domain_features.retain_grad()
        class_logits = self.network.predictor(class_features).float()
        class_loss = functional.cross_entropy(class_logits, labels)
        reversed_features = reverse_gradient(domain_features, self.strength)
        domain_logits = self.domain_head(reversed_features).float().squeeze(1)
        domain_loss = functional.binary_cross_entropy_with_logits(domain_logits, self.domains)
        self._domain = DomainTensors(
            domain_features, reversed_features, domain_logits, self.domains, domain_loss, self.strength
        )
        self._tensors = StepTensors("source", class_features, class_logits, labels, class_loss, self._domain)
        correct = ((domain_logits > 0) == (self.domains > 0.5)).float().mean()
        scalars = {"class_loss": class_loss, "domain_loss": domain_loss, "training_domain_accuracy": correct}
        return class_loss + domain_loss, scalars

    def _features_of_both(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        extractor = self.network.extractor
        if self.method.batch_norm_statistics == "joint":
            features: torch.Tensor = extractor(channels_last(torch.cat([source, target])))
            return features
        source_features = extractor(channels_last(source))
        norms = [module for module in extractor.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        if self.method.batch_norm_statistics == "source":
            for norm in norms:
                norm.eval()
        target_features = extractor(channels_last(target))
        for norm in norms:
            norm.train()
        return torch.cat([source_features, target_features])

    def after_backward(self) -> dict[str, torch.Tensor]:
        head = [parameter.grad.norm() for parameter in self.domain_head.parameters() if parameter.grad is not None]
        return super().after_backward() | {
            "domain_gradient_norm": gradient_norm(self._domain.features),
            "domain_head_gradient_norm": torch.stack(head).norm(),
        }

    def settings(self, progress: float) -> dict[str, float]:
        return {"grl_lambda": reversal_strength(self.method, progress)}

    def scores(self, domain: DomainName, features: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"domain_accuracy": ((self.domain_head(features).squeeze(1) > 0) == (domain == "target")).float()}

    def surfaces(self, grid_features: torch.Tensor) -> dict[str, torch.Tensor]:
        return super().surfaces(grid_features) | {"domain": self.domain_head(grid_features).sigmoid()[:, 0]}
