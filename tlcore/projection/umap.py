"""UMAP, frame by frame, each frame begun where the one before ended.

McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction" (2018). The
distances between separate clusters, and their sizes, mean little in such a picture.

The graph and the layout come from umap-learn, but through its functions rather than its `UMAP` class: that class
stretches every starting layout to a square, which would move all points at the start of each frame, and repeats
checks and searches that take longer than the layout itself.
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.projection.alignment import Points, align, as_features, root_mean_square_radius
from tlcore.projection.neighbours import Nearest, nearest_neighbours
from tlcore.projection.pca import check_same_points, principal_components

FIRST_EPOCHS = 500
"""Epochs of a layout from scratch: umap-learn's own number for up to 10,000 points."""
WARM_EPOCHS = 60
"""Epochs of a layout that starts from the frame before."""
WARM_LEARNING_RATE = 0.25
"""First learning rate of a layout that starts from the frame before; one from scratch starts at 1.

At 1 the layout is shaken so hard that 60 epochs do not bring it to rest. At 0.1 unchanged points are stiller yet, but
two clusters that become one in a few frames may still lie apart in the last: a false picture of domains that have
merged, which trustworthiness does not notice. At 0.25 they joined in every case tried."""
TEARING = 0.05
"""By so much more of its graph than the frame before a frame may be torn before it is laid out further.

How fast neighbours that lie far apart in the frame before come together depends on chance and, by rounding, on the
processor: of clusters that became one, some stayed two after 60 epochs, and 0.18 of the graph was torn; frames whose
picture was right differed by less than 0.02 from those before, except for the untrained network's."""
JOINING_EPOCHS, JOINING_LEARNING_RATE, JOINING_ROUNDS = 200, 1.0, 3
FEWEST_POINTS = 4
"""Fewer points have no neighbourhoods to speak of: they are shown by their principal components."""
STARTING_RADIUS = 5.0
"""Size of the cloud from which a first layout starts, in the layout's units: about that of the finished layout."""


@lru_cache(maxsize=1)
def _umap_functions() -> tuple[Any, Any]:
    """umap-learn's graph and layout functions, told to keep their machine code on disk.

    Imported late, because the import takes seconds. Compiling takes some 5 s in each new process; numba's cache makes
    that some 0.05 s after the first.
    """
    from umap import layouts, umap_

    for module, name in (
        (umap_, "smooth_knn_dist"),
        (umap_, "compute_membership_strengths"),
        (layouts, "_nb_optimize_layout_euclidean_single_epoch"),
    ):
        # AttributeError: another version of umap-learn. RuntimeError, OSError: no folder to write to.
        with contextlib.suppress(AttributeError, RuntimeError, OSError):
            getattr(module, name).enable_caching()
    return umap_, layouts


@lru_cache(maxsize=8)
def _curve(minimum_distance: float) -> tuple[float, float]:
    """The parameters a, b of the low-dimensional similarity 1 / (1 + a d^2b) for a minimum distance and spread 1."""
    a, b = _umap_functions()[0].find_ab_params(1.0, minimum_distance)
    return float(a), float(b)


