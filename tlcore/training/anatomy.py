"""One training step taken apart while it happens, for people who step through a run.

Nothing is imitated: the numbers are read from the very tensors of the step, and the step is the one that would have
been made anyway. Only what is asked after it, the losses of the same batch with the new weights, needs a second forward
pass; it draws the same batch and the same dropout, and whatever it moves (running statistics, chance, the place in the
shuffled examples) is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from tlcore.runs.records import StepAnatomy
from tlcore.training.context import DomainName
from tlcore.training.sampling import ShuffledBatches

Numbers = dict[str, float]


@dataclass(frozen=True)
class DomainTensors:
    """What the domain classifier made of a batch of both domains, 2B examples.

    features: (2B, D), on the extractor's side of the gradient reversal. reversed_features: the same numbers, on the
    domain classifier's side. logits: (2B,), positive for target. domains: (2B,), 0 source, 1 target. strength: λ.
    """

    features: torch.Tensor
    reversed_features: torch.Tensor
    logits: torch.Tensor
    domains: torch.Tensor
    loss: torch.Tensor
    strength: torch.Tensor


@dataclass(frozen=True)
class StepTensors:
    """What a forward pass has made, by which its numbers and its gradients can be read.

    labelled: the domain whose labels are learned from. class_features: (B, D) of its examples, as the label predictor
    is given them. class_logits: (B, K). labels: (B,).
    """

    labelled: DomainName
    class_features: torch.Tensor
    class_logits: torch.Tensor
    labels: torch.Tensor
    class_loss: torch.Tensor
    domain: DomainTensors | None = None


class Dissectable(Protocol):
    """What an objective must tell so that its step can be taken apart."""

    batches: dict[str, ShuffledBatches]

    def modules(self) -> Mapping[str, nn.Module]:
        """The trained modules: "extractor", "predictor" and, where there is one, "domain_head"."""

    def tensors(self) -> StepTensors:
        """Those of the latest forward pass."""


class Dissection:
    """Follows one step: made before its forward pass, then told of each thing that has happened."""

    def __init__(self, objective: Dissectable, device: torch.device) -> None:
        self._objective = objective
        self._device = device
        self._modules = dict(objective.modules())
        self._before = _position(objective, device)
        self._phases: list[tuple[str, Numbers]] = []

    def after_forward(self) -> None:
        """The losses are known and the gradients are not."""
        tensors = self._tensors = self._objective.tensors()
        if tensors.domain is not None:
            tensors.domain.reversed_features.retain_grad()
        self._phases.append(("forward", _forward(tensors)))

    def after_backward(self) -> None:
        """The gradients are known and the weights are still the old ones."""
        tensors = self._tensors
        arriving = _gradient(tensors.class_features)
        self._phases.append(
            (
                "class_gradient",
                {
                    "class_gradient_norm": _mean_length(arriving) * len(arriving),
                    "predictor_gradient_norm": _gradient_length(self._modules["predictor"]),
                },
            )
        )
        if tensors.domain is not None:
            before = _gradient(tensors.domain.reversed_features)
            values = {
                "domain_gradient_norm_before_reversal": _mean_length(before) * len(before),
                "domain_head_gradient_norm": _gradient_length(self._modules["domain_head"]),
            }
            self._phases.append(("domain_gradient", values))
            self._phases.append(("reversal", _reversal(arriving, tensors.domain)))
        self._weights = {
            name: [parameter.detach().clone() for parameter in module.parameters()]
            for name, module in self._modules.items()
        }

    def after_update(self, step: int, learning_rate: float, forward: Callable[[], object]) -> StepAnatomy:
        """The weights are the new ones; `forward` makes the forward pass of a step. The step, taken apart."""
        values = {"learning_rate": learning_rate}
        for name, module in self._modules.items():
            changes = [new.detach() - old for new, old in zip(module.parameters(), self._weights[name], strict=True)]
            values[f"{name}_change"] = _length(changes)
        self._phases.append(("update", values | self._losses_now(forward)))
        return StepAnatomy(step, tuple(self._phases))

    def _losses_now(self, forward: Callable[[], object]) -> Numbers:
        """The losses of the same batch with the same dropout; everything else is as if nobody had asked."""
        after = _position(self._objective, self._device)
        buffers = [buffer for module in self._modules.values() for buffer in module.buffers()]
        kept = [buffer.clone() for buffer in buffers]
        _return_to(self._before, self._objective, self._device)
        try:
            forward()
            tensors = self._objective.tensors()
        finally:
            _return_to(after, self._objective, self._device)
            with torch.no_grad():
                for buffer, values in zip(buffers, kept, strict=True):
                    buffer.copy_(values)
        losses = {"class_loss_after": float(tensors.class_loss.detach())}
        if tensors.domain is not None:
            losses["domain_loss_after"] = float(tensors.domain.loss.detach())
        return losses


def _forward(tensors: StepTensors) -> Numbers:
    right = tensors.class_logits.detach().argmax(1) == tensors.labels
    values = {"class_loss": float(tensors.class_loss.detach()), "training_accuracy": float(right.float().mean())}
    domain = tensors.domain
    if domain is None:
        return values | _examples(tensors.labelled, tensors.class_features.detach())
    is_target = domain.domains > 0.5
    features = domain.features.detach()
    return (
        values
        | {
            "domain_loss": float(domain.loss.detach()),
            "training_domain_accuracy": float(((domain.logits.detach() > 0) == is_target).float().mean()),
        }
        | _examples("source", features[~is_target])
        | _examples("target", features[is_target])
    )


def _examples(domain: DomainName, features: torch.Tensor) -> Numbers:
    return {f"{domain}_count": float(len(features)), f"{domain}_feature_norm": _mean_length(features)}


def _reversal(class_gradient: torch.Tensor, domain: DomainTensors) -> Numbers:
    """What passes the reversal, and how it meets the class gradient at the source's features.

    Each loss is a mean over its own examples, so lengths are multiplied by their number: by 2B for the domain gradient
    as a whole, as everywhere. Where both meet, at the B labelled source examples, both are multiplied by B, so that
    they can be added: that is the domain gradient's share.
    """
    passed = _gradient(domain.features)
    share = passed[domain.domains < 0.5] * len(class_gradient)
    wanted = class_gradient * len(class_gradient)
    values = {
        "grl_lambda": float(domain.strength),
        "domain_gradient_norm": _mean_length(passed) * len(passed),
        "domain_share_norm": _mean_length(share),
        "combined_gradient_norm": _mean_length(wanted + share),
    }
    lengths = float(wanted.norm() * share.norm())
    if lengths > 0:  # two directions exist
        values["cosine"] = max(-1.0, min(1.0, float((wanted * share).sum()) / lengths))
    return values


def _gradient(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.grad is None:
        raise RuntimeError("no gradient has arrived at the features")
    return tensor.grad.float()


def _mean_length(rows: torch.Tensor) -> float:
    return float(rows.float().norm(dim=1).mean())


def _gradient_length(module: nn.Module) -> float:
    return _length([parameter.grad for parameter in module.parameters() if parameter.grad is not None])


def _length(tensors: list[torch.Tensor]) -> float:
    """The length of all these numbers as one vector."""
    return float(torch.stack([tensor.float().norm() for tensor in tensors]).norm()) if tensors else 0.0


def _position(objective: Dissectable, device: torch.device) -> dict[str, Any]:
    """Where chance and the shuffled examples are."""
    position: dict[str, Any] = {name: batches.state() for name, batches in objective.batches.items()}
    position["random"] = torch.get_rng_state()
    if device.type != "cpu":
        position["device"] = torch.get_device_module(device).get_rng_state()
    return position


def _return_to(position: Mapping[str, Any], objective: Dissectable, device: torch.device) -> None:
    for name, batches in objective.batches.items():
        batches.restore(position[name])
    torch.set_rng_state(position["random"])
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(position["device"])
