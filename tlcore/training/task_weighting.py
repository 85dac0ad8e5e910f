"""How the losses of several tasks are brought together: by learned weights, or by combining their gradients.

Every gradient method here gives weights w (K,) of the tasks' gradients g (K, P), so that the direction is Σ w_k g_k.
They depend on the inner products of the gradients alone: the Gramian G = g gᵀ (K, K).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from torch import nn


class Uncertainty(nn.Module):
    """A learned log σ² for each task (Kendall, Gal and Cipolla 2018, equations 7 and 10).

    A class loss L becomes L/σ² + log σ, that of a quantity L/(2σ²) + log σ.
    """

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.log_variances = nn.Parameter(torch.zeros(tasks))

    def forward(self, losses: torch.Tensor, quantities: torch.Tensor) -> torch.Tensor:
        """The sum over tasks of losses (K,); quantities: (K,) bool, which of them are squared errors."""
        factor = torch.where(quantities, 0.5, 1.0)
        return (factor * torch.exp(-self.log_variances) * losses + 0.5 * self.log_variances).sum()


def gradient_weights(gramian: torch.Tensor, method: str, caution: float = 0.5) -> torch.Tensor:
    """Weights (K,) that a method gives to the gradients with this Gramian (K, K).

    pcgrad: each gradient is projected onto the normal plane of those it conflicts with, in an order drawn by torch's
    global generator (Yu et al. 2020, algorithm 1); upgrad: the mean of the projections onto the dual cone of all
    (Quinton and Rey 2024), both by torchjd. cagrad: see `cagrad_weights`. Of K = 2 tasks pcgrad gives twice the length
    of the mean, as its paper sums the gradients.
    """
    # Few numbers: the solvers work on the CPU, with doubles.
    inner = gramian.detach().double().cpu()
    if not torch.isfinite(inner).all():
        return torch.full_like(gramian[0], math.nan)
    if method == "cagrad":
        return torch.from_numpy(cagrad_weights(inner.numpy(), caution)).to(gramian)
    from torchjd.aggregation import PCGradWeighting, UPGradWeighting  # late: others need not wait for it

    weights: torch.Tensor = (PCGradWeighting() if method == "pcgrad" else UPGradWeighting())(inner)
    if method == "pcgrad":  # a mean, as with every other method, so that rates of learning can be compared
        weights = weights / len(inner)
    return weights.to(gramian)


def cagrad_weights(gramian: npt.NDArray[np.float64], caution: float) -> npt.NDArray[np.float64]:
    """Weights (K,) of conflict-averse gradient descent: the direction d nearest to the mean gradient g₀, within
    c‖g₀‖ of it, in which the task that gains least gains most (Liu et al. 2021, equations 4 and 5).

    Its dual is solved: w on the simplex that makes g_wᵀg₀ + c‖g₀‖‖g_w‖ smallest; then d = g₀ + c‖g₀‖ g_w/‖g_w‖.
    """
    count = len(gramian)
    mean = np.full(count, 1 / count)
    radius = caution * math.sqrt(max(float(mean @ gramian @ mean), 0.0))
    scale = float(np.trace(gramian)) or 1.0

    def dual(weights: npt.NDArray[np.float64]) -> float:
        length = math.sqrt(max(float(weights @ gramian @ weights), 0.0))
        return (float(weights @ gramian @ mean) + radius * length) / scale

    solved = minimize(
        dual,
        mean,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-12, "maxiter": 200},
    )
    chosen = np.clip(solved.x, 0.0, 1.0)
    length = math.sqrt(max(float(chosen @ gramian @ chosen), 0.0))
    return mean + (radius / length) * chosen if length > 0 else mean


def cosines(gramian: torch.Tensor) -> torch.Tensor:
    """Cosines (K, K) between gradients with this Gramian; 0 beside a gradient of length 0."""
    lengths = gramian.diagonal().clamp_min(0).sqrt()
    products = lengths[:, None] * lengths[None, :]
    return torch.where(products > 0, gramian / products.clamp_min(1e-30), torch.zeros_like(gramian)).clamp(-1, 1)
