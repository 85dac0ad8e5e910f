"""Data for zero-shot learning: classes that are seen in training, classes that are not, and a description of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from tlcore.data.dataset import Dataset, Provenance
from tlcore.data.folder import data_folder
from tlcore.data.randomness import generator_for
from tlcore.data.splits import Share
from tlcore.errors import InvalidRequest, MissingData
from tlcore.specs.own_data import OwnFeatures, OwnPictures

VALIDATION_SHARE = 0.1
TUNING_EVERY = 5


@dataclass(frozen=True)
class ZeroShotData:
    """Examples of seen and of unseen classes; labels count over all K classes, whatever the part.

    train, validation: seen classes alone; validation is for stopping and for the generalised protocol's calibration.
    test_seen, test_unseen: to report on. class_vectors: (K, A) float32, the description of each class.
    attribute_names: what the A columns are; empty where the vectors have no names, as those of words.
    seen: (K,) bool. tuning: (K,) bool, some of the seen classes, which play the unseen ones when a setting is chosen.

    That nothing unseen is learned from or chosen by is checked here, on the examples themselves: raises ValueError
    where a part holds a class it must not hold, where two parts share an original, or where shapes do not fit.
    """

    train: Dataset
    validation: Dataset
    test_seen: Dataset
    test_unseen: Dataset
    class_vectors: torch.Tensor
    class_names: tuple[str, ...]
    attribute_names: tuple[str, ...]
    seen: torch.Tensor
    tuning: torch.Tensor

    def __post_init__(self) -> None:
        classes = len(self.class_names)
        if self.class_vectors.ndim != 2 or len(self.class_vectors) != classes or not self.class_vectors.shape[1]:
            raise ValueError(
                f"{classes} classes need a description each, not a table {tuple(self.class_vectors.shape)}."
            )
        if not torch.isfinite(self.class_vectors).all():
            raise ValueError("A description of a class is not finite.")
        if self.attribute_names and len(self.attribute_names) != self.class_vectors.shape[1]:
            raise ValueError("There must be one name for each attribute of a description.")
        for name, mask in (("seen", self.seen), ("tuning", self.tuning)):
            if mask.shape != (classes,) or mask.dtype != torch.bool:
                raise ValueError(f"“{name}” must say yes or no for each of {classes} classes.")
        if not self.seen.any() or self.seen.all():
            raise ValueError("Some classes must be seen and some unseen.")
        if (self.tuning & ~self.seen).any() or not (self.seen & ~self.tuning).any():
            raise ValueError("The classes for tuning must be some of the seen ones, not all of them.")
        for name, part, allowed in self._parts():
            if part.class_names != self.class_names:
                raise ValueError(f"The part {name} has other classes.")
            labels = part.labels
            if len(labels) and (int(labels.min()) < 0 or int(labels.max()) >= classes):
                raise ValueError(f"The part {name} has a label outside of {classes} classes.")
            wrong = labels[~allowed[labels]]
            if len(wrong):
                kind = "a seen" if name == "test_unseen" else "an unseen"
                raise ValueError(f"The part {name} holds {kind} class, {self.class_names[int(wrong[0])]}.")
        self._require_disjoint()

    def _parts(self) -> tuple[tuple[str, Dataset, torch.Tensor], ...]:
        return (
            ("train", self.train, self.seen),
            ("validation", self.validation, self.seen),
            ("test_seen", self.test_seen, self.seen),
            ("test_unseen", self.test_unseen, ~self.seen),
        )

    def _require_disjoint(self) -> None:
        parts = [(name, set(part.identities.tolist())) for name, part, _ in self._parts()]
        for position, (name, members) in enumerate(parts):
            for other, others in parts[position + 1 :]:
                if members & others:
                    raise ValueError(f"The parts {name} and {other} share an original.")

    @property
    def seen_classes(self) -> torch.Tensor:
        """(S,) int64, ascending."""
        return torch.nonzero(self.seen).flatten()

    @property
    def unseen_classes(self) -> torch.Tensor:
        """(U,) int64, ascending."""
        return torch.nonzero(~self.seen).flatten()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: (C, H, W) or (D,)."""
        return tuple(self.train.inputs.shape[1:])

    def for_tuning(self) -> ZeroShotData:
        """The same task one level down, to choose settings by: the tuning classes are the unseen ones here.

        No example, label or description of a class that is in truth unseen is in it. Labels count over the seen
        classes alone, in their order.
        """
        if not self.tuning.any():
            raise ValueError("No seen class has been set apart for tuning.")
        kept = self.seen_classes
        position = torch.full((len(self.class_names),), -1, dtype=torch.int64)
        position[kept] = torch.arange(len(kept))
        names = tuple(self.class_names[index] for index in kept.tolist())

        def part(data: Dataset, chosen: torch.Tensor) -> Dataset:
            subset = data.subset(torch.nonzero(chosen).flatten())
            return replace(subset, labels=position[subset.labels], class_names=names)

        played = self.tuning[self.train.labels]
        stopped = self.tuning[self.validation.labels]
        # What is chosen by must not be reported on: the training pictures of a tuning class are its test pictures.
        fitted, held = _split(part(self.train, ~played), "zero-shot tuning")
        return ZeroShotData(
            train=fitted,
            validation=held,
            test_seen=part(self.validation, ~stopped),
            test_unseen=part(self.train, played),
            class_vectors=self.class_vectors[kept],
            class_names=names,
            attribute_names=self.attribute_names,
            seen=~self.tuning[kept],
            tuning=torch.zeros(len(kept), dtype=torch.bool),
        )


