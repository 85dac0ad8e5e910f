"""The losses of learning from two views of each picture, without labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

EPSILON = 1e-4  # inside the root of the variance (Bardes, Ponce and LeCun 2022, equation 1)


@dataclass(frozen=True)
class Similarities:
    """What the contrastive loss compares: scores (2N, 2N) of each view with each, divided by the temperature, a view
    with itself left out; partners (2N,): the row of the other view of the same picture."""

    scores: torch.Tensor
    partners: torch.Tensor


def similarities(first: torch.Tensor, second: torch.Tensor, temperature: float) -> Similarities:
    """Cosines of all 2N views, from projections (N, E) of the first and of the second view of N pictures."""
    views = functional.normalize(torch.cat([first, second]).float(), dim=1)
    scores = (views @ views.T / temperature).fill_diagonal_(-torch.inf)
    count = len(first)
    partners = torch.arange(2 * count, device=first.device).roll(count)
    return Similarities(scores, partners)


def nt_xent(first: torch.Tensor, second: torch.Tensor, temperature: float) -> torch.Tensor:
    """The normalised, temperature-scaled cross-entropy: each view must find its partner among the 2N − 1 others.

    first, second: projections (N, E) of two views of the same N pictures. The mean over all 2N views, in nats. Chen et
    al. 2020, equation 1.
    """
    found = similarities(first, second, temperature)
    return functional.cross_entropy(found.scores, found.partners)


@dataclass(frozen=True)
class VarianceTerms:
    """The three terms of VICReg, each a scalar, before they are weighted."""

    invariance: torch.Tensor
    variance: torch.Tensor
    covariance: torch.Tensor


def vicreg_terms(first: torch.Tensor, second: torch.Tensor) -> VarianceTerms:
    """Bardes, Ponce and LeCun 2022, equations 1 to 5, of projections (N, E) of two views of the same N pictures.

    invariance: mean squared distance between the two views, over coordinates too (the authors' code divides by E).
    variance: what the standard deviation of each coordinate lacks of 1, mean over coordinates, over both views halved.
    covariance: squared covariances of different coordinates, summed and divided by E, over both views summed.
    """
    one, other = first.float(), second.float()
    return VarianceTerms(
        invariance=functional.mse_loss(one, other),
        variance=(_missing_spread(one) + _missing_spread(other)) / 2,
        covariance=_covariances(one) + _covariances(other),
    )


def _missing_spread(views: torch.Tensor) -> torch.Tensor:
    return functional.relu(1 - (views.var(0) + EPSILON).sqrt()).mean()


def _covariances(views: torch.Tensor) -> torch.Tensor:
    centred = views - views.mean(0)
    table = centred.T @ centred / (len(views) - 1)
    return (table.square().sum() - table.diagonal().square().sum()) / views.shape[1]
