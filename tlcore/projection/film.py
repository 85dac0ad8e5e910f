"""Lay out a whole film again, with care, once all its frames are known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.projection.alignment import Points, as_features, root_mean_square_radius
from tlcore.projection.live import NEIGHBOURS, neighbours_shown
from tlcore.projection.neighbours import nearest_neighbours
from tlcore.projection.quality import UNMOVED, displacement, faithfulness, movement
from tlcore.projection.umap import UmapProjector

UMAPS: Mapping[str, int] = {"umap": 2, "umap-3d": 3}
"""The layouts of a careful film and their dimensions."""
TREMBLE = 0.15
"""A point that moves by much more than this share of the picture's size has been moved by UMAP, not shaken."""
CALMING_ROUNDS = 2


class CarefulFilm:
    """A film laid out by UMAP, in the plane and in space, and measured beside what was made of it before.

    The last frame, where the classes have formed, is laid out from scratch with all epochs; from there each frame
    starts from its successor, backwards to the first, and is turned onto it; then the film is calmed (`calm`). It thus
    ends in the best picture there is of the trained network. Frames are handed in one by one, so that whoever does so
    may attend to something else between them; neighbours are sought once for all layouts.
    """

    def __init__(self, seed: int = 0, neighbours: int = NEIGHBOURS, layouts: Mapping[str, int] = UMAPS) -> None:
        """layouts: names and dimensions."""
        self.neighbours = neighbours
        self._projectors = {name: UmapProjector(size, neighbours, seed=seed) for name, size in layouts.items()}
        # All of these from the last frame to the first.
        self._points: dict[str, list[Points]] = {name: [] for name in layouts}
        self._others: list[Mapping[str, Points]] = []
        self._moved: list[npt.NDArray[np.float64]] = []
        self._later: npt.NDArray[np.float32] | None = None
        self._faithful: dict[str, tuple[float, float]] = {}

    def add(
        self, features: npt.NDArray[np.float32], others: Mapping[str, Points] | None = None
    ) -> npt.NDArray[Any] | None:
        """Lay out the frame before those that were added: the last is added first.

        features: (N, D) float32, the same points in each frame. others: points (N, d) of the same frame in other
        projections, to be measured too. Returns each point's neighbours among the features, as `neighbours_shown`
        gives them.

        Raises ValueError for NaN or infinite values, no points, or another number of points than before.
        """
        table = as_features(features)
        nearest = nearest_neighbours(table, min(self.neighbours, len(table)))
        points = {name: projector.project(table, nearest) for name, projector in self._projectors.items()}
        if self._later is None:
            # Of features that are the same for every point nobody is a neighbour: any picture would be as true.
            possible = min(NEIGHBOURS, (len(table) - 1) // 2)
            if possible >= 1 and root_mean_square_radius(table) > 0:
                self._faithful = faithfulness(table, {**(others or {}), **points}, possible)
        else:
            self._moved.append(movement(table, self._later))
        for name, placed in points.items():
            self._points[name].append(placed)
        self._others.append(dict(others or {}))
        self._later = table
        return neighbours_shown(nearest[0], table)

    def points(self) -> dict[str, list[Points]]:
        """For each layout the points (N, dimensions) float32 of each frame, the first frame first."""
        return {name: calm(placed[::-1], self._moved[::-1]) for name, placed in self._points.items()}

    def quality(self, points: Mapping[str, Sequence[Points]]) -> dict[str, dict[str, float]]:
        """How good each layout and each other projection is; what is not known, or not finite, is left out.

        points: what `points()` gave. "displacement" as `quality.stability` measures it, and of the last frame
        "trustworthiness" and "neighbour_preservation", for 15 neighbours or as many as the number of points allows.
        """
        frames = [dict(others) for others in reversed(self._others)]
        for name, placed in points.items():
            for frame, of_frame in zip(frames, placed, strict=True):
                frame[name] = of_frame
        measured: dict[str, dict[str, float]] = {}
        for name in sorted({name for frame in frames for name in frame}):
            steps = [
                displacement(before[name], after[name], moved <= UNMOVED)
                for before, after, moved in zip(frames, frames[1:], reversed(self._moved), strict=False)
                if name in before and name in after
            ]
            values = {"displacement": mean_of_known(steps)}
            if name in self._faithful:
                values["trustworthiness"], values["neighbour_preservation"] = self._faithful[name]
            measured[name] = {key: value for key, value in values.items() if math.isfinite(value)}
        return {name: values for name, values in measured.items() if values}


def mean_of_known(values: Iterable[float | None]) -> float:
    """The mean of those that are known; NaN if none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else math.nan


def calm(frames: Sequence[Points], moved: Sequence[npt.NDArray[np.float64]]) -> list[Points]:
    """Take the trembling out of a film: where a point's features hardly changed, its places are averaged over time.

    frames: for each (N, d). moved: for each two frames (N,), how far the features moved, as `quality.movement` says.
    Each point becomes the mean of its places in the frame before, its own and the one after, in which a neighbouring
    frame weighs exp(−(m / UNMOVED)² − (p / TREMBLE)²): m is the movement of the point's features, p that of the point
    in the picture as a share of its size. So points whose features change, and points that UMAP has moved for good,
    are left alone (a bilateral filter over time: Tomasi and Manduchi, ICCV 1998). The last frame stays as it is.
    """
    calmed = list(frames)
    for _ in range(CALMING_ROUNDS):
        weights = []
        for before, after, change in zip(calmed, calmed[1:], moved, strict=False):
            size = root_mean_square_radius(before)
            distance = np.linalg.norm(after - before, axis=1) / size if size > 0 else np.full(len(before), np.inf)
            weights.append(np.exp(-((change / UNMOVED) ** 2) - (distance / TREMBLE) ** 2)[:, None])
        averaged = []
        for index, own in enumerate(calmed[:-1]):
            total, weight = own + weights[index] * calmed[index + 1], 1.0 + weights[index]
            if index:
                total, weight = total + weights[index - 1] * calmed[index - 1], weight + weights[index - 1]
            averaged.append((total / weight).astype(np.float32))
        calmed = averaged + calmed[-1:]
    return calmed


def lay_out_film(
    features: Sequence[npt.NDArray[np.float32]], seed: int = 0, neighbours: int = NEIGHBOURS, dimensions: int = 2
) -> list[Points]:
    """Lay out all frames of a film by UMAP so that each flows into the next, as `CarefulFilm` does.

    features: for each frame (N, D) float32, the same points in each. Returns for each frame (N, dimensions) float32.

    Raises ValueError for NaN or infinite values, no points, or frames with different numbers of points.
    """
    film = CarefulFilm(seed, neighbours, {"": dimensions})
    for frame in reversed(features):
        film.add(frame)
    return film.points()[""]
