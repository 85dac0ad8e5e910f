"""Clusters among features, and how well they agree with classes that whoever made them did not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Floats = npt.NDArray[np.floating]
Numbers = npt.NDArray[np.integer]
CHANCE_DRAWS = 20


@dataclass(frozen=True)
class Clustering:
    """One run of k-means. distances: (N, K) float32 squared distances to the centres; assigned: (N,) the nearest."""

    distances: npt.NDArray[np.float32]

    @property
    def assigned(self) -> npt.NDArray[np.intp]:
        """The cluster (N,) of each point."""
        return self.distances.argmin(axis=1)

    @property
    def inertia(self) -> float:
        """Sum of squared distances to the nearest centres: what k-means makes small, and what needs no labels."""
        return float(self.distances.min(axis=1).sum(dtype=np.float64))


def cluster(features: Floats, clusters: int, initialisations: int, seed: int) -> list[Clustering]:
    """k-means on the directions of features (N, D), begun anew from other first centres each time (k-means++).

    Features are divided by their lengths, since both losses with views compare directions. Fewer points than clusters
    give as many clusters as there are points.
    """
    table = np.asarray(features, dtype=np.float64)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    units = table / np.where(lengths > 0, lengths, 1.0)
    found = []
    with threadpool_limits(1):
        for number in range(initialisations):
            means = KMeans(min(clusters, len(units)), n_init=1, random_state=1000 * seed + number).fit(units)
            found.append(Clustering(np.square(means.transform(units)).astype(np.float32)))
    return found


def renamed(assigned: Numbers, before: Numbers, clusters: int) -> npt.NDArray[np.intp]:
    """Which number (K,) each cluster of `assigned` (N,) takes so that most points keep that of `before` (N,)."""
    shared = np.zeros((clusters, clusters), dtype=np.int64)
    np.add.at(shared, (assigned, before), 1)
    rows, columns = linear_sum_assignment(-shared)
    numbers = np.empty(clusters, dtype=np.intp)
    numbers[rows] = columns
    return numbers


@dataclass(frozen=True)
class Agreement:
    """How far clusters and classes say the same: 1 where they do, 0 on average by chance."""

    adjusted_mutual_information: float
    adjusted_rand_index: float


def agreement(assigned: Numbers, labels: Numbers) -> Agreement:
    """Adjusted mutual information (Vinh, Epps and Bailey 2010) and adjusted Rand index (Hubert and Arabie 1985)."""
    return Agreement(float(adjusted_mutual_info_score(labels, assigned)), float(adjusted_rand_score(labels, assigned)))


def chance_level(assigned: Numbers, labels: Numbers, seed: int) -> Agreement:
    """What the same clusters reach on shuffled labels: the largest of twenty draws, by each measure."""
    random = np.random.default_rng(seed)
    drawn = [agreement(assigned, random.permutation(labels)) for _ in range(CHANCE_DRAWS)]
    return Agreement(
        max(one.adjusted_mutual_information for one in drawn), max(one.adjusted_rand_index for one in drawn)
    )


def best_of(found: Sequence[Clustering]) -> int:
    """The clustering with the smallest inertia: a choice that looks at no label."""
    return int(np.argmin([one.inertia for one in found]))
