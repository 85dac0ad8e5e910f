"""The same picture twice: harmless within a part, misleading where one copy is learned from and the other tested on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlcore.data.own.decoding import Look
from tlcore.data.own.layout import Entry

MOST_COMPARED = 20_000  # pictures among which near duplicates are looked for; pairs grow with the square
CHUNK = 512
OUTLINE_BITS = 3  # of 64 that may differ
TINY_DIFFERENCE = 5.0  # mean absolute difference of the tiny pictures, of 255
MOST_CANDIDATES = 200_000
ORDER = {"train": 0, "": 0, "validation": 1, "test": 2}


@dataclass(frozen=True)
class Pair:
    """Two pictures by their positions, the first of which stays if only one does. between: where they stand."""

    first: int
    second: int
    between: str


@dataclass(frozen=True)
class Duplicates:
    """exact: pairs with the same pixels. near: pairs that look the same. dropped: positions not to be used.

    identities: for each picture the position of the first that it is the same as, or nearly, (N,) int64.
    """

    exact: tuple[Pair, ...]
    near: tuple[Pair, ...]
    dropped: frozenset[int]
    identities: np.ndarray


def find_duplicates(entries: Sequence[Entry], looks: Sequence[Look]) -> Duplicates:
    """Compare all readable pictures.

    Of pictures with the same pixels in one domain one stays: that of the training part, if a part is said. Where a
    picture stands in two domains both stay, unless one is to be learned from and the other not. Where nothing says
    the parts, near duplicates get one identity too, so that no split puts one here and the other there.
    """
    identities = np.arange(len(entries))
    groups: dict[bytes, list[int]] = defaultdict(list)
    for position, look in enumerate(looks):
        if not look.reason:
            groups[look.content].append(position)
    exact: list[Pair] = []
    dropped: set[int] = set()
    for members in groups.values():
        if len(members) == 1:
            continue
        members = sorted(members, key=lambda position: (ORDER[entries[position].part], position))
        first = members[0]
        kept_of: dict[str, int] = {}
        for position in members:
            identities[position] = min(members)
            entry = entries[position]
            if position != first:
                exact.append(Pair(first, position, between(entries[first], entry)))
            taught = ORDER[entries[first].part] < ORDER[entry.part]
            if entry.domain in kept_of or taught:
                dropped.add(position)
            else:
                kept_of[entry.domain] = position
    kept = [position for position, look in enumerate(looks) if not look.reason and position not in dropped]
    near = []
    for one, other in near_pairs(looks, kept):
        if looks[one].content != looks[other].content:
            first, second = sorted((one, other), key=lambda position: (ORDER[entries[position].part], position))
            near.append(Pair(first, second, between(entries[first], entries[second])))
            if not entries[one].part and not entries[other].part:
                _join(identities, one, other)
    for position in range(len(identities)):  # each points at or before itself, so one pass reaches the first
        identities[position] = identities[identities[position]]
    return Duplicates(tuple(exact), tuple(near), frozenset(dropped), identities)


def between(first: Entry, second: Entry) -> str:
    """Where two pictures stand: their parts if these differ, else their domains, else their classes."""
    if first.part != second.part:
        return f"{first.part or 'no part'} and {second.part or 'no part'}"
    if first.domain != second.domain:
        return f"{first.domain} and {second.domain}"
    if first.label != second.label:
        return f"classes {first.label} and {second.label}"
    return f"within {first.part or first.domain or first.label}"


def near_pairs(looks: Sequence[Look], positions: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of positions whose pictures differ by a little compression, scale or brightness at most.

    None are looked for among more than `MOST_COMPARED` pictures.
    """
    if len(positions) > MOST_COMPARED or len(positions) < 2:
        return []
    outlines = np.array([looks[position].outline for position in positions], dtype=np.uint64)
    tiny = np.stack([looks[position].tiny for position in positions]).astype(np.int16).reshape(len(positions), -1)
    found: list[tuple[int, int]] = []
    for start in range(0, len(positions), CHUNK):
        rows = outlines[start : start + CHUNK, None]
        close = np.bitwise_count(rows ^ outlines[None, start:]) <= OUTLINE_BITS
        one, other = np.nonzero(close)
        later = other > one
        one, other = (start + one[later])[:MOST_CANDIDATES], (start + other[later])[:MOST_CANDIDATES]
        for begin in range(0, len(one), 20_000):
            a, b = one[begin : begin + 20_000], other[begin : begin + 20_000]
            same = np.abs(tiny[a] - tiny[b]).mean(axis=1) <= TINY_DIFFERENCE
            found += [(positions[i], positions[j]) for i, j in zip(a[same].tolist(), b[same].tolist(), strict=True)]
    return found


def _join(identities: np.ndarray, one: int, other: int) -> None:
    roots = []
    for position in (one, other):
        while identities[position] != position:
            position = int(identities[position])
        roots.append(position)
    identities[max(roots)] = min(roots)
