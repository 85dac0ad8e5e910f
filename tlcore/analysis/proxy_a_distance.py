"""Proxy A-distance: how easily a fresh linear classifier tells two domains apart.

Ben-David, Blitzer, Crammer and Pereira, "Analysis of Representations for Domain Adaptation" (NIPS 2006, in print
2007); protocol of Ganin et al., "Domain-Adversarial Training of Neural Networks" (JMLR 2016, "Proxy Distance").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]

FEWEST_POINTS = 4  # of each domain: half of them are learned from
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class ProxyADistance:
    """What the fresh classifier achieved on points it had not seen.

    error: ε, the lowest held-out share of points given the wrong domain, over the values of C.
    distance: 2(1 − 2ε): 2 for domains that separate perfectly, 0 for domains that cannot be told apart. It is
    not clipped: chance may put ε above one half, and the distance a little below 0.
    accuracy: 1 − ε.
    penalty: the C of the classifier that achieved it.
    """

    error: float
    distance: float
    accuracy: float
    penalty: float


def fit_squared_hinge(
    features: Doubles, signs: Doubles, penalty: float, start: Doubles | None = None, iterations: int = 50
) -> Doubles:
    """The weights of a linear support vector machine with squared hinge loss, by Newton's method in the primal.

    Minimises ½||w||² + C Σᵢ max(0, 1 − yᵢ w·xᵢ)² (Chapelle, "Training a Support Vector Machine in the Primal",
    Neural Computation 2007, section 4; the objective of scikit-learn's LinearSVC with its default loss). For a few
    hundred points this is much faster than coordinate descent, because each step solves a small system exactly.

    features: (N, D), with a column of ones if a bias is wanted. signs: (N,) of −1 and +1. penalty: C.
    start: (D,) weights to start from. Returns (D,).
    """
    weights = np.zeros(features.shape[1]) if start is None else start.copy()
    identity = np.eye(features.shape[1])
    margins = 1.0 - signs * (features @ weights)
    for _ in range(iterations):
        active = margins > 0
        support = features[active]
        gradient = weights - 2.0 * penalty * (support.T @ (signs[active] * margins[active]))
        if np.linalg.norm(gradient) <= 1e-6 * max(1.0, float(np.linalg.norm(weights))):
            break
        curvature: Doubles = identity + 2.0 * penalty * (support.T @ support)
        direction = np.asarray(np.linalg.solve(curvature, -gradient), dtype=np.float64)
        step = _line_search(weights, direction, margins, -signs * (features @ direction), penalty)
        weights = weights + step * direction
        margins = 1.0 - signs * (features @ weights)
    return weights


def _line_search(weights: Doubles, direction: Doubles, margins: Doubles, slopes: Doubles, penalty: float) -> float:
    """The step along a direction that minimises the objective, by Newton's method on its piecewise linear slope."""
    step = 1.0
    along, squared = float(weights @ direction), float(direction @ direction)
    for _ in range(20):
        moved = margins + step * slopes
        active = moved > 0
        slope = along + step * squared + 2.0 * penalty * float(moved[active] @ slopes[active])
        curvature = squared + 2.0 * penalty * float(slopes[active] @ slopes[active])
        change = slope / curvature
        step -= change
        if abs(change) < 1e-8:
            break
    return step


def _checked(source: Floats, target: Floats) -> tuple[Doubles, Doubles]:
    first, second = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"Source {first.shape} and target {second.shape} must be tables of points by the same features."
        )
    if min(len(first), len(second)) < FEWEST_POINTS:
        raise ValueError("The proxy A-distance needs at least four points in each domain.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("The features contain NaN or infinite values.")
    return first, second


def proxy_a_distance(
    source: Floats,
    target: Floats,
    seed: int,
    max_points: int = 500,
    penalties: Sequence[float] = PENALTIES,
) -> ProxyADistance:
    """Train a linear classifier to tell source from target on half of the points, and test it on the other half.

    source: (N, D), target: (M, D) features. Both domains give the same number of points, min(N, M, max_points),
    drawn by the seed; half of each trains, half tests, so that guessing is right half of the time. Features are
    standardised with the training half's mean and deviation. Of the values of C in `penalties` the lowest held-out
    error counts, as in the paper; this makes the distance of equal domains slightly positive on average.

    Raises ValueError for fewer than four points in a domain, different numbers of features, or non-finite values.
    """
    first, second = _checked(source, target)
    generator = np.random.default_rng(seed)
    count = min(len(first), len(second), max_points)
    half = count // 2
    first = first[generator.permutation(len(first))[:count]]
    second = second[generator.permutation(len(second))[:count]]
    train = np.concatenate([first[:half], second[:half]])
    test = np.concatenate([first[half:], second[half:]])
    train_signs = np.repeat([-1.0, 1.0], [half, half])
    test_signs = np.repeat([-1.0, 1.0], [count - half, count - half])

    mean, deviation = train.mean(axis=0), train.std(axis=0)
    # A feature that is constant on the training half tells nothing: its column is left at 0.
    useful = deviation > 1e-12 * np.maximum(1.0, np.abs(mean))
    train = (train[:, useful] - mean[useful]) / deviation[useful]
    test = (test[:, useful] - mean[useful]) / deviation[useful]
    if train.shape[1] > len(train):
        # The solution lies in the span of the training points: work in that smaller space, at no loss.
        basis = np.linalg.qr(train.T)[0]
        train, test = train @ basis, test @ basis
    train = np.column_stack([train, np.ones(len(train))])
    test = np.column_stack([test, np.ones(len(test))])

    best_error, best_penalty = float("inf"), float("nan")
    weights: Doubles | None = None
    for penalty in sorted(penalties):
        weights = fit_squared_hinge(train, train_signs, penalty, weights)
        scores = test @ weights
        # A score of exactly 0 decides nothing: it counts as half an error, not as either domain.
        error = float(np.mean(np.where(scores == 0, 0.5, test_signs * scores < 0)))
        if error < best_error:
            best_error, best_penalty = error, penalty
    return ProxyADistance(best_error, 2.0 * (1.0 - 2.0 * best_error), 1.0 - best_error, best_penalty)
