"""A few labelled examples of each class, so that more of them always contain the fewer."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tlcore.data.dataset import Dataset
from tlcore.data.randomness import generator_for
from tlcore.errors import InvalidRequest

MOST_NAMED = 3


@dataclass(frozen=True)
class FewShot:
    """The chosen examples.

    indices: (M,) int64, ascending, where they stand in the data set they were chosen from. counts: (K,) how many there
    are of each class. notes: what is short of what was asked for, one sentence each.
    """

    data: Dataset
    indices: torch.Tensor
    counts: tuple[int, ...]
    notes: tuple[str, ...] = ()


def few_shot(data: Dataset, labels_per_class: int | None, seed: int) -> FewShot:
    """`labels_per_class` examples of each class of `data`, drawn by the seed; None for all there are.

    The draw depends on the seed and the data set alone, class by class: for one seed, k labels a class contain those of
    every smaller k. Where several examples were made from one original picture, no second of these is drawn before
    each original of the class has given one: two pictures of the same digit would be little more than one label. A
    class with fewer examples gives all it has, and the notes tell it.

    Raises InvalidRequest for less than one label a class and for a data set without examples.
    """
    if labels_per_class is not None and labels_per_class < 1:
        raise InvalidRequest(f"At least one label a class is needed to learn from, not {labels_per_class}.")
    if not len(data):
        raise InvalidRequest("There are no labelled examples to choose from.")
    classes = len(data.class_names)
    orders = [_order(data, label, seed) for label in range(classes)]
    indices = torch.cat([order[:labels_per_class] for order in orders]).sort().values
    counts = tuple(torch.bincount(data.labels[indices].cpu(), minlength=classes).tolist())
    return FewShot(data.subset(indices), indices, counts, _notes(data.class_names, counts, labels_per_class))


def _order(data: Dataset, label: int, seed: int) -> torch.Tensor:
    """Indices (n,) of all examples of a class in the order in which they are drawn."""
    members = torch.nonzero(data.labels.cpu() == label).flatten()
    generator = generator_for("few-shot", data.provenance.origin, seed, label)
    shuffled = members[torch.randperm(len(members), generator=generator)]
    _, originals = data.identities.cpu()[shuffled].unique(return_inverse=True)
    # Examples of one original stand together once sorted; the rank within the original says which round they are of.
    together = originals.argsort(stable=True)
    sizes = torch.bincount(originals) if len(originals) else originals
    starts = (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    rounds = torch.empty_like(originals)
    rounds[together] = torch.arange(len(originals)) - starts
    return shuffled[rounds.argsort(stable=True)]


def _notes(names: tuple[str, ...], counts: tuple[int, ...], wanted: int | None) -> tuple[str, ...]:
    notes = []
    empty = [name for name, count in zip(names, counts, strict=True) if count == 0]
    if empty:
        notes.append(f"There is no labelled example of {_named(empty)}.")
    short = [f"{name} ({count})" for name, count in zip(names, counts, strict=True) if 0 < count < (wanted or 0)]
    if short:
        notes.append(f"Classes with fewer than {wanted} labelled examples give all of them: {_named(short)}.")
    return tuple(notes)


def _named(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
