"""Data of two tasks that need not have the same classes: one with plenty of labels, one with few."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tlcore.specs.base import Spec, parameter
from tlcore.specs.data import DatasetSpec, PhotoDigits
from tlcore.specs.glyphs import Glyphs


class SourceTask(Spec):
    """The task that is learned first, from all of its labels."""

    kind: Literal["source_task"] = "source_task"
    source: DatasetSpec = Field(default_factory=Glyphs, description="The data with plenty of labels.")


class TaskPair(Spec):
    """A target task with few labels and the source task learned before it. Their classes may differ."""

    kind: Literal["task_pair"] = "task_pair"
    source: DatasetSpec | None = Field(
        None, description="The data that were learned from before; none where nothing was, or nobody has them."
    )
    target: DatasetSpec = Field(default_factory=PhotoDigits, description="The data the model should work on.")
    labels_per_class: int = parameter(
        0, "Labelled target examples of each class to learn from; 0: all there are.", ge=0, le=100_000, by_arm=True
    )
