"""Schedules in closed form, over the share of training done."""

from __future__ import annotations

import math

from tlcore.specs import Optimisation
from tlcore.specs.domain_adversarial import Dann

RISE, LOWEST = 0.25, 1 / 25  # of one_cycle: how much of training goes up, and from what share of the rate


def learning_rate(optimisation: Optimisation, progress: float) -> float:
    """The learning rate at `progress` in [0, 1].

    inverse_decay: μ₀ / (1 + 10p)^0.75 (Ganin et al. 2016, section 5.2.2). cosine: μ₀ (1 + cos πp) / 2.
    one_cycle: from μ₀/25 to μ₀ and from there to zero, half a cosine each (after Smith and Topin 2018).
    """
    initial = optimisation.learning_rate
    if optimisation.schedule == "inverse_decay":
        return initial / (1 + 10 * progress) ** 0.75
    if optimisation.schedule == "cosine":
        return initial * (1 + math.cos(math.pi * progress)) / 2
    if optimisation.schedule == "one_cycle":
        if progress < RISE:
            return initial * (LOWEST + (1 - LOWEST) * (1 - math.cos(math.pi * progress / RISE)) / 2)
        return initial * (1 + math.cos(math.pi * (progress - RISE) / (1 - RISE))) / 2
    return initial


def reversal_strength(method: Dann, progress: float) -> float:
    """λ at `progress` in [0, 1]: λ_max (2 / (1 + exp(−γp)) − 1) (Ganin et al. 2016, section 5.2.2), or constant."""
    if method.lambda_schedule == "constant":
        return method.lambda_max
    return method.lambda_max * (2 / (1 + math.exp(-method.lambda_gamma * progress)) - 1)
