"""The projections of a film while its run trains, frame by frame, and the neighbours that come with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.projection.alignment import Points, as_features
from tlcore.projection.neighbours import nearest_neighbours
from tlcore.projection.pca import PcaProjector
from tlcore.projection.umap import UmapProjector

NEIGHBOURS = 15
"""Of each point in UMAP's graph, itself included: umap-learn's own number."""
NEIGHBOURS_SHOWN = 8

ProjectFrame = Callable[[npt.NDArray[np.float32]], tuple[Points, npt.NDArray[Any] | None]]
"""From features (N, D) to points (N, d) and, where they were sought, the neighbours to be shown.

It remembers the frame before, and raises ValueError for features that cannot be projected."""


def new_film(projection: str, seed: int = 0) -> ProjectFrame:
    """What projects the frames of a new film one after the other: "pca", "pca-3d" or "umap".

    UMAP looks for each point's nearest neighbours among the features anyway: they come with its points.
    """
    if projection == "umap":
        umap = UmapProjector(neighbours=NEIGHBOURS, seed=seed)

        def project(features: npt.NDArray[np.float32]) -> tuple[Points, npt.NDArray[Any] | None]:
            table = as_features(features)
            nearest = nearest_neighbours(table, min(NEIGHBOURS, len(table)))
            return umap.project(table, nearest), neighbours_shown(nearest[0], table)

        return project
    pca = PcaProjector(3 if projection == "pca-3d" else 2)
    return lambda features: (pca.project(features), None)


def neighbours_shown(
    nearest: npt.NDArray[np.int64], features: npt.NDArray[np.float32], count: int = NEIGHBOURS_SHOWN
) -> npt.NDArray[Any] | None:
    """The nearest few of each point's nearest points, without itself, in as few bytes as will do.

    nearest: (N, k), each point itself first, then from near to far. features: (N, D), of which they are the neighbours.
    Returns (N, at most `count`) int16 or, beyond 32,768 points, uint16; None where no point is nearer than another:
    for a single one, and for features that are the same for all.
    """
    if len(features) < 2 or bool((features == features[0]).all()):
        return None
    return nearest[:, 1 : count + 1].astype(np.int16 if len(features) <= 2**15 else np.uint16)
