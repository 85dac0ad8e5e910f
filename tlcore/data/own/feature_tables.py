"""Features as they were found in a file: how many, of which classes, and how to read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tlcore.data.own.layout import PARTS, composed, require_names_apart
from tlcore.data.own.limits import LONGEST_NAME, MOST_CLASSES, MOST_EXAMPLES, MOST_FEATURES, MOST_VALUES
from tlcore.data.own.places import shown
from tlcore.errors import InvalidRequest

Sink = Callable[[np.ndarray], None]


@dataclass(frozen=True)
class FeatureTable:
    """Features as found, their numbers not yet read.

    labels: for each of `count` examples the position of its class in `classes`; domain_of and parts likewise, empty
    where nothing is said. read: hands the rows to a sink, block by block, (n, width) float32. attributes: further
    columns by name, a value for each example.
    """

    title: str
    count: int
    width: int
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    read: Callable[[Sink], None]
    domains: tuple[str, ...] = ("",)
    domain_of: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    partitions: dict[str, list[int]] = field(default_factory=dict)
    attributes_of_classes: list[list[float]] = field(default_factory=list)
    described_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    attributes: dict[str, list[Any]] = field(default_factory=dict)


def require_shape(shape: Sequence[int], dtype: np.dtype[Any], title: str) -> tuple[int, int]:
    """Examples and features, if they are as many as can be used. Raises InvalidRequest."""
    if len(shape) != 2 or dtype.kind not in "fiub":
        raise InvalidRequest(f"The features of {shown(title)} must be numbers, one row an example, not {tuple(shape)}.")
    count, width = shape
    if count < 2 or width < 1:
        raise InvalidRequest(f"{shown(title)} has {count:,} examples of {width:,} features: too few to learn from.")
    if count > MOST_EXAMPLES or width > MOST_FEATURES or count * width > MOST_VALUES:
        raise InvalidRequest(
            f"{shown(title)} has {count:,} examples of {width:,} features; at most {MOST_EXAMPLES:,} examples, "
            f"{MOST_FEATURES:,} features and {MOST_VALUES:,} numbers are read."
        )
    return count, width


def assemble(
    title: str,
    count: int,
    width: int,
    read: Callable[[Sink], None],
    labels: np.ndarray,
    domains: np.ndarray | None,
    parts: np.ndarray | None,
    class_names: np.ndarray | None,
    notes: tuple[str, ...] = (),
) -> FeatureTable:
    """Check that everything has a value for each example; number classes and domains. Raises InvalidRequest."""
    given = (("labels", labels), ("domains", domains), ("splits", parts))
    for what, values in given:
        if values is not None and len(values) != count:
            raise InvalidRequest(f"{shown(title)} has {len(values):,} {what} for {count:,} examples.")
    if class_names is not None:
        names = tuple(composed(text) for text in _texts(class_names))
        numbers = _whole_numbers(labels, title)
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= len(names)):
            raise InvalidRequest(
                f"{shown(title)} has labels from {numbers.min()} to {numbers.max()} for {len(names)} class names; they "
                "must be 0 and up, one for each name."
            )
        classes, label_of = names, tuple(numbers.tolist())
    else:
        classes, label_of = numbered(labels)
    if len(set(classes)) < 2 or len(set(label_of)) < 2:
        raise InvalidRequest(f"{shown(title)} has only one class: there must be at least two to tell apart.")
    if len(set(classes)) < len(classes) or len(classes) > MOST_CLASSES:
        raise InvalidRequest(f"{shown(title)} has two classes of one name, or more than {MOST_CLASSES:,}.")
    require_names_apart(classes)
    if any(len(name) > LONGEST_NAME or not name.isprintable() or not name for name in classes):
        raise InvalidRequest(f"{shown(title)} has a class with a name that cannot be shown.")
    domain_names, domain_of = numbered(domains) if domains is not None else (("",), (0,) * count)
    part_of: tuple[str, ...] = ()
    if parts is not None:
        texts = [text.strip().lower() for text in _texts(parts)]
        wrong = next((text for text in texts if text not in PARTS), None)
        if wrong is not None:
            raise InvalidRequest(f"{shown(title)} has the split “{shown(wrong, 40)}” instead of train, val or test.")
        part_of = tuple(PARTS[text] for text in texts)
    return FeatureTable(title, count, width, classes, label_of, read, domain_names, domain_of, part_of, notes=notes)


def numbered(values: np.ndarray) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The different values as names, numbers in their own order, and for each value the position of its name."""
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == values.round()).all():
        values = values.astype(np.int64)
    different, positions = np.unique(values, return_inverse=True)
    return tuple(composed(text) for text in _texts(different)), tuple(positions.ravel().tolist())


def _whole_numbers(values: np.ndarray, title: str) -> np.ndarray:
    if values.dtype.kind not in "iufb" or (values != values.astype(np.int64)).any():
        raise InvalidRequest(f"{shown(title)} has class names, so its labels must be whole numbers.")
    return values.astype(np.int64)


def _texts(values: np.ndarray) -> list[str]:
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values.ravel().tolist()
    ]