def _split(data: Dataset, purpose: str, seed: int = 0) -> tuple[Dataset, Dataset]:
    """A class-balanced tenth apart, at least one example a class: the larger part, the smaller part."""
    generator = generator_for(purpose, data.provenance.origin, seed)
    held = torch.zeros(len(data), dtype=torch.bool)
    for label in data.labels.unique():
        members = torch.nonzero(data.labels == label).flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        if len(members) > 1:
            held[members[: max(1, round(VALIDATION_SHARE * len(members)))]] = True
    return data.subset(torch.nonzero(~held).flatten()), data.subset(torch.nonzero(held).flatten())


def benchmark_folder(name: str) -> Path:
    """Where AwA2, CUB or SUN is looked for: `xlsa17/data/AWA2` in the data folder, as the archive has it."""
    return data_folder() / "xlsa17" / "data" / name.upper()


def load_own_zero_shot(spec: OwnFeatures | OwnPictures, seed: int = 0) -> ZeroShotData:
    """The same from what somebody has brought: features with the descriptions and splits of such a benchmark, or
    pictures with descriptions of their classes beside them, of which the seen ones are split by the seed.

    Raises InvalidRequest where there are no descriptions, MissingData where the data are not here.
    """
    from tlcore.data.own.load import dealt_out, open_own

    arrays = open_own(spec)
    if arrays.class_attributes is None:
        raise InvalidRequest(
            f"The own data set “{spec.dataset}” has no descriptions of its classes: bring descriptions.csv beside the "
            "pictures, or features as res101.mat together with att_splits.mat."
        )
    partitions = arrays.partitions
    if arrays.manifest.kind == "pictures":
        parts = torch.from_numpy(dealt_out(arrays.manifest, seed, Share()))
        partitions = _partitions_of(parts, arrays.labels)
    data = from_partitions(
        arrays.inputs, arrays.labels, arrays.manifest.classes, arrays.class_attributes, partitions,
        arrays.manifest.title, seed,
    )  # fmt: skip
    return replace(data, attribute_names=arrays.manifest.described_by)


