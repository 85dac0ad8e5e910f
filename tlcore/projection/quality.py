"""How good a film is: do points that did not change stay put, and are neighbours in the plane true neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils.extmath import randomized_svd

from tlcore.projection.alignment import align, as_features, root_mean_square_radius
from tlcore.projection.neighbours import nearest_neighbours

Floats = npt.NDArray[np.floating]

UNMOVED = 0.1
"""A point hardly changed if its features moved by at most this share of the size of the cloud of features."""
EXACT_UP_TO = 512
"""Clouds of up to this many features are turned onto each other in all of them, others in their main directions."""
MAIN_DIRECTIONS = 256


def movement(before: Floats, after: Floats) -> npt.NDArray[np.float64]:
    """How far each point's features moved between two frames: (N,), from (N, D) before and after.

    As a share of the root mean square radius of all features before. Of two distances the smaller counts: that of the
    features as they are, and that once the whole cloud has been shifted, turned and scaled back onto the one before.
    Networks in training turn and stretch all their features together from step to step, which changes no point's
    neighbours and should not move the picture.
    """
    here, there = before.astype(np.float64), after.astype(np.float64)
    size = root_mean_square_radius(before)
    moved = np.linalg.norm(there - here, axis=1)
    if size == 0.0:
        return np.where(moved > 0, np.inf, 0.0)
    here, there = here - here.mean(axis=0), there - there.mean(axis=0)
    outside: npt.NDArray[np.float64] | float = 0.0
    if here.shape[1] > EXACT_UP_TO and len(here) > MAIN_DIRECTIONS:
        squares = ((there - here) ** 2).sum(axis=1)
        main = randomized_svd(np.concatenate([here, there]), MAIN_DIRECTIONS, n_iter=2, random_state=0)[2].T
        here, there = here @ main, there @ main
        outside = np.maximum(squares - ((there - here) ** 2).sum(axis=1), 0.0)  # this much is not turned
    turned = np.sqrt(((align(there, here, scale=True) - here) ** 2).sum(axis=1) + outside)
    return np.asarray(np.minimum(moved, turned) / size)


def unmoved_points(before: Floats, after: Floats, tolerance: float = UNMOVED) -> npt.NDArray[np.bool_]:
    """Which points' features hardly changed between two frames, by `movement`: (N,) of bool, from (N, D)."""
    return np.asarray(movement(before, after) <= tolerance)


def displacement(before: Floats, after: Floats, chosen: npt.NDArray[np.bool_] | None = None) -> float | None:
    """The mean distance by which points moved in the plane, as a share of the size of the frame before.

    before, after: (N, d). chosen: (N,) of bool, the points that count, all when None.
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

    features: for each frame (N, D). points: for each frame (N, d). Between each two frames, `displacement` of the
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


def faithfulness(
    features: Floats, pictures: Mapping[str, Floats], neighbours: int = 15
) -> dict[str, tuple[float, float]]:
    """Trustworthiness and neighbour preservation of several pictures of the same features, each in [0, 1], best 1.

    features: (N, D), pictures: each (N, d). Trustworthiness: whether neighbours in the picture are neighbours among the
    features; those that are none cost their rank there (Venna and Kaski, ICANN 2001, "Neighborhood Preservation in
    Nonlinear Projection Methods"; as in scikit-learn). Neighbour preservation: the share of each point's nearest
    neighbours among the features that are so in the picture too; chance is about neighbours / N.

    Raises ValueError for fewer than 2 · neighbours + 1 points, or non-finite values.
    """
    table = as_features(features)
    count = len(table)
    planes = {name: as_features(points, "The points") for name, points in pictures.items()}
    for points in planes.values():
        if count != len(points):
            raise ValueError(f"{count} features and {len(points)} points do not belong together.")
    if not 1 <= neighbours < count / 2:
        raise ValueError(f"Trustworthiness of {neighbours} neighbours needs more than {2 * neighbours} points.")
    chosen = {name: torch.from_numpy(_others(points, neighbours)) for name, points in planes.items()}
    nearest = torch.from_numpy(_others(table, neighbours))
    wide = torch.from_numpy(table)
    wide = wide - wide.mean(dim=0)
    squares = wide.square().sum(dim=1)
    penalties, shared = dict.fromkeys(planes, 0), dict.fromkeys(planes, 0)
    for rows in torch.arange(count).split(256):
        order = torch.addmm(squares.unsqueeze(0), wide[rows], wide.T, alpha=-2.0)
        order[torch.arange(len(rows)), rows] = -torch.inf
        places = torch.arange(count).expand(len(rows), count)
        # Ranks: 0 the point itself, 1 its nearest neighbour, however far.
        ranks = torch.empty_like(places).scatter_(1, order.argsort(dim=1, stable=True), places)
        close = torch.zeros(len(rows), count, dtype=torch.bool).scatter_(1, nearest[rows], True)
        for name, indices in chosen.items():
            penalties[name] += int((ranks.gather(1, indices[rows]) - neighbours).clamp(min=0).sum())
            shared[name] += int(close.gather(1, indices[rows]).sum())
    worst = count * neighbours * (2.0 * count - 3.0 * neighbours - 1.0) / 2.0
    return {name: (1.0 - penalties[name] / worst, shared[name] / (count * neighbours)) for name in planes}


def trustworthiness(features: Floats, points: Floats, neighbours: int = 15) -> float:
    """Whether neighbours in the picture are neighbours among the features: see `faithfulness`."""
    return faithfulness(features, {"": points}, neighbours)[""][0]


def neighbour_preservation(features: Floats, points: Floats, neighbours: int = 15) -> float:
    """The share of each point's nearest neighbours that are so in the picture too: see `faithfulness`."""
    return faithfulness(features, {"": points}, neighbours)[""][1]


def _others(points: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    return nearest_neighbours(points, count + 1)[0][:, 1:]
