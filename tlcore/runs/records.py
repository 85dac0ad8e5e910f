"""What a run leaves behind, as a viewer reads it. Plain NumPy: the web process reads these and never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

SOURCE, TARGET = 0, 1
OTHER_TASKS = ("task1", "task2", "task3")
"""Ways to colour points by what else is asked of them: the first few of a probe's `others`."""
DESCRIBED = "{}, as described"
"""What the class of those points is called that stand for a class's description, beside the pictures of it."""


@dataclass(frozen=True)
class TaskLabels:
    """What else is asked of the probe points. labels: (N,) int16, index into `class_names`, -1 where unknown."""

    task: str
    labels: npt.NDArray[np.int16]
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Probe:
    """The fixed points whose features are recorded, so that the eye can follow them from frame to frame.

    labels: (N,) int16, index into `class_names`. domains: (N,) int8, 0 source, 1 target.
    thumbnails: (N, C, H, W) uint8 with C of 1 or 3, or None for data that are no pictures.
    task: what the labels are called where one picture is asked several things; others: the labels of other tasks.
    """

    labels: npt.NDArray[np.int16]
    domains: npt.NDArray[np.int8]
    class_names: tuple[str, ...]
    thumbnails: npt.NDArray[np.uint8] | None = None
    task: str = ""
    others: tuple[TaskLabels, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def labels_by(self, colouring: str) -> tuple[npt.NDArray[np.int16], tuple[str, ...]]:
        """The labels (N,) that a colouring shows, and their names: of another task, else the probe's own."""
        place = OTHER_TASKS.index(colouring) if colouring in OTHER_TASKS else len(self.others)
        other = self.others[place] if place < len(self.others) else None
        return (other.labels, other.class_names) if other else (self.labels, self.class_names)

    @property
    def pictured(self) -> tuple[int, ...]:
        """For each class the one it is a description of, for all others itself."""
        places = {DESCRIBED.format(name): place for place, name in enumerate(self.class_names)}
        return tuple(places.get(name, place) for place, name in enumerate(self.class_names))

    @property
    def described(self) -> npt.NDArray[np.bool_]:
        """(N,) which points stand for the description of a class, and not for an example of it."""
        of_class = np.array([parent != place for place, parent in enumerate(self.pictured)] + [False])
        return np.asarray(of_class[np.where(self.labels < 0, -1, self.labels)])


@dataclass(frozen=True)
class Frame:
    """The probe points in the plane, or in space, at one step.

    projection: "pca", "umap", "pca-3d", "umap-3d", or "input" for data that lie in the plane themselves.
    points: (N, 2) float32, or (N, 3) where the projection's name ends in "-3d".
    predictions: (N,) int16, the class predicted for each point, -1 where unknown.
    layout: a number that changes when the whole film has been laid out anew.
    """

    step: int
    projection: str
    points: npt.NDArray[np.float32]
    predictions: npt.NDArray[np.int16]
    layout: int = 0


@dataclass(frozen=True)
class Neighbours:
    """For each probe point those nearest to it in the full feature space at one step, the nearest first.

    indices: (N, k) int16 or uint16, rows of the probe; a point is not its own neighbour.
    """

    step: int
    indices: npt.NDArray[Any]


@dataclass(frozen=True)
class FilmQuality:
    """How good the frames of one projection and layout are.

    values: "displacement" (mean distance by which points whose features hardly changed move between frames, as a share
    of the cloud's size), "trustworthiness" and "neighbour_preservation" of the last frame, each where it is known.
    """

    projection: str
    layout: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class StepAnatomy:
    """One training step taken apart, in the order in which it happened. See `tlcore.training.anatomy`.

    phases: for each phase its name ("forward", "class_gradient", …) and its numbers, all of this very batch.
    """

    step: int
    phases: tuple[tuple[str, Mapping[str, float]], ...]


@dataclass(frozen=True)
class Surface:
    """A function over the plane at one step: the probability of class 1, or of the target domain.

    name: "class" or "domain". extent: x minimum, x maximum, y minimum, y maximum.
    values: (H, W) float32 in [0, 1], first row at y minimum.
    """

    step: int
    name: str
    extent: tuple[float, float, float, float]
    values: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Notice:
    """Something a person should know. level: "info", "warning" or "error"; code: a stable short name."""

    step: int
    level: str
    code: str
    text: str


@dataclass(frozen=True)
class Confusion:
    """Counts of true (rows) against predicted (columns) classes on the held-out test pictures of one domain."""

    step: int
    domain: str
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Series:
    """One metric over the steps of a run."""

    name: str
    steps: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    values: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))
