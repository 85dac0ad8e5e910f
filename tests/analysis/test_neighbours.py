"""Nearest neighbours by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.neighbours import neighbour_agreement, neighbour_scores

KNOWN = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 1.0]])
LABELS = np.array([0, 1, 0, 1])


def test_votes_are_the_cosines_of_the_nearest():
    asked = np.array([[2.0, 0.0], [0.0, 5.0]])
    half = np.sqrt(0.5)
    # From (1, 0): itself by 1 and (3, 3) by √½, both of class 0. From (0, 1): both pictures of class 1 by 1 each.
    expected = [[1 + half, 0.0], [0.0, 2.0]]
    assert neighbour_scores(asked, KNOWN, LABELS, 2, neighbours=2) == pytest.approx(np.array(expected))


def test_no_more_vote_than_the_smallest_class_has():
    labels = np.array([0, 1, 1, 1])
    # Of class 0 there is one: only the very nearest votes, and the three of class 1 cannot outvote it.
    votes = neighbour_scores(np.array([[1.0, 0.1]]), KNOWN, labels, 3, neighbours=5)
    assert votes.argmax() == 0 and np.count_nonzero(votes) == 1


def test_agreement_leaves_each_point_out():
    features = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    assert neighbour_agreement(features, np.array([0, 0, 1, 1]), neighbours=1) == 1
    assert neighbour_agreement(features, np.array([0, 1, 0, 1]), neighbours=1) == 0


def test_points_at_the_origin_harm_nobody():
    features = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    assert 0 <= neighbour_agreement(features, np.array([0, 1, 1]), neighbours=1) <= 1
