"""Answers to what a page asks about data before anything is trained. Runs in a short-lived process of its own.

torch is imported only by the questions that read tensors: a list of folders must come at once.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tlcore.catalogue import ENTRIES, find_entry
from tlcore.data.folder import Report
from tlcore.specs.data import DatasetSpec, DomainPair, Moons, Shifted
from tlcore.specs.own_data import OwnFeatures, OwnPictures
from tlcore.specs.questions import DataQuestion, FetchSet, ListAllowed, LookAtData, LookAtPair, MeasureShift

if TYPE_CHECKING:
    from tlcore.data.dataset import Dataset, Domain

SEED = 0
SIDE = 64  # pictures are shown no larger
POINTS = 200


def answer_data(question: DataQuestion, report: Report | None = None) -> Any:
    """The answer, ready for JSON. Raises LabError."""
    if isinstance(question, ListAllowed):
        from tlcore.data.own.allowed import list_allowed

        return list_allowed()
    if isinstance(question, FetchSet):
        from tlcore.data.terminal import fetch

        return {"name": question.dataset, "state": fetch(find_entry(question.dataset), report)}
    if isinstance(question, LookAtData):
        from tlcore.data import load_dataset

        domain = load_dataset(question.data, SEED, report=report)
        return {"class_names": list(domain.train.class_names)} | examples_of(domain, question.pictures)
    if isinstance(question, LookAtPair):
        return look_at_pair(question.pair, question.pictures, report)
    return measure_shift(question, report)


def look_at_pair(pair: DomainPair, count: int, report: Report | None = None) -> dict[str, Any]:
    """Examples of both domains, the classes as they are mapped, what is left out, and the distance.

    mapped: [name in the source, name in the target]. dropped: names that only one of the two has.
    Raises InvalidRequest where the two do not fit together, MissingData.
    """
    from tlcore.data import load_pair
    from tlcore.data.pairing import shared_classes
    from tlcore.training.domain_distance import distance_between

    data = load_pair(pair, SEED, report=report)
    if report:
        report("Measuring the distance", 0.9)
    ours, theirs = _class_names(pair.source), _class_names(pair.target)
    both = shared_classes(ours, theirs)
    distance = distance_between(data, SEED)
    return {
        "mapped": [[ours[one], theirs[other]] for one, other in both],
        "dropped": {
            "source": [name for index, name in enumerate(ours) if index not in {one for one, _ in both}],
            "target": [name for index, name in enumerate(theirs) if index not in {other for _, other in both}],
        },
        "notes": list(data.notes),
        "shape": list(data.input_shape),
        "source": examples_of(data.source, count),
        "target": examples_of(data.target, count),
        "distance": distance.distance,
        "accuracy": distance.accuracy,
    }


def measure_shift(question: MeasureShift, report: Report | None = None) -> list[dict[str, Any]]:
    """Rows of {strength, distance, accuracy, pictures}: what `look_at_pair` tells of the target so shifted.

    Raises InvalidRequest where the two do not fit together, MissingData.
    """
    from tlcore.data import load_dataset
    from tlcore.data.dataset import Domain
    from tlcore.data.load import same_originals, title_of
    from tlcore.data.pairing import bring_together
    from tlcore.data.shifts import shift_pictures
    from tlcore.data.splits import Share
    from tlcore.training.domain_distance import distance_between

    pair = question.pair
    halve = pair.disjoint and same_originals(pair.source, pair.target)
    source = load_dataset(pair.source, SEED, share=Share(0, 2) if halve else Share(), report=report)
    base = load_dataset(pair.target, SEED, share=Share(1, 2) if halve else Share(), report=report)
    found = []
    for number, strength in enumerate(question.strengths):
        if report:
            report("Measuring along the slider", number / len(question.strengths))
        # Distance and pictures are of the training parts: the others may stay as they are.
        inputs = shift_pictures(base.train.inputs, question.shift, strength, SEED, "train")
        target = Domain(replace(base.train, inputs=inputs), base.validation, base.test)
        data = bring_together(source, target, title_of(pair.source), title_of(pair.target))
        distance = distance_between(data, SEED)
        pictures = _shown(data.target.train, question.pictures)["pictures"]
        found.append(
            {
                "strength": strength,
                "distance": distance.distance,
                "accuracy": distance.accuracy,
                "pictures": pictures,
            }
        )
    return found


def examples_of(domain: Domain, count: int) -> dict[str, Any]:
    """counts: for each part the number of each class. pictures: {class, png} in base64; points: [x, y, class]."""
    parts = {"train": domain.train, "validation": domain.validation, "test": domain.test}
    classes = len(domain.train.class_names)
    counts = {name: np.bincount(part.labels.numpy(), minlength=classes).tolist() for name, part in parts.items()}
    return {"counts": counts, "width": int(domain.train.inputs.shape[-1])} | _shown(domain.train, count)


def _shown(data: Dataset, count: int) -> dict[str, Any]:
    from tlcore.data.own.pictures import as_file
    from tlcore.data.samples import png, spread_over_classes

    if data.inputs.ndim == 2:
        if data.inputs.shape[1] != 2:
            return {"pictures": [], "points": []}
        rows = zip(data.inputs[:POINTS].tolist(), data.labels[:POINTS].tolist(), strict=True)
        return {"pictures": [], "points": [[round(x, 3), round(y, 3), label] for (x, y), label in rows]}

    def encoded(pixels: np.ndarray) -> str:
        if pixels.shape[-1] <= SIDE:
            return png(pixels)
        return base64.b64encode(as_file(np.broadcast_to(pixels, (3, *pixels.shape[1:])), SIDE)).decode("ascii")

    chosen = spread_over_classes(data.labels.numpy(), count)
    return {
        "points": [],
        "pictures": [
            {"class": data.class_names[int(data.labels[index])], "png": encoded(data.inputs[index].numpy())}
            for index in chosen
        ],
    }


def _class_names(spec: DatasetSpec) -> tuple[str, ...]:
    """The classes of a data set before it is paired."""
    if isinstance(spec, Shifted):
        return _class_names(spec.base)
    if isinstance(spec, OwnPictures | OwnFeatures):
        from tlcore.data.own.library import find_own

        return find_own(spec.dataset)[1].classes
    name = getattr(spec, "dataset", spec.name)
    if name in ENTRIES and ENTRIES[name].class_names and not isinstance(spec, Moons):
        return ENTRIES[name].class_names
    from tlcore.data import load_dataset

    return load_dataset(spec, SEED).train.class_names
