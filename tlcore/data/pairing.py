"""Two domains that were not made for each other: classes matched by name, pictures brought to one size."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import torch

from tlcore.data.augmentation import GREY
from tlcore.data.dataset import Dataset, Domain, PairData
from tlcore.data.resizing import resize
from tlcore.errors import InvalidRequest

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SYNONYMS = {
    "aeroplane": "airplane", "plane": "airplane", "aircraft": "airplane", "car": "automobile", "auto": "automobile",
    "motorbike": "motorcycle", "bike": "bicycle",
}  # fmt: skip
MOST_NAMED = 6


def plain_name(name: str) -> str:
    """A class's name as it is compared: '3', 'three', '3 - three' and 'Three ' are the same, so are 'Dog' and 'dog'.

    Case, accents, punctuation and a leading number that only repeats the name do not count, nor, for the few kinds of
    things that the usual data sets call differently ('car', 'automobile'), the word chosen.
    """
    text = unicodedata.normalize("NFKD", name.casefold())
    text = "".join(character for character in text if not unicodedata.combining(character))
    words = [word for word in re.split(r"[\W_]+", text) if word]
    spelt = [str(NUMBERS.index(word)) if word in NUMBERS else SYNONYMS.get(word, word) for word in words]
    if len(spelt) == 2 and spelt[0] == spelt[1]:
        spelt = spelt[:1]
    if len(spelt) == 1 and re.fullmatch(r"0+\d", spelt[0]):
        spelt = [spelt[0][-1]]
    return " ".join(spelt) or name


def shared_classes(source: tuple[str, ...], target: tuple[str, ...]) -> list[tuple[int, int]]:
    """(index in source, index in target) of every class that both have, in the order of the source.

    Names that are equal letter for letter are matched first; of names that only `plain_name` makes alike the first of
    each side is taken, so no class is matched twice.
    """
    matches: dict[int, int] = {}
    taken: set[int] = set()
    for names in ((source, target), ([plain_name(one) for one in source], [plain_name(one) for one in target])):
        places: dict[str, int] = {}
        for index, name in enumerate(names[1]):
            if index not in taken:
                places.setdefault(name, index)
        for index, name in enumerate(names[0]):
            if index not in matches and name in places:
                matches[index] = places.pop(name)
                taken.add(matches[index])
    return sorted(matches.items())


def bring_together(source: Domain, target: Domain, source_title: str, target_title: str) -> PairData:
    """The two domains as a pair: classes of the same name keep the source's name and order, others are left out.

    Pictures of the smaller side are enlarged to the larger; a single channel is repeated. What was done is told in the
    pair's notes. Raises InvalidRequest for fewer than two shared classes, for pictures and points, and for points of
    different numbers of coordinates.
    """
    ours, theirs = source.train, target.train
    for first, second in ((ours, theirs), (theirs, ours)):
        if first.inputs.ndim != second.inputs.ndim or (
            first.inputs.ndim == 2 and ours.inputs.shape[1:] != theirs.inputs.shape[1:]
        ):
            raise InvalidRequest(
                f"{source_title} and {target_title} cannot be paired: the shape of inputs differs "
                f"({tuple(ours.inputs.shape[1:])} and {tuple(theirs.inputs.shape[1:])})."
            )
    notes: list[str] = []
    if ours.class_names != theirs.class_names:
        pairs = shared_classes(ours.class_names, theirs.class_names)
        if len(pairs) < 2:
            raise InvalidRequest(
                f"{source_title} and {target_title} cannot be paired: they share {len(pairs) or 'none'} of their "
                f"classes ({_named(ours.class_names)}; and {_named(theirs.class_names)}) and two are needed."
            )
        names = tuple(ours.class_names[index] for index, _ in pairs)
        for title, domain, kept in (
            (source_title, ours, {index for index, _ in pairs}),
            (target_title, theirs, {index for _, index in pairs}),
        ):
            dropped = [name for index, name in enumerate(domain.class_names) if index not in kept]
            if dropped:
                notes.append(
                    f"Of {title} these classes are left out, as the other domain lacks them: {_named(dropped)}."
                )
        source = _relabelled(source, [index for index, _ in pairs], names)
        target = _relabelled(target, [index for _, index in pairs], names)
    if ours.inputs.ndim == 4:
        source, target, said = _of_one_shape(source, target, source_title, target_title)
        notes += said
    return PairData(source, target, tuple(notes))


def _relabelled(domain: Domain, kept: list[int], names: tuple[str, ...]) -> Domain:
    """The domain with the classes `kept` alone, numbered in that order."""

    def part(data: Dataset) -> Dataset:
        numbers = torch.full((len(data.class_names),), -1, dtype=torch.int64)
        numbers[torch.tensor(kept)] = torch.arange(len(kept))
        labels = numbers[data.labels]
        chosen = torch.nonzero(labels >= 0).flatten()
        if len(chosen) == len(labels):
            return replace(data, labels=labels, class_names=names)
        return replace(data.subset(chosen), labels=labels[chosen], class_names=names)

    return Domain(part(domain.train), part(domain.validation), part(domain.test))


def _of_one_shape(
    source: Domain, target: Domain, source_title: str, target_title: str
) -> tuple[Domain, Domain, list[str]]:
    ours, theirs = source.train.inputs.shape, target.train.inputs.shape
    side = max(ours[2], ours[3], theirs[2], theirs[3])
    channels = max(ours[1], theirs[1])
    notes = []
    for title, shape in ((source_title, ours), (target_title, theirs)):
        if tuple(shape[2:]) != (side, side):
            notes.append(f"Pictures of {title} are brought from {shape[3]} × {shape[2]} to {side} × {side} pixels.")

    def part(data: Dataset) -> Dataset:
        inputs = resize(data.inputs, side)
        if inputs.shape[1] < channels:
            inputs = inputs.expand(-1, channels, -1, -1).contiguous()
        return data if inputs is data.inputs else replace(data, inputs=inputs)

    first = Domain(part(source.train), part(source.validation), part(source.test))
    second = Domain(part(target.train), part(target.validation), part(target.test))
    return first, second, notes


def like(domain: Domain, shape: Sequence[int], model_title: str, title: str) -> tuple[Domain, tuple[str, ...]]:
    """A domain whose inputs have the `shape` (C, H, W) or (D,) of another's, and a note where they had to be changed.

    Colours become grey as the eye weighs them, grey becomes three equal channels. Raises InvalidRequest for pictures
    beside points, and for points of another number of coordinates.
    """
    present = domain.train.inputs.shape[1:]
    if tuple(present) == tuple(shape):
        return domain, ()
    if len(present) != 3 or len(shape) != 3:
        raise InvalidRequest(
            f"A network that learned from {model_title} cannot read {title}: the shape of inputs differs "
            f"({tuple(shape)} and {tuple(present)})."
        )

    def part(data: Dataset) -> Dataset:
        return replace(data, inputs=fit_pictures(data.inputs, shape))

    words = "×".join(map(str, shape[1:])) + (" pixels in grey" if shape[0] == 1 else " pixels")
    fitted = Domain(part(domain.train), part(domain.validation), part(domain.test))
    return fitted, (f"Pictures of {title} are brought to {words}, as those of {model_title} are.",)


def fit_pictures(pictures: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """uint8 pictures (N, C, H, W) brought to the size and the number of channels of `shape` (C, H, W)."""
    inputs = resize(pictures, max(shape[1:]))
    if inputs.shape[1] < shape[0]:
        return inputs.expand(-1, shape[0], -1, -1).contiguous()
    if inputs.shape[1] > shape[0]:
        weights = torch.tensor(GREY).view(1, 3, 1, 1)
        return (inputs.float() * weights).sum(1, keepdim=True).round().to(torch.uint8)
    return inputs


def _named(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown} and {len(names) - MOST_NAMED} more"
