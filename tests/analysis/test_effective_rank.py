"""How many dimensions features use: closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.effective_rank import effective_rank


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_equal_spread_along_so_many_axes_is_so_much_rank(rank: int):
    axes = np.eye(8)[:rank]
    assert effective_rank(np.concatenate([axes, -axes])) == pytest.approx(rank)


def test_unequal_spread_is_the_exponential_of_the_entropy():
    first, second = 3.0, 1.0  # singular values of ±3 and ±1 along two axes have the ratio 3 : 1
    points = np.array([[first, 0], [-first, 0], [0, second], [0, -second]])
    shares = np.array([0.75, 0.25])
    assert effective_rank(points) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_it_does_not_depend_on_scale_or_which_side_is_longer():
    features = np.random.default_rng(0).normal(size=(30, 6))
    expected = effective_rank(features)
    assert effective_rank(1000 * features) == pytest.approx(expected)
    wide = np.concatenate([features, np.zeros((30, 40))], axis=1)
    assert effective_rank(wide) == pytest.approx(expected)


def test_what_is_alike_has_one_and_what_is_no_number_has_no_rank():
    assert effective_rank(np.full((10, 4), 0.1)) == pytest.approx(1)
    assert effective_rank(np.zeros((10, 4))) == 0
    assert np.isnan(effective_rank(np.array([[1.0, np.nan], [0.0, 1.0]])))
