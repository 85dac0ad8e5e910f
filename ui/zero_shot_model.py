"""A finished zero-shot run as a page can ask it, without torch: what speaks for what in its probe pictures.

All scores are linear in a description, or in its direction, so a description that was not there before is scored in the
web process itself, at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.catalogue.creature_table import creature_table
from tlcore.catalogue.described import attribute_names
from tlcore.errors import StoreError
from tlcore.gallery.answers import EVIDENCE, of_weights, read_answers
from tlcore.runs import Probe, Run, Store
from tlcore.specs import OwnFeatures, OwnPictures
from tlcore.specs.creatures import Creatures
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
    takes_pictures: bool = False  # whether it can be asked about a picture that somebody brings

    @cached_property
    def table(self) -> str:
        """Digits that tell the classes and what is known of them from those of other data."""
        told = repr((self.names, self.attributes, self.limits.round(4).tolist()))
        return hashlib.sha256(told.encode()).hexdigest()[:8]

    @cached_property
    def limits(self) -> npt.NDArray[np.float64]:
        """(A, 2) from where to where each attribute goes: from 0 to 1 where all are shares, else as far as the classes
        do, 0 included."""
        low, high = (np.asarray(end, dtype=np.float64) for end in (self.vectors.min(0), self.vectors.max(0)))
        if (low >= 0).all() and (high <= 1).all():
            low, high = np.zeros_like(low), np.ones_like(high)
        low, high = np.minimum(low, 0), np.maximum(high, 0)
        return np.stack([low, np.where(high > low, high, low + 1)], axis=1)

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
        return self.probabilities_of(self.evidence)

    def probabilities_of(self, evidence: Floats) -> Floats | None:
        """(…, A) the same of evidence (…, A)."""
        if self.method != "attributes":
            return None
        return 1 / (1 + np.exp(-(evidence + self.weights["prior_odds"])))

    def on(self, frame: Floats | None) -> AskableModel:
        """The model on a frame (M + K, 2) of the film. The plane is an affine picture of the space, and the K
        descriptions, of which both places are known, say which: all that is placed in it is a description.
        """
        if frame is None:
            return self
        known = np.array([np.append(self._in_space(vector), 1.0) for vector in self.vectors], dtype=np.float64)
        pictures = len(self.labels)
        to_plane = np.linalg.lstsq(known, frame[pictures:], rcond=1e-6)[0]
        return replace(self, points=frame[:pictures], to_plane=to_plane)

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
    """The model of a finished run; None where its weights are not on this machine and nothing was recorded of them."""
    if view.run.state != "finished":
        return None
    file = view.store.run_folder(view.run.id) / "weights.safetensors"
    if not view.is_recorded and not file.is_file():
        return None
    # Frames may come after the end, the careful layout later still: the plane is looked for anew then.
    return _read(view.store, view.run.id, None if view.is_recorded else file, view.run.projected)


@lru_cache(maxsize=12)
def probe_of(store: Store, run_id: str) -> Probe | None:
    """The run's probe points; of a recorded run that came without a film, those of one that has the very same."""
    found = store.probe(run_id)
    if found is not None or not store.database.read_only:
        return found
    run = store.require(run_id)
    alike = (one.id for one in store.runs() if _chosen_by(one) == _chosen_by(run))
    return next((probe for probe in map(store.probe, alike) if probe is not None), None)


def _chosen_by(run: Run) -> tuple[object, ...]:
    """What the probe points of a run follow from."""
    return run.spec.data, run.spec.budget.probe_points, run.spec.seed


@lru_cache(maxsize=12)
def _read(
    store: Store, run_id: str, file: Path | None, projected: bool
) -> AskableModel | None:  # fmt: skip
    """file: the run's weights; None for a recorded run."""
    spec, probe = store.require(run_id).spec, probe_of(store, run_id)
    weights = read_answers(store.database.path, run_id) if file is None else of_weights(file)
    if probe is None or weights is None:
        return None
    classes, width = weights["vectors"].shape
    pictures = len(probe) - classes
    if len(weights[EVIDENCE]) != pictures:
        return None
    table = creature_table()
    drawn = spec.data.source.name == "creatures" and width == len(table.attributes)
    model = AskableModel(
        method=spec.method.name,
        names=probe.class_names[:classes],
        attributes=table.attributes if drawn else _attributes_of(spec.data.source, width),
        seen=probe.domains[pictures:] == 0,
        labels=probe.labels[:pictures].astype(np.int64),
        weights=weights,
        points=None,
        to_plane=None,
        drawn=drawn,
        takes_pictures=isinstance(spec.data.source, Creatures | OwnPictures),
        thumbnails=None if probe.thumbnails is None else probe.thumbnails[:pictures],
    )
    return model.on(_last_frame(store, run_id, len(probe)))


def _attributes_of(source: object, width: int) -> tuple[str, ...]:
    """What the columns of descriptions are called: as in the file they came in, else by their numbers."""
    found = attribute_names(source, width) if isinstance(source, OwnFeatures | OwnPictures) else ()
    return found or tuple(f"attribute {number}" for number in range(1, width + 1))


def _last_frame(store: Store, run_id: str, rows: int) -> Floats | None:
    """The points (rows, 2) of the last PCA frame, pictures first, then a description of each class."""
    try:
        frames = store.frames(run_id, "pca")
    except StoreError:
        return None
    if not frames or frames[-1].points.shape != (rows, 2) or not np.isfinite(frames[-1].points).all():
        return None
    return np.asarray(frames[-1].points, dtype=np.float64)


def _directions(table: Floats) -> Floats:
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)


def best_first(model: AskableModel) -> list[int]:
    """The unseen classes, those that are recognised before those that are not, then the seen ones."""
    unseen = np.flatnonzero(~model.seen)
    chosen = unseen[model.scores(model.vectors)[:, unseen].argmax(axis=1)]
    right = np.bincount(model.labels[chosen == model.labels], minlength=len(model.names))
    return [*unseen[np.argsort(-right[unseen], kind="stable")].tolist(), *np.flatnonzero(model.seen).tolist()]


def kind_of(model: AskableModel, label: int) -> str:
    """What stands behind the name of a class, where somebody chooses one."""
    return "" if model.seen[label] else " (unseen)"


def number(value: float, digits: int = 2, *, signed: bool = False) -> str:
    """A number as the cards write it: with a true minus sign, and none before what is rounded to 0."""
    rounded = round(value, digits) + 0.0  # adding 0 makes −0.00 a plain zero
    return f"{rounded:+.{digits}f}".replace("-", "−") if signed else f"{rounded:.{digits}f}".replace("-", "−")
