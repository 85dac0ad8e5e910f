"""Turn one cloud of points onto another: the same point in two frames should lie in about the same place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]


def as_features(features: npt.ArrayLike, name: str = "The features") -> npt.NDArray[np.float32]:
    """The features as a contiguous (N, D) float32 table.

    Raises ValueError, in one sentence, for another number of dimensions, no columns, or NaN or infinite values.
    """
    table = np.asarray(features)
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError(f"{name} must be a table of points by features, not of shape {table.shape}.")
    with np.errstate(over="ignore"):  # what overflows float32 is caught as infinite below
        table = np.ascontiguousarray(table, dtype=np.float32)
    if not np.isfinite(table).all():
        raise ValueError(f"{name} contain NaN or infinite values: the network has probably diverged.")
    return table


def root_mean_square_radius(points: npt.NDArray[np.floating]) -> float:
    """The root mean square distance of (N, D) points from their centre, in the points' units: the cloud's size."""
    if len(points) == 0:
        return 0.0
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    return float(np.sqrt((centred**2).sum(axis=1).mean()))


def align(points: npt.NDArray[np.floating], reference: npt.NDArray[np.floating], scale: bool = False) -> Points:
    """Rotate or reflect, and shift, the points to lie as near as possible to the reference, row by row.

    points, reference: (N, D). Minimises Σᵢ ||s · R pᵢ + t − rᵢ||² over orthogonal R and shift t, and over the factor
    s only where `scale` is true: the orthogonal Procrustes problem (Schönemann, Psychometrika 1966; Gower 1975).
    Without scaling all distances between points stay as they were. Returns (N, D) float32.

    Raises ValueError for arrays of different shapes or non-finite values.
    """
    if np.shape(points) != np.shape(reference):
        raise ValueError(f"Points {np.shape(points)} can only be aligned to a reference of the same shape.")
    if len(points) == 0:
        return np.asarray(points, dtype=np.float32)
    moving = as_features(points, "The points").astype(np.float64)
    fixed = as_features(reference, "The reference points").astype(np.float64)
    centre = fixed.mean(axis=0)
    moving, fixed = moving - moving.mean(axis=0), fixed - centre
    left, singular, right = np.linalg.svd(moving.T @ fixed)
    factor = 1.0
    squared_size = float((moving**2).sum())
    if scale and squared_size > 0:
        factor = float(singular.sum()) / squared_size
    return (factor * moving @ (left @ right) + centre).astype(np.float32)
