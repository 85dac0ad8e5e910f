"""The identity forwards, −λ times the gradient backwards."""

from __future__ import annotations

import pytest
import torch

from tlcore.networks import reverse_gradient


def head(features: torch.Tensor) -> torch.Tensor:
    """Any smooth function with a gradient that differs from place to place."""
    return (features.sin() * features.flatten().cumsum(0).view_as(features)).sum()


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0, 6.0])
def test_gradient_is_minus_lambda_times_autograds_own(strength: float) -> None:
    features = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    plain = torch.autograd.grad(head(features), features)[0]
    value = head(reverse_gradient(features, torch.tensor(strength)))
    assert torch.equal(value, head(features))
    torch.testing.assert_close(torch.autograd.grad(value, features)[0], -strength * plain)


def test_gradient_is_minus_lambda_times_finite_differences() -> None:
    """Against the numbers themselves, not against another use of autograd."""
    features = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    head(reverse_gradient(features, torch.tensor(2.5, dtype=torch.float64))).backward()
    assert features.grad is not None
    for index in range(6):
        nudge = torch.zeros(6, dtype=torch.float64)
        nudge[index] = 1e-6
        slope = (head(features.detach() + nudge) - head(features.detach() - nudge)) / 2e-6
        assert features.grad[index].item() == pytest.approx(-2.5 * slope.item(), rel=1e-5, abs=1e-8)


def test_used_twice_it_reverses_back() -> None:
    features = torch.tensor([1.0, -2.0], requires_grad=True)
    twice = reverse_gradient(reverse_gradient(features, torch.tensor(2.0)), torch.tensor(3.0))
    (twice * torch.tensor([5.0, 7.0])).sum().backward()
    assert features.grad is not None and features.grad.tolist() == [30.0, 42.0]


def test_two_branches_of_one_layer_add_up() -> None:
    features = torch.tensor([1.0, -2.0], requires_grad=True)
    turned = reverse_gradient(features, torch.tensor(2.0))
    ((turned * 3).sum() + (turned * 4).sum() + (features * 10).sum()).backward()
    assert features.grad is not None and features.grad.tolist() == [-4.0, -4.0]


def test_the_strength_may_change_between_two_steps() -> None:
    """One scalar tensor, filled anew before each step, as a captured graph needs it."""
    strength = torch.zeros(())
    found = []
    for value in (0.0, 0.5, 4.0):
        strength.fill_(value)
        features = torch.ones(2, requires_grad=True)
        reverse_gradient(features, strength).sum().backward()
        assert features.grad is not None
        found.append(features.grad.tolist())
    assert found == [[0.0, 0.0], [-0.5, -0.5], [-4.0, -4.0]]


def test_the_strength_has_no_gradient_and_the_number_format_stays() -> None:
    features = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    strength = torch.tensor(1.5, requires_grad=True)
    turned = reverse_gradient(features, strength)
    assert turned.dtype == torch.bfloat16
    turned.sum().backward()
    assert features.grad is not None and features.grad.dtype == torch.bfloat16
    assert features.grad.tolist() == [-1.5, -1.5]
    assert strength.grad is None