def _partitions_of(parts: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Examples by the names of the xlsa17 files. parts: (N,) positions in PART_NAMES; every fifth seen class tunes."""
    from tlcore.data.own.manifest import PART_NAMES

    place = {name: PART_NAMES.index(name) for name in ("test", "unseen")}
    learned = (parts != place["test"]) & (parts != place["unseen"])
    tuning = torch.isin(labels, labels[learned].unique()[::TUNING_EVERY])
    chosen = {
        "trainval_loc": learned, "train_loc": learned & ~tuning, "val_loc": learned & tuning,
        "test_seen_loc": parts == place["test"], "test_unseen_loc": parts == place["unseen"],
    }  # fmt: skip
    return {name: torch.nonzero(members).flatten() for name, members in chosen.items()}


def load_xlsa17(folder: Path, seed: int = 0) -> ZeroShotData:
    """AwA2, CUB or SUN with the proposed splits: `res101.mat` and `att_splits.mat` in `folder`.

    Learned from is trainval_loc, less a class-balanced tenth for validation, drawn by the seed. Tuning classes are
    those of val_loc that train_loc does not have. Inputs are (N, 2048) float32 features, descriptions the file's `att`.
    Raises MissingData where a file is missing and InvalidRequest where one cannot be used.
    """
    from tlcore.data.own.matlab import SPLITS, read_xlsa17

    for name in ("res101.mat", SPLITS):
        if not (folder / name).is_file():
            raise MissingData(
                f"The file {name} is not in the folder “{folder.name}”: it comes with the archive “xlsa17” of the "
                "proposed splits (Xian et al. 2019)."
            )
    table = read_xlsa17(folder / "res101.mat", folder.name)
    blocks: list[np.ndarray] = []
    table.read(blocks.append)
    features = torch.from_numpy(np.concatenate(blocks))
    if not torch.isfinite(features).all():
        raise InvalidRequest(f"The features of {folder.name} are not finite.")
    vectors = torch.tensor(table.attributes_of_classes, dtype=torch.float32)
    partitions = {name: torch.tensor(members, dtype=torch.int64) for name, members in table.partitions.items()}
    return from_partitions(features, torch.tensor(table.labels), table.classes, vectors, partitions, folder.name, seed)


def from_partitions(
    inputs: torch.Tensor,
    labels: torch.Tensor,
    class_names: Sequence[str],
    class_vectors: torch.Tensor,
    partitions: dict[str, torch.Tensor],
    title: str,
    seed: int = 0,
) -> ZeroShotData:
    """A standard benchmark from its pieces. partitions: rows (n,) int64, from 0, by the names of the xlsa17 files.

    Raises InvalidRequest where the partitions are not those of a zero-shot task.
    """
    for name in ("trainval_loc", "test_seen_loc", "test_unseen_loc"):
        if name not in partitions or not len(partitions[name]):
            raise InvalidRequest(f"{title} has no examples in {name}.")
    names = tuple(class_names)
    provenance = Provenance(title, f"xlsa17 {title}", "", "https://doi.org/10.1109/TPAMI.2018.2857768")
    every = Dataset(inputs, labels, torch.arange(len(labels)), names, provenance)
    seen = torch.zeros(len(names), dtype=torch.bool)
    seen[labels[partitions["trainval_loc"]]] = True
    tuning = torch.zeros_like(seen)
    if len(partitions.get("val_loc", ())) and len(partitions.get("train_loc", ())):
        tuning[labels[partitions["val_loc"]]] = True
        tuning[labels[partitions["train_loc"]]] = False
        tuning &= seen
    train, validation = _split(every.subset(partitions["trainval_loc"]), "zero-shot validation", seed)
    try:
        return ZeroShotData(
            train=train,
            validation=validation,
            test_seen=every.subset(partitions["test_seen_loc"]),
            test_unseen=every.subset(partitions["test_unseen_loc"]),
            class_vectors=class_vectors,
            class_names=names,
            attribute_names=(),
            seen=seen,
            tuning=tuning,
        )
    except ValueError as error:
        raise InvalidRequest(f"{title} is not a zero-shot task: {error}") from None
