"""Who gets which originals: disjoint shares for the domains, and parts to learn from, choose by and report on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tlcore.data.randomness import generator_for

VALIDATION_SHARE = 0.1
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Share:
    """The `index`-th of `count` disjoint, equally large sets of originals. Share(0, 1) is everything."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True)
class Parts:
    """Indices of originals, each (n,) int64, ascending, without overlap."""

    train: torch.Tensor
    validation: torch.Tensor
    test: torch.Tensor


def share_of_class(labels: torch.Tensor, share: Share, generator: torch.Generator, classes: int) -> list[torch.Tensor]:
    """For each class the indices (n,) of its originals in `share`, in random order. labels: (N,) int64.

    Each class is dealt out by itself, so the shares have the same balance of classes, one original more or less; who
    is dealt to first changes with the class, so that the odd ones out do not all go to one share.
    """
    dealt = []
    for label in range(classes):
        members = torch.nonzero(labels == label).flatten()
        shuffled = members[torch.randperm(len(members), generator=generator)]
        dealt.append(shuffled[(share.index + label) % share.count :: share.count])
    return dealt


def split_originals(
    labels: torch.Tensor,
    share: Share,
    origin: str,
    seed: int,
    *,
    validation: float = VALIDATION_SHARE,
    test: float = TEST_SHARE,
) -> Parts:
    """Split the originals of `share` into three parts with the same balance of classes.

    labels: (N,) int64 of all originals. The split depends on origin, seed, share and labels alone, so two data sets
    made from the same originals agree on it: what one tests on, the other never learns from.
    """
    generator = generator_for("split", origin, seed)
    trains, validations, tests = [], [], []
    for members in share_of_class(labels, share, generator, int(labels.max()) + 1):
        to_test = round(len(members) * test)
        to_validation = to_test + round(len(members) * validation)
        tests.append(members[:to_test])
        validations.append(members[to_test:to_validation])
        trains.append(members[to_validation:])
    return Parts(*(torch.cat(part).sort().values for part in (trains, validations, tests)))


def balanced_head(labels: torch.Tensor, size: int) -> torch.Tensor:
    """Positions (size,) int64, ascending, of a subset of `labels` (N,) with the same balance of classes.

    A member's rank within its class, relative to the size of the class, orders all members so that any head of the
    order is balanced.
    """
    relative_rank = torch.empty(len(labels), dtype=torch.float64)
    for label in labels.unique():
        members = torch.nonzero(labels == label).flatten()
        relative_rank[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    return relative_rank.argsort(stable=True)[:size].sort().values
