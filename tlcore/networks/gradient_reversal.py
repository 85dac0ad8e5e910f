"""Gradient reversal (Ganin & Lempitsky 2015, section 3): the identity forwards, −λ times the gradient backwards."""

from __future__ import annotations

from typing import Any

import torch


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, features: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(strength)
        return features.view_as(features)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (strength,) = context.saved_tensors
        return gradients[0] * -strength.to(gradients[0].dtype), None


def reverse_gradient(features: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Return `features` unchanged; on the way back their gradient is multiplied by −`strength`.

    λ acts here and nowhere else: whatever stands behind this call learns with weight 1, what stands before it unlearns
    with weight λ.

    features: any shape. strength: a scalar tensor, so that a schedule can change it between steps of a captured graph.
    """
    reversed_features: torch.Tensor = _ReverseGradient.apply(features, strength)
    return reversed_features
