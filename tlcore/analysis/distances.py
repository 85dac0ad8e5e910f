"""How similar two representations are (CKA) and how far apart two samples are (MMD)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

BANDWIDTH_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)


def _finite(features: Floats, name: str) -> npt.NDArray[np.float64]:
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} must be a table of points by features, not of shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contain NaN or infinite values.")
    return array


def linear_cka(first: Floats, second: Floats) -> float:
    """Linear centred kernel alignment of two representations of the same N points.

    first: (N, D), second: (N, E), row i of both from the same input. Returns a number in [0, 1]: 1 for
    representations that are equal up to rotation, reflection, shift and scale.

    ||YᵀX||²_F / (||XᵀX||_F ||YᵀY||_F) with centred columns (Kornblith, Norouzi, Lee and Hinton, ICML 2019,
    "Similarity of Neural Network Representations Revisited", section 3, linear kernel).

    Raises ValueError for different numbers of points, non-finite values, or a representation that is constant.
    """
    x, y = _finite(first, "The first features"), _finite(second, "The second features")
    if len(x) != len(y):
        raise ValueError(f"CKA compares the same points: {len(x)} and {len(y)} were given.")
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    if len(x) < max(x.shape[1], y.shape[1]):
        # The same number from the (N, N) Gram matrices, which are the smaller ones here.
        gram_x, gram_y = x @ x.T, y @ y.T
        cross, own_x, own_y = float((gram_x * gram_y).sum()), np.linalg.norm(gram_x), np.linalg.norm(gram_y)
    else:
        cross = float(np.linalg.norm(y.T @ x) ** 2)
        own_x, own_y = np.linalg.norm(x.T @ x), np.linalg.norm(y.T @ y)
    if own_x == 0 or own_y == 0:
        raise ValueError("CKA is undefined for features that are the same for every point.")
    return float(cross / (own_x * own_y))


def _squared_distances(x: Floats, y: Floats) -> npt.NDArray[np.float64]:
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :] - 2.0 * (x @ y.T)
    return np.maximum(squares, 0.0)  # rounding leaves tiny negatives


def median_bandwidth(source: Floats, target: Floats) -> float:
    """The median squared Euclidean distance between distinct points of the pooled sample, in squared feature units.

    The "median heuristic" (Gretton et al., JMLR 2012, section 8). source: (N, D), target: (M, D).
    Returns 1.0 when more than half of the pairs coincide, where the median is 0 and says nothing.
    """
    pooled = np.concatenate([_finite(source, "The source features"), _finite(target, "The target features")])
    pooled = pooled - pooled.mean(axis=0)
    upper = _squared_distances(pooled, pooled)[np.triu_indices(len(pooled), k=1)]
    median = float(np.median(upper)) if upper.size else 0.0
    return median if median > 0 else 1.0


def squared_mmd(
    source: Floats,
    target: Floats,
    bandwidth: float | None = None,
    factors: Sequence[float] = BANDWIDTH_FACTORS,
) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy of two samples, with a sum of Gaussian kernels.

    source: (N, D), target: (M, D), N and M at least 2.
    k(x, y) = mean over factors f of exp(−||x − y||² / (f · bandwidth)); the bandwidth, in squared feature
    units, is the median heuristic's when None.

    MMD²_u of Gretton, Borgwardt, Rasch, Schölkopf and Smola (JMLR 2012, "A Kernel Two-Sample Test",
    equation 3): the points' similarity to themselves is left out, so two samples of one distribution give 0
    on average, and single estimates may be slightly negative. They are reported as they are.

    Raises ValueError for fewer than two points, different numbers of features, non-finite values, or a
    bandwidth or factor that is not positive.
    """
    x, y = _finite(source, "The source features"), _finite(target, "The target features")
    if len(x) < 2 or len(y) < 2:
        raise ValueError("MMD needs at least two points in each domain.")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"The domains have {x.shape[1]} and {y.shape[1]} features: MMD needs the same.")
    scale = median_bandwidth(x, y) if bandwidth is None else bandwidth
    if scale <= 0 or not factors or min(factors) <= 0:
        raise ValueError("The bandwidth and its factors must be positive.")
    centre = np.concatenate([x, y]).mean(axis=0)  # distances do not change, rounding does
    x, y = x - centre, y - centre

    def kernel(squares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(np.mean([np.exp(-squares / (factor * scale)) for factor in factors], axis=0))

    n, m = len(x), len(y)
    within_source = kernel(_squared_distances(x, x))
    within_target = kernel(_squared_distances(y, y))
    across = kernel(_squared_distances(x, y))
    return float(
        (within_source.sum() - np.trace(within_source)) / (n * (n - 1))
        + (within_target.sum() - np.trace(within_target)) / (m * (m - 1))
        - 2.0 * across.mean()
    )
