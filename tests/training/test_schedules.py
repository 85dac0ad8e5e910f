"""Schedules against their closed forms."""

from __future__ import annotations

import math

import pytest

from tlcore.specs import Dann, Optimisation
from tlcore.training.schedules import learning_rate, reversal_strength


@pytest.mark.parametrize("progress", [0.0, 0.05, 0.25, 0.5, 0.9, 1.0])
def test_lambda_follows_the_papers_ramp(progress: float) -> None:
    expected = 2 / (1 + math.exp(-10 * progress)) - 1
    assert reversal_strength(Dann(), progress) == pytest.approx(expected)
    assert reversal_strength(Dann(lambda_max=6.0), progress) == pytest.approx(6 * expected)
    gentle = Dann(lambda_gamma=3.0)
    assert reversal_strength(gentle, progress) == pytest.approx(math.tanh(3 * progress / 2))  # the same, otherwise put
    assert reversal_strength(Dann(lambda_max=0.7, lambda_schedule="constant"), progress) == 0.7


def test_lambda_begins_at_nothing_and_grows() -> None:
    values = [reversal_strength(Dann(), share / 20) for share in range(21)]
    assert values[0] == 0.0
    assert values == sorted(values)
    assert 0.999 < values[-1] < 1.0


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.5, 1.0])
def test_the_rate_decays_as_in_the_paper(progress: float) -> None:
    spec = Optimisation(learning_rate=0.01, schedule="inverse_decay")
    assert learning_rate(spec, progress) == pytest.approx(0.01 / (1 + 10 * progress) ** 0.75)


def test_the_inverse_decay_ends_near_a_sixth() -> None:
    spec = Optimisation(learning_rate=1.0, schedule="inverse_decay")
    assert learning_rate(spec, 0.0) == 1.0
    assert learning_rate(spec, 1.0) == pytest.approx(11**-0.75) == pytest.approx(0.1656, abs=1e-4)


def test_cosine_goes_from_the_rate_over_half_of_it_to_zero() -> None:
    spec = Optimisation(learning_rate=0.4, schedule="cosine")
    assert [learning_rate(spec, share) for share in (0.0, 0.5, 1.0)] == pytest.approx([0.4, 0.2, 0.0], abs=1e-15)
    assert learning_rate(spec, 1 / 3) == pytest.approx(0.3)


def test_one_cycle_rises_in_the_first_quarter_and_falls_to_zero() -> None:
    spec = Optimisation(learning_rate=0.4, schedule="one_cycle")
    shares = (0.0, 0.125, 0.25, 0.625, 1.0)
    assert [learning_rate(spec, share) for share in shares] == pytest.approx([0.016, 0.208, 0.4, 0.2, 0.0], abs=1e-12)


def test_a_constant_rate_stays() -> None:
    spec = Optimisation(learning_rate=0.4, schedule="constant")
    assert {learning_rate(spec, share / 7) for share in range(8)} == {0.4}