class UmapProjector:
    """Projects the features of one frame after another by UMAP.

    The first frame is laid out from its principal components (Kobak and Linderman, Nature Biotechnology 2021, show that
    a good start, not the method, is what keeps global structure), later frames from the frame before; each is then
    rotated or reflected onto the frame before. The same features in the same order with the same seed give the
    same points on the same machine.

    The projector remembers the frame before; `reset` forgets it.
    """

    def __init__(
        self,
        dimensions: int = 2,
        neighbours: int = 15,
        minimum_distance: float = 0.1,
        seed: int = 0,
        warm_epochs: int = WARM_EPOCHS,
        warm_learning_rate: float = WARM_LEARNING_RATE,
    ) -> None:
        """dimensions: of the picture. neighbours: of each point, itself included. minimum_distance: how tightly points
        may be packed, in the picture's units, below 1. warm_epochs, warm_learning_rate: of each frame but the first.

        Raises ValueError for values out of range.
        """
        if dimensions < 1 or neighbours < 2 or warm_epochs < 1:
            raise ValueError("UMAP needs at least one dimension, two neighbours and one epoch.")
        if not 0.0 <= minimum_distance < 1.0 or warm_learning_rate <= 0:
            raise ValueError("The minimum distance must lie in [0, 1) and the learning rate above 0.")
        self.dimensions = dimensions
        self.neighbours = neighbours
        self.minimum_distance = minimum_distance
        self.seed = seed
        self.warm_epochs = warm_epochs
        self.warm_learning_rate = warm_learning_rate
        self.reset()

    def reset(self) -> None:
        """Forget the frames seen, and begin a new film."""
        self._previous: Points | None = None
        self._torn = 0.0

    def warm_up(self) -> None:
        """Compile what UMAP needs, on a handful of points, so that the first frame need not wait for it.

        Forgets nothing. Call it in the process that projects, after any fork.
        """
        tiny = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
        fresh = UmapProjector(self.dimensions, min(self.neighbours, 8), self.minimum_distance, warm_epochs=2)
        fresh.project(tiny)

    def project(self, features: npt.NDArray[np.float32], nearest: Nearest | None = None) -> Points:
        """Project (N, D) float32 features to (N, dimensions) float32, centred, in UMAP's own units.

        nearest: what `nearest_neighbours` gave for these features and min(neighbours, N), where it is known already.
        With fewer points than neighbours all points are neighbours. Up to three points are shown by their principal
        components. Features that are the same for every point give points that all lie at the centre, and the next
        frame starts from the last that was spread out.

        Raises ValueError for NaN or infinite values, another number of points than in the frame before, or neighbours
        that are not those of so many points.
        """
        table = as_features(features)
        if nearest is not None and nearest[0].shape != (len(table), min(self.neighbours, len(table))):
            raise ValueError(f"{nearest[0].shape} neighbours are not those of {len(table)} points.")
        check_same_points(table, self._previous)
        if len(table) == 0 or bool((table == table[0]).all()):
            return np.zeros((len(table), self.dimensions), dtype=np.float32)
        if len(table) < FEWEST_POINTS:
            points = _scaled(principal_components(table, self.dimensions), 1.0)
        else:
            graph, generator = self._graph(table, nearest)
            if self._previous is None:
                start = _scaled(principal_components(table, self.dimensions), STARTING_RADIUS)
                points = self._lay_out(graph, start, FIRST_EPOCHS, 1.0, generator)
                self._torn = _torn(graph, points)
            else:
                points = self._lay_out(graph, self._previous, self.warm_epochs, self.warm_learning_rate, generator)
                points = self._joined(graph, points, generator)
        points = points - points.mean(axis=0)
        if self._previous is not None:
            points = align(points, self._previous)
        self._previous = points
        return points

    def _graph(
        self, features: npt.NDArray[np.float32], nearest: Nearest | None
    ) -> tuple[Any, np.random.RandomState]:  # fmt: skip
        """UMAP's weighted graph of the neighbours of (N, D) features, sparse (N, N), and the chance that goes on."""
        count = min(self.neighbours, len(features))
        indices, distances = nearest or nearest_neighbours(features, count)
        generator = np.random.RandomState(self.seed)
        graph = _umap_functions()[0].fuzzy_simplicial_set(
            features, count, generator, "euclidean", knn_indices=indices, knn_dists=distances
        )[0]
        return graph.tocoo(), generator

    def _joined(self, graph: Any, points: Points, generator: np.random.RandomState) -> Points:
        """Lay out further while more of the graph is torn than in the frame before."""
        torn, accepted = _torn(graph, points), self._torn + TEARING
        for _ in range(JOINING_ROUNDS):
            if torn <= accepted:
                break
            points = self._lay_out(graph, points, JOINING_EPOCHS, JOINING_LEARNING_RATE, generator)
            torn = _torn(graph, points)
        self._torn = min(torn, accepted)
        return points

    def _lay_out(
        self, graph: Any, start: Points, epochs: int, learning_rate: float, generator: np.random.RandomState
    ) -> Points:
        """Improve the starting layout (N, dimensions) for so many epochs; the learning rate falls linearly to 0."""
        umap_, layouts = _umap_functions()
        # Edges so weak that they would be drawn less than once are left out, as in umap-learn.
        kept = graph.data >= graph.data.max() / epochs
        rows, columns, weights = graph.row[kept], graph.col[kept], graph.data[kept]
        a, b = _curve(self.minimum_distance)
        # Points in one spot would never part, for their gradients are the same.
        layout = start + generator.normal(scale=1e-4, size=start.shape).astype(np.float32)
        layout = np.ascontiguousarray(layout, dtype=np.float32)
        return np.asarray(
            layouts.optimize_layout_euclidean(
                layout,
                layout,
                rows,
                columns,
                epochs,
                len(start),
                umap_.make_epochs_per_sample(weights, epochs),
                a,
                b,
                generator.randint(-(2**31), 2**31 - 1, 3).astype(np.int64),
                initial_alpha=learning_rate,
                parallel=False,  # parallel threads race for the points: the layout would differ from run to run
                move_other=True,
            ),
            dtype=np.float32,
        )


def _torn(graph: Any, points: Points) -> float:
    """How much of the graph, by weight, joins points that lie farther apart than half the picture's radius."""
    radius, total = root_mean_square_radius(points), float(graph.data.sum())
    if radius == 0 or total == 0:
        return 0.0
    lengths = np.linalg.norm(points[graph.row] - points[graph.col], axis=1)
    return float(graph.data[lengths > radius / 2].sum()) / total


def _scaled(points: Points, radius: float) -> Points:
    size = root_mean_square_radius(points)
    return points * np.float32(radius / size) if size > 0 else points
