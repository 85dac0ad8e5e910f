"""Columns of an own table as tasks: what each asks of an example, and what it says of which."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.data.own.limits import LONGEST_NAME

LABEL = "label"  # the task that the labels of the data set are
UNKNOWN = frozenset({"", "?", "na", "n/a", "nan", "none", "null", "-"})
MOST_COUNTED = 20
"""Different whole numbers that are still taken as classes; more of them, or fractions, are a quantity."""
MOST_CLASSES = 200
LONGEST_TASK = 40
SAYS_NOTHING = 0.5
"""Share of the known values that are all different, above which a column of words names examples and no classes."""


@dataclass(frozen=True)
class TaskColumn:
    """One column as a task. name: as a run names it; title: as the table does.

    class_names: empty for a quantity. values: (N,) float32; -1, or no number for a quantity, where nothing is said.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    values: npt.NDArray[np.float32]

    @property
    def known(self) -> int:
        """How many examples it says something of."""
        return int((self.values >= 0).sum() if self.class_names else np.isfinite(self.values).sum())


def task_columns(attributes: Mapping[str, Sequence[Any]]) -> list[TaskColumn]:
    """Those columns that can be learned, in their order: classes, and quantities.

    A column with one value alone, or with words that hardly ever come twice, is none.
    """
    found: list[TaskColumn] = []
    for title, column in attributes.items():
        texts = [_text(value) for value in column]
        name = _task_name(title, len(found), {one.name for one in found})
        numbers = [_number(text) for text in texts]
        known = [number for text, number in zip(texts, numbers, strict=True) if text]
        if known and all(number is not None for number in known):
            values = np.array([math.nan if number is None else number for number in numbers], np.float64)
            told = np.unique(values[np.isfinite(values)])
            if len(told) > 1 and (len(told) > MOST_COUNTED or bool((told != told.round()).any())):
                found.append(TaskColumn(name, title, (), values.astype(np.float32)))
                continue
            texts = ["" if number is None else str(int(number)) for number in numbers]
            classes = tuple(str(int(number)) for number in told)
        else:
            classes = tuple(sorted({text for text in texts if text}))
            if len(classes) > max(2.0, SAYS_NOTHING * sum(bool(text) for text in texts)):
                continue
        if 2 <= len(classes) <= MOST_CLASSES:
            place = {label: number for number, label in enumerate(classes)} | {"": -1}
            found.append(TaskColumn(name, title, classes, np.array([place[text] for text in texts], np.float32)))
    return found


def _text(value: Any) -> str:
    """A cell as text; empty where it says nothing."""
    text = str(value).strip()
    return "" if text.casefold() in UNKNOWN else text[:LONGEST_NAME]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _task_name(title: str, position: int, taken: set[str]) -> str:
    """The title in letters, digits, hyphens and underscores, as the names of metrics have them."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_")[:LONGEST_TASK] or f"task_{position + 2}"
    if name in taken or name == LABEL:
        name = f"{name[: LONGEST_TASK - 4]}_{position + 2}"
    return name
