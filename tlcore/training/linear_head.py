"""A new last layer trained by itself on features that stay as they are."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from tlcore.errors import InvalidRequest


def train_head(
    features: np.ndarray | torch.Tensor,
    labels: np.ndarray | torch.Tensor,
    class_count: int,
    *,
    weight_decay: float = 1e-3,
    steps: int = 100,
    device: str = "cpu",
) -> nn.Linear:
    """The dense layer that minimises cross-entropy plus ½·`weight_decay`·||W||², by L-BFGS over all features at once.

    features: (N, D); labels: (N,) from 0 to `class_count` − 1. Features are standardised while it is trained, and that
    is then worked into its weights: it takes features as they are, and can stand behind the frozen network as its last
    layer. The weights begin at zero, so the result depends on nothing but the arguments. The bias is not decayed.

    Raises InvalidRequest where shapes do not fit or features are not finite.
    """
    inputs = torch.as_tensor(np.array(features, dtype=np.float32) if isinstance(features, np.ndarray) else features)
    inputs = inputs.to(device, torch.float32)
    answers = torch.as_tensor(labels).to(device, torch.int64)
    if inputs.ndim != 2 or len(inputs) != len(answers) or not len(inputs):
        raise InvalidRequest(f"Features {tuple(inputs.shape)} and {len(answers):,} labels do not fit together.")
    if not torch.isfinite(inputs).all():
        raise InvalidRequest("The head cannot be trained: the features are not finite.")
    mean, deviation = inputs.mean(0), inputs.std(0, correction=0)
    deviation = torch.where(deviation > 1e-6 * (1 + mean.abs()), deviation, torch.ones_like(deviation))
    standardised = (inputs - mean) / deviation
    head = nn.Linear(inputs.shape[1], class_count, device=device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=steps, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = functional.cross_entropy(head(standardised), answers)
        value = value + 0.5 * weight_decay * head.weight.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():
        head.weight.div_(deviation)
        head.bias.sub_(head.weight @ mean)
    return head
