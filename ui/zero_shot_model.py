"""A finished zero-shot run as a page can ask it, without torch: what speaks for what in its probe pictures.

All scores are linear in a description, or in its direction, so a description that was not there before is scored in the
web process itself, at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from tlcore.catalogue.creature_table import creature_table
from tlcore.errors import StoreError
from tlcore.runs import Store
from ui.library import RunView

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class AskableModel:
    """What was learned, in NumPy.

    names: the K classes; attributes: names of the A columns of vectors (K, A); seen: (K,) bool. evidence: (M, A) of the
    probe's pictures, labels: (M,) their classes. points: (M, 2) where the pictures lie in the last frame of the PCA.
    """

    method: str
    names: tuple[str, ...]
    attributes: tuple[str, ...]
    seen: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int64]
    weights: dict[str, npt.NDArray[Any]]
    points: Floats | None
    to_plane: Floats | None  # (E + 1, 2): from the space to the plane
    drawn: bool  # whether the classes are animals that can be drawn
    thumbnails: npt.NDArray[np.uint8] | None

    @property
    def vectors(self) -> Floats:
        """(K, A) the descriptions it learned with."""
        return self.weights["vectors"]

    @property
    def evidence(self) -> Floats:
        """(M, A) what speaks for each attribute in each picture of the probe."""
        return self.weights["evidence_of_probe"]

    def scored(self, vectors: Floats) -> Floats:
        """(K, A) descriptions in the form in which the evidence scores them: score = evidence · this."""
        if self.method == "conse":
            return _directions(vectors)
        return vectors - self.weights["centre"]

    def scores(self, vectors: Floats) -> Floats:
        """(M, K) of the probe's pictures with descriptions (K, A)."""
        return self.evidence @ self.scored(vectors).T

    def probabilities(self) -> Floats | None:
        """(M, A) of each attribute, where the method predicts them one by one."""
        if self.method != "attributes":
            return None
        return 1 / (1 + np.exp(-(self.evidence + self.weights["prior_odds"])))

    def place(self, vector: Floats) -> Floats | None:
        """(2,) where a description (A,) lies in the plane."""
        if self.to_plane is None:
            return None
        return np.append(self._in_space(vector), 1.0) @ self.to_plane

    def _in_space(self, vector: Floats) -> Floats:
        if "description_map.weight" in self.weights:
            return self.weights["description_map.weight"] @ (vector - self.weights["centre"])
        if self.method == "attributes":
            return vector
        return _directions(self.scored(vector[None]))[0]


def askable(view: RunView) -> AskableModel | None:
    """The model of a finished run; None where its weights are not on this machine, or do not tell it."""
    if view.run.state != "finished":
        return None
    file = view.store.run_folder(view.run.id) / "weights.safetensors"
    probe = view.store.probe(view.run.id)
    if probe is None or not file.is_file():
        return None
    animals = view.run.spec.data.source.name == "creatures"
    # Frames may come after the end, the careful layout later still: the plane is looked for anew then.
    return _read(view.store, view.run.id, file, view.run.spec.method.name, animals, view.run.projected)


@lru_cache(maxsize=12)
def _read(
    store: Store, run_id: str, file: Path, method: str, animals: bool, projected: bool
) -> AskableModel | None:  # fmt: skip
    probe = store.probe(run_id)
    try:
        tensors = load_file(file)
    except (SafetensorError, OSError):
        return None
    part = "predictor."
    weights = {name.removeprefix(part): tensor for name, tensor in tensors.items() if name.startswith(part)}
    if probe is None or "evidence_of_probe" not in weights:
        return None
    classes, width = weights["vectors"].shape
    pictures = len(probe) - classes
    points, to_plane = _plane(store, run_id, len(probe))
    table = creature_table()
    drawn = animals and width == len(table.attributes)
    return AskableModel(
        method=method,
        names=probe.class_names[:classes],
        attributes=table.attributes if drawn else tuple(f"attribute {number}" for number in range(1, width + 1)),
        seen=probe.domains[pictures:] == 0,
        labels=probe.labels[:pictures].astype(np.int64),
        weights=weights,
        points=None if points is None else points[:pictures],
        to_plane=to_plane,
        drawn=drawn,
        thumbnails=None if probe.thumbnails is None else probe.thumbnails[:pictures],
    )


def _plane(store: Store, run_id: str, rows: int) -> tuple[Floats | None, Floats | None]:
    """The last PCA frame's points (rows, 2), and the affine map (E + 1, 2) that made them of the features."""
    try:
        steps, frames = store.feature_steps(run_id), store.frames(run_id, "pca")
        by_step = {frame.step: frame.points for frame in frames}
        step = max((one for one in steps if one in by_step), default=None)
        recorded = store.features(run_id, step) if step is not None else None
    except StoreError:
        return None, None
    if recorded is None or step is None or len(by_step[step]) != rows or not np.isfinite(by_step[step]).all():
        return None, None
    features = np.column_stack([recorded[0], np.ones(rows)]).astype(np.float64)
    points = np.asarray(by_step[step], dtype=np.float64)
    return points, np.linalg.lstsq(features, points, rcond=None)[0]


def _directions(table: Floats) -> Floats:
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)


def pictures_of(model: AskableModel, label: int) -> npt.NDArray[np.int64]:
    """Rows of the probe that show a class."""
    return np.flatnonzero(model.labels == label)
