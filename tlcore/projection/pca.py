"""Principal components, frame by frame, turned so that a film of them does not jump."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.utils.extmath import randomized_svd

from tlcore.projection.alignment import Points, align, as_features, root_mean_square_radius

EXACT_UP_TO = 512
"""Up to this many points or features, whichever are fewer, the decomposition is exact and takes milliseconds."""


def principal_components(features: npt.NDArray[np.float32], dimensions: int = 2) -> Points:
    """The coordinates of centred points along their directions of largest variance, in the features' units.

    features: (N, D). Returns (N, dimensions) float32; directions that do not exist (too few points or features) are 0.
    Signs are fixed: along each direction the point farthest out lies on the positive side.
    (Pearson 1901; beyond `EXACT_UP_TO` the randomised method of Halko, Martinsson and Tropp, 2011, seed fixed.)

    Raises ValueError for NaN or infinite values.
    """
    table = as_features(features).astype(np.float64)
    points = np.zeros((len(table), dimensions))
    found = min(dimensions, *table.shape)
    if found == 0:
        return points.astype(np.float32)
    table -= table.mean(axis=0)
    if min(table.shape) > EXACT_UP_TO:
        left, singular, _ = randomized_svd(table, found, n_iter=7, random_state=0)
        points[:, :found] = left * singular
    elif table.shape[1] <= table.shape[0]:
        points[:, :found] = table @ np.linalg.eigh(table.T @ table)[1][:, ::-1][:, :found]
    else:
        values, vectors = np.linalg.eigh(table @ table.T)
        points[:, :found] = (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1][:, :found]
    farthest = points[np.abs(points).argmax(axis=0), np.arange(dimensions)]
    return (points * np.where(farthest < 0, -1.0, 1.0)).astype(np.float32)


class PcaProjector:
    """Projects the features of one frame after another by principal component analysis.

    Each frame has its own principal plane, because directions that separate the classes at the end mean nothing at the
    start. Within that plane the points are rotated or reflected onto the frame before, so that nothing flips.
    The unit of length is the size of the first frame that has one, and stays: when features grow, or collapse to
    a point, the film shows it.

    The projector remembers the frame before; `reset` forgets it.
    """

    def __init__(self, dimensions: int = 2) -> None:
        if dimensions < 1:
            raise ValueError("A projection needs at least one dimension.")
        self.dimensions = dimensions
        self.reset()

    def reset(self) -> None:
        """Forget the frames seen, and begin a new film."""
        self._previous: Points | None = None
        self._unit: float | None = None

    def project(self, features: npt.NDArray[np.float32]) -> Points:
        """Project (N, D) features to (N, dimensions) float32, centred, in units of the first frame's size.

        Raises ValueError for NaN or infinite values, or another number of points than in the frame before.
        """
        check_same_points(features, self._previous)
        points = principal_components(features, self.dimensions)
        size = root_mean_square_radius(points)
        if self._unit is None and size > 0:
            self._unit = size
        points = points / np.float32(self._unit or 1.0)
        if size > 0:
            if self._previous is not None:
                points = align(points, self._previous)
            self._previous = points  # a frame collapsed to a point gives no orientation to the next
        return points


def check_same_points(features: npt.ArrayLike, previous: Points | None) -> None:
    """Raise ValueError if a film changes its number of points from one frame to the next."""
    if previous is not None and len(np.asarray(features)) != len(previous):
        raise ValueError(
            f"A film shows the same points in every frame: the frame before had {len(previous)}, "
            f"this one has {len(np.asarray(features))}."
        )
