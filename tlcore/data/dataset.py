"""Data sets as tensors, split once by seed, and the form in which a method may see them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Provenance:
    """Where data come from, for the reader of a result."""

    title: str
    origin: str  # data sets made from the same pictures share it, so that a pair can keep them apart
    licence: str
    url: str


@dataclass(frozen=True)
class Dataset:
    """Labelled examples.

    inputs: (N, C, H, W) uint8 pictures or (N, D) float32 vectors. labels: (N,) int64.
    identities: (N,) int64, which original picture each example was made from.
    attributes: (N, A) float32 further facts of each example, or None; attribute_names: what the A columns are.
    attribute_classes: for each of them the names of the classes it counts from 0, with -1 where it is unknown; empty
    for a quantity, which is no number where it is unknown.
    """

    inputs: torch.Tensor
    labels: torch.Tensor
    identities: torch.Tensor
    class_names: tuple[str, ...]
    provenance: Provenance
    attributes: torch.Tensor | None = None
    attribute_names: tuple[str, ...] = ()
    attribute_classes: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def subset(self, indices: torch.Tensor) -> Dataset:
        """The examples at `indices` (M,) int64, copied."""
        return replace(
            self,
            inputs=self.inputs[indices].clone(),
            labels=self.labels[indices].clone(),
            identities=self.identities[indices].clone(),
            attributes=None if self.attributes is None else self.attributes[indices].clone(),
        )

    def unlabelled(self) -> Unlabelled:
        """The inputs alone: what a method without target labels is handed."""
        return Unlabelled(self.inputs)


def joined(one: Dataset, other: Dataset) -> Dataset:
    """The examples of two parts of the same data, those of the first before those of the second."""
    tables = (one.attributes, other.attributes)
    return replace(
        one,
        inputs=torch.cat([one.inputs, other.inputs]),
        labels=torch.cat([one.labels, other.labels]),
        identities=torch.cat([one.identities, other.identities]),
        attributes=None if tables[0] is None or tables[1] is None else torch.cat([tables[0], tables[1]]),
    )


@dataclass(frozen=True)
class Unlabelled:
    """Examples whose labels do not exist for whoever holds this object."""

    inputs: torch.Tensor

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Domain:
    """One domain, split once: to learn from, to choose by, to report on."""

    train: Dataset
    validation: Dataset
    test: Dataset


@dataclass(frozen=True)
class PairData:
    """A source and a target domain with the same classes in the same order.

    notes: what had to be done to bring the two together, one sentence each.
    """

    source: Domain
    target: Domain
    notes: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, shared by both domains."""
        return self.source.train.class_names

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: (C, H, W) or (D,)."""
        return tuple(self.source.train.inputs.shape[1:])
