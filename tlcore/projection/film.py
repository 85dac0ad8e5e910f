"""Lay out a whole film again, with care, once all its frames are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tlcore.projection.alignment import Points
from tlcore.projection.umap import UmapProjector


def lay_out_film(features: Sequence[npt.NDArray[np.float32]], seed: int = 0, neighbours: int = 15) -> list[Points]:
    """Lay out all frames of a film by UMAP so that each flows into the next.

    features: for each frame (N, D) float32, the same points in each. Returns for each frame (N, 2) float32.
    The last frame, where the classes have formed, is laid out from scratch with all epochs; from there each frame
    starts from its successor, backwards to the first, and is turned onto it. The film thus ends in the best picture
    there is of the trained network.

    Raises ValueError for NaN or infinite values, or frames with different numbers of points.
    """
    projector = UmapProjector(neighbours=neighbours, seed=seed)
    points = [projector.project(frame) for frame in reversed(features)]
    return points[::-1]
