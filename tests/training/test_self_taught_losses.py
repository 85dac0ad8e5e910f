"""Losses of two views against naive loops."""

from __future__ import annotations

import math

import pytest
import torch

from tlcore.training.self_taught_losses import EPSILON, nt_xent, vicreg_terms


def _projections(count: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(count, width, generator=generator, dtype=torch.float64)
    return first, first + 0.3 * torch.randn(count, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_the_contrastive_loss_is_that_of_a_loop_over_all_views(temperature: float):
    first, second = _projections(5, 4)
    views = [*first, *second]
    losses = []
    for index, view in enumerate(views):
        cosines = [float(view @ other / (view.norm() * other.norm())) for other in views]
        partner = index + 5 if index < 5 else index - 5
        others = [math.exp(cosines[k] / temperature) for k in range(10) if k != index]
        losses.append(-math.log(math.exp(cosines[partner] / temperature) / sum(others)))
    assert float(nt_xent(first, second, temperature)) == pytest.approx(sum(losses) / 10, rel=1e-5)


def test_of_two_pictures_that_all_look_alike_partners_are_found_by_chance():
    alike = torch.ones(8, 3)
    assert float(nt_xent(alike, alike, 0.5)) == pytest.approx(math.log(15), rel=1e-6)


def test_the_terms_of_vicreg_are_those_of_loops():
    first, second = (one.float() for one in _projections(6, 3))
    terms = vicreg_terms(first, second)
    distance = sum(float((a - b).square().sum()) for a, b in zip(first, second, strict=True)) / (6 * 3)
    spread, covariance = 0.0, 0.0
    for views in (first, second):
        mean = [sum(float(view[i]) for view in views) / 6 for i in range(3)]
        table = [
            [sum((float(view[i]) - mean[i]) * (float(view[j]) - mean[j]) for view in views) / 5 for j in range(3)]
            for i in range(3)
        ]
        spread += sum(max(0.0, 1 - math.sqrt(table[i][i] + EPSILON)) for i in range(3)) / 3 / 2
        covariance += sum(table[i][j] ** 2 for i in range(3) for j in range(3) if i != j) / 3
    assert float(terms.invariance) == pytest.approx(distance, rel=1e-5)
    assert float(terms.variance) == pytest.approx(spread, rel=1e-5)
    assert float(terms.covariance) == pytest.approx(covariance, rel=1e-5)


def test_features_in_one_point_please_invariance_alone():
    point = torch.full((8, 5), 0.5)
    terms = vicreg_terms(point, point)
    assert float(terms.invariance) == 0 and float(terms.covariance) == 0
    assert float(terms.variance) == pytest.approx(1 - math.sqrt(EPSILON))
