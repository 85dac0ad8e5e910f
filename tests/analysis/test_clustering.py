"""Clusters, their names from one look to the next, and what chance reaches."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.clustering import agreement, best_of, chance_level, cluster, renamed

LABELS = np.repeat(np.arange(3), 20)


def _apart() -> np.ndarray:
    """Three directions with a little noise."""
    return 5 * np.eye(3)[LABELS] + np.random.default_rng(0).normal(scale=0.1, size=(60, 3))


def test_clusters_apart_are_found_and_agree_with_classes():
    found = cluster(_apart(), 3, 4, seed=0)
    best = found[best_of(found)]
    assert best.inertia == min(one.inertia for one in found)
    assert best.distances.shape == (60, 3)
    reached = agreement(best.assigned, LABELS)
    assert (reached.adjusted_mutual_information, reached.adjusted_rand_index) == pytest.approx((1, 1))
    again = cluster(_apart(), 3, 4, seed=0)
    assert all((one.assigned == other.assigned).all() for one, other in zip(found, again, strict=True))


def test_chance_stays_near_nothing():
    chance = chance_level(LABELS, LABELS, seed=0)
    assert 0 <= chance.adjusted_mutual_information < 0.15
    assert 0 <= chance.adjusted_rand_index < 0.15


def test_length_does_not_make_a_cluster():
    features = np.concatenate([_apart(), 100 * _apart()])
    (found,) = cluster(features, 3, 1, seed=1)
    assert (found.assigned[:60] == found.assigned[60:]).all()


def test_a_cluster_keeps_its_number():
    before = np.array([0, 0, 1, 1, 2, 2])
    now = np.array([2, 2, 0, 0, 1, 0])
    assert renamed(now, before, 3).tolist() == [1, 2, 0]


def test_fewer_points_than_clusters():
    (found,) = cluster(np.eye(3), 5, 1, seed=0)
    assert found.distances.shape == (3, 3)
