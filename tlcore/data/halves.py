"""One data set as two tasks: its classes divided, and its pictures as another sensor would take them."""

from __future__ import annotations

from dataclasses import replace

import torch

from tlcore.data.dataset import Dataset, Domain
from tlcore.data.folder import Report
from tlcore.data.load import load_dataset, title_of
from tlcore.data.randomness import generator_for
from tlcore.errors import InvalidRequest
from tlcore.specs.layer_transfer import ClassHalf, Sensor

KINDS = (
    frozenset("AEFHIKLMNTVWXYZ147"),  # characters of straight strokes; all others are round somewhere
    frozenset({"airplane", "automobile", "ship", "truck"}),  # things made; all others are animals
)
FINEST = 3  # pixels a side of the neighbourhood whose mean a filtered picture lacks


def load_half(spec: ClassHalf, seed: int, *, report: Report | None = None) -> Domain:
    """The half of the classes that the spec names, labelled from 0, as its sensor takes the pictures.

    Raises MissingData; InvalidRequest where the classes cannot be divided so.
    """
    whole = load_dataset(spec.target, seed, report=report)
    halves = divide(whole.train.class_names, spec.division, seed, title_of(spec.target))
    chosen = halves[0 if spec.half == "A" else 1]

    def part(data: Dataset) -> Dataset:
        return through(spec.sensor, of_classes(data, chosen))

    return Domain(part(whole.train), part(whole.validation), part(whole.test))


def divide(
    names: tuple[str, ...], division: str, seed: int, title: str = "This data set"
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The classes of A and of B, ascending: equally many, none in both. Where they do not come out even, chance decides
    who is left out.

    Raises InvalidRequest where a half would have fewer than two classes, or nothing is known of their kinds.
    """
    generator = generator_for("class halves", division, seed)
    if division == "random":
        order = torch.randperm(len(names), generator=generator).tolist()
        size = len(names) // 2
        groups = [order[:size], order[size : 2 * size]]
    else:
        kind = next((one for one in KINDS if len(one & set(names)) >= 2), None)
        if kind is None:
            raise InvalidRequest(f"{title} cannot be divided by kinds: it is not known which of its classes are alike.")
        sides = [[index for index, name in enumerate(names) if (name in kind) is side] for side in (True, False)]
        size = min(map(len, sides))
        groups = [
            [side[place] for place in torch.randperm(len(side), generator=generator)[:size].tolist()] for side in sides
        ]
    if size < 2:
        raise InvalidRequest(f"{title} has too few classes to be divided: each half needs two.")
    first, second = (tuple(sorted(group)) for group in groups)
    return first, second


def of_classes(data: Dataset, classes: tuple[int, ...]) -> Dataset:
    """The examples of some classes, which are labelled from 0 in this order."""
    number = torch.full((len(data.class_names),), -1, dtype=torch.int64)
    number[list(classes)] = torch.arange(len(classes))
    labels = number[data.labels]
    chosen = torch.nonzero(labels >= 0).flatten()
    found = data.subset(chosen)
    return replace(found, labels=labels[chosen], class_names=tuple(data.class_names[index] for index in classes))


def through(sensor: Sensor, data: Dataset) -> Dataset:
    """The same examples, their pictures taken by another sensor. Raises InvalidRequest for vectors."""
    if sensor == "same":
        return data
    if data.inputs.ndim != 4:
        raise InvalidRequest("Only pictures can be taken by another sensor.")
    provenance = replace(data.provenance, title=f"{data.provenance.title}, {sensor} here")
    return replace(data, inputs=taken_by(sensor, data.inputs), provenance=provenance)


def taken_by(sensor: Sensor, pictures: torch.Tensor) -> torch.Tensor:
    """uint8 pictures (N, C, H, W) as another sensor takes them, each for itself and nothing drawn by chance."""
    if sensor == "inverted":
        return 255 - pictures
    if sensor == "recoloured":
        return pictures.roll(1, dims=1)
    if sensor == "filtered":
        values = pictures.float()
        around = torch.nn.functional.avg_pool2d(values, FINEST, stride=1, padding=FINEST // 2, count_include_pad=False)
        return (127.5 + values - around).clamp_(0, 255).round_().to(torch.uint8)
    return pictures
