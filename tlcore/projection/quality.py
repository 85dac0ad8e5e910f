"""How good a film is: do points that did not change stay put, and are neighbours in the plane true neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from tlcore.projection.alignment import as_features, root_mean_square_radius
from tlcore.projection.neighbours import nearest_neighbours

Floats = npt.NDArray[np.floating]

UNMOVED = 0.05
"""A point hardly changed if its features moved by at most this share of the size of the cloud of features."""


def unmoved_points(before: Floats, after: Floats, tolerance: float = UNMOVED) -> npt.NDArray[np.bool_]:
    """Which points' features hardly changed between two frames: (N,) of bool, from (N, D) before and after.

    A point hardly changed if it moved by at most `tolerance` times the root mean square radius of all features before.
    """
    moved = np.linalg.norm(after.astype(np.float64) - before.astype(np.float64), axis=1)
    return np.asarray(moved <= tolerance * root_mean_square_radius(before))


def displacement(before: Floats, after: Floats, chosen: npt.NDArray[np.bool_] | None = None) -> float | None:
    """The mean distance by which points moved in the plane, as a share of the size of the frame before.

    before, after: (N, 2). chosen: (N,) of bool, the points that count, all when None.
    0 is a still picture; 1 means that points moved by the size (root mean square radius) of the whole cloud.
    None where no point counts or the frame before is a single spot.
    """
    size = root_mean_square_radius(before)
    moved = np.linalg.norm(after.astype(np.float64) - before.astype(np.float64), axis=1)
    if chosen is not None:
        moved = moved[chosen]
    return float(moved.mean() / size) if moved.size and size > 0 else None


def stability(features: Sequence[Floats], points: Sequence[Floats], tolerance: float = UNMOVED) -> float | None:
    """The mean displacement, over a film, of points whose features hardly changed; the smaller the better.

    features: for each frame (N, D). points: for each frame (N, 2). Between each two frames, `displacement` of the
    `unmoved_points`; averaged over the pairs of frames that have any. None if no pair has.

    Raises ValueError unless there are as many frames of points as of features.
    """
    if len(features) != len(points):
        raise ValueError(f"{len(features)} frames of features and {len(points)} of points do not belong together.")
    measured = []
    for earlier in range(len(points) - 1):
        unmoved = unmoved_points(features[earlier], features[earlier + 1], tolerance)
        measured.append(displacement(points[earlier], points[earlier + 1], unmoved))
    known = [value for value in measured if value is not None]
    return float(np.mean(known)) if known else None


def trustworthiness(features: Floats, points: Floats, neighbours: int = 15) -> float:
    """Whether neighbours in the plane are neighbours among the features: a number in [0, 1], 1 if all are.

    features: (N, D), points: (N, 2). Neighbours that are none among the features cost their rank there (Venna and
    Kaski, ICANN 2001, "Neighborhood Preservation in Nonlinear Projection Methods"; as in scikit-learn).

    Raises ValueError for fewer than 2 · neighbours + 1 points, or non-finite values.
    """
    table, plane = as_features(features), as_features(points, "The points")
    count = len(table)
    if count != len(plane):
        raise ValueError(f"{count} features and {len(plane)} points do not belong together.")
    if not 1 <= neighbours < count / 2:
        raise ValueError(f"Trustworthiness of {neighbours} neighbours needs more than {2 * neighbours} points.")
    chosen = torch.from_numpy(nearest_neighbours(plane, neighbours + 1)[0][:, 1:])
    wide = torch.from_numpy(table)
    wide = wide - wide.mean(dim=0)
    squares = wide.square().sum(dim=1)
    penalty = 0
    for rows in torch.arange(count).split(256):
        order = torch.addmm(squares.unsqueeze(0), wide[rows], wide.T, alpha=-2.0)
        order[torch.arange(len(rows)), rows] = -torch.inf
        ranks = order.argsort(dim=1, stable=True).argsort(dim=1)  # 0 the point itself, 1 its nearest neighbour
        penalty += int((ranks.gather(1, chosen[rows]) - neighbours).clamp(min=0).sum())
    return 1.0 - penalty * 2.0 / (count * neighbours * (2.0 * count - 3.0 * neighbours - 1.0))


def neighbour_preservation(features: Floats, points: Floats, neighbours: int = 15) -> float:
    """The share of each point's nearest neighbours among the features that are so in the plane too, in [0, 1].

    features: (N, D), points: (N, 2). Chance is about neighbours / N.

    Raises ValueError for more neighbours than there are other points, or non-finite values.
    """
    wide = nearest_neighbours(as_features(features), neighbours + 1)[0][:, 1:]
    plane = nearest_neighbours(as_features(points, "The points"), neighbours + 1)[0][:, 1:]
    shared = sum(len(np.intersect1d(a, b, assume_unique=True)) for a, b in zip(wide, plane, strict=True))
    return shared / wide.size
