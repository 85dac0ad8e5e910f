"""Several losses or gradients brought together: against two tasks worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tlcore.training.many_tasks import Task
from tlcore.training.task_weighting import Uncertainty, cagrad_weights, cosines, gradient_weights

CONFLICTING = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])


def direction(gradients: torch.Tensor, method: str, caution: float = 0.5) -> torch.Tensor:
    return gradient_weights(gradients @ gradients.T, method, caution) @ gradients


def test_pcgrad_projects_each_gradient_off_the_other() -> None:
    # (1, 0) less its part along (−1, 1) is (½, ½); (−1, 1) less its part along (1, 0) is (0, 1); their mean.
    assert direction(CONFLICTING, "pcgrad").tolist() == pytest.approx([0.25, 0.75], abs=1e-5)


def test_upgrad_of_two_tasks_is_the_mean_of_their_projections_and_hurts_neither() -> None:
    found = direction(CONFLICTING, "upgrad")
    assert found.tolist() == pytest.approx([0.25, 0.75], abs=1e-3)
    assert bool((CONFLICTING @ found >= -1e-6).all())


@pytest.mark.parametrize("method", ["pcgrad", "upgrad"])
def test_gradients_that_agree_are_averaged(method: str) -> None:
    agreeing = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    assert direction(agreeing, method).tolist() == pytest.approx([1.0, 0.5], abs=1e-3)


def test_cagrad_of_equal_opposed_gradients_keeps_to_what_they_share() -> None:
    # g₀ = (0, 1); by symmetry w is ½, ½, and d = g₀ + c‖g₀‖ g₀/‖g₀‖ = 1.5 g₀.
    opposed = torch.tensor([[1.0, 1.0], [-1.0, 1.0]])
    assert direction(opposed, "cagrad").tolist() == pytest.approx([0.0, 1.5], abs=1e-4)


def test_cagrad_without_room_is_the_mean_and_otherwise_the_least_gain_is_the_largest() -> None:
    gramian = (CONFLICTING @ CONFLICTING.T).double().numpy()
    assert cagrad_weights(gramian, 0.0).tolist() == pytest.approx([0.5, 0.5])
    found = cagrad_weights(gramian, 0.5) @ CONFLICTING.double().numpy()
    mean = CONFLICTING.double().numpy().mean(0)
    assert np.linalg.norm(found - mean) <= 0.5 * np.linalg.norm(mean) + 1e-6
    angles = np.linspace(0, 2 * np.pi, 4001)
    others = mean + 0.5 * np.linalg.norm(mean) * np.stack([np.cos(angles), np.sin(angles)], 1)
    best = (others @ CONFLICTING.double().numpy().T).min(1).max()
    assert (CONFLICTING.double().numpy() @ found).min() == pytest.approx(best, abs=1e-4)


def test_cosines_by_hand() -> None:
    table = cosines(CONFLICTING @ CONFLICTING.T)
    assert float(table[0, 1]) == pytest.approx(-1 / math.sqrt(2))
    assert torch.equal(cosines(torch.zeros(2, 2)), torch.zeros(2, 2))


def test_the_gradient_of_uncertainty() -> None:
    weighting = Uncertainty(2)
    with torch.no_grad():
        weighting.log_variances.copy_(torch.tensor([0.4, -0.6]))
    losses = torch.tensor([2.0, 3.0], requires_grad=True)
    weighting(losses, torch.tensor([False, True])).backward()
    assert losses.grad is not None and weighting.log_variances.grad is not None
    assert losses.grad.tolist() == pytest.approx([math.exp(-0.4), 0.5 * math.exp(0.6)])
    assert weighting.log_variances.grad.tolist() == pytest.approx(
        [0.5 - 2.0 * math.exp(-0.4), 0.5 - 0.5 * 3.0 * math.exp(0.6)]
    )


@pytest.mark.parametrize(("classes", "missing"), [(3, -1.0), (0, math.nan)])
def test_missing_labels_add_nothing_at_all(classes: int, missing: float) -> None:
    task = Task("one", tuple("abc"[:classes]))
    answers = torch.randn(6, task.outputs, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels = torch.tensor([0.0, missing, 2.0, missing, 1.0, missing])
    loss = task.loss(answers, labels)
    (gradient,) = torch.autograd.grad(loss, answers)
    assert torch.equal(gradient[1::2], torch.zeros_like(gradient[1::2]))
    with torch.no_grad():
        assert float(loss) == pytest.approx(float(task.loss(answers[::2], labels[::2])))
        assert float(task.loss(answers, torch.full((6,), missing))) == 0.0
