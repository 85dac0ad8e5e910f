"""Several tasks of the same examples: which labels there are, how they are scored, what a method sees of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from tlcore.analysis.confusion import confusion_counts
from tlcore.data.dataset import Dataset
from tlcore.data.randomness import generator_for
from tlcore.data.two_digits import QUANTITIES
from tlcore.errors import InvalidRequest
from tlcore.runs.records import Confusion
from tlcore.specs import ManyTasks
from tlcore.training.context import TrainingData
from tlcore.training.evaluation import Score, cross_entropy
from tlcore.training.events import Event, Metrics, Outputs, TaskOutputs

MISSING = -1.0


@dataclass(frozen=True)
class Task:
    """One task. classes: how many it has; 0 for a quantity, whose squared error is the loss."""

    name: str
    classes: int

    @property
    def outputs(self) -> int:
        """How many numbers its head gives."""
        return self.classes or 1

    def loss(self, answers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean over the labelled examples of cross-entropy or squared error; 0 where none is labelled.

        answers: (N, outputs). labels: (N,) float32; what is missing (−1, or no number for quantities) adds nothing.
        """
        known = self.known(labels)
        count = known.sum().clamp_min(1)
        if self.classes:
            targets = torch.where(known, labels, MISSING).long()
            return functional.cross_entropy(answers.float(), targets, ignore_index=-1, reduction="sum") / count
        errors = answers[:, 0].float() - torch.nan_to_num(labels)
        return torch.where(known, errors.square(), 0.0).sum() / count

    def known(self, labels: torch.Tensor) -> torch.Tensor:
        """Which labels (N,) are there, (N,) bool."""
        return labels >= 0 if self.classes else labels.isfinite()


@dataclass(frozen=True)
class ManyTasksData(TrainingData):
    """tasks: those that are learned, the main one first. labels: (N, T) float32 of the examples to learn from, in their
    order; −1, or no number for a quantity, where there is none. main: (M,) int64, examples with the main task's label.
    """

    tasks: tuple[Task, ...]
    labels: torch.Tensor
    main: torch.Tensor


def tasks_of(data: Dataset, names: tuple[str, ...]) -> tuple[tuple[Task, ...], torch.Tensor]:
    """The tasks called `names` and their labels (N, T). Raises InvalidRequest where the data have no such task."""
    table = {"label": data.labels.float()}
    if data.attributes is not None:
        table |= dict(zip(data.attribute_names, data.attributes.float().unbind(1), strict=True))
    for name in names:
        if name not in table:
            known = ", ".join(list(table)[:12])
            more = " …" if len(table) > 12 else ""
            raise InvalidRequest(f"These data have no task “{name}”; there are {known}{more}.")
    tasks, columns = [], []
    for name in names:
        labels = table[name]
        whole = labels.isfinite().all() and bool((labels == labels.round()).all())
        quantity = name in QUANTITIES or not whole
        # The classes of the digits are those of the labels; other tasks have as many as their largest label tells.
        classes = 0 if quantity else max(2, int(labels.max()) + 1)
        tasks.append(Task(name, len(data.class_names) if name == "label" else classes))
        columns.append(labels)
    return tuple(tasks), torch.stack(columns, 1)


def hide_labels(labels: torch.Tensor, tasks: tuple[Task, ...], spec: ManyTasks, seed: int) -> torch.Tensor:
    """The same labels (N, T) with as many left as the spec allows each task, drawn by the seed; more of them contain
    the fewer. Of the main task each class keeps its share."""
    left = labels.clone()
    for column, task in enumerate(tasks):
        wanted = spec.companion_labels if column else spec.main_labels
        if not wanted or wanted >= len(labels):
            continue
        generator = generator_for("labels of a task", task.name, seed)
        order = torch.randperm(len(labels), generator=generator)
        if task.classes:  # one of each class after another
            own = labels[order, column].long()
            rank = torch.empty(len(own), dtype=torch.int64)
            for label in own.unique():
                rank[own == label] = torch.arange(int((own == label).sum()))
            order = order[rank.argsort(stable=True)]
        left[order[wanted:], column] = MISSING if task.classes else torch.nan
    return left


class ManyTasksEvaluator:
    """Scores each task by itself on the test examples: `accuracy.TASK`, or `r2.TASK` for a quantity; the main task's
    besides as `target_accuracy`."""

    def __init__(self, tasks: tuple[Task, ...], labels: torch.Tensor) -> None:
        self._labels = {task.name: (task, labels[:, column].numpy()) for column, task in enumerate(tasks)}
        self._main = tasks[0].name

    def score(self, event: Event) -> Iterator[Score]:
        """Accuracy and mean cross-entropy, or the share of the variance that is explained."""
        if not isinstance(event, Outputs) or event.part != "test" or not np.isfinite(event.logits).all():
            return
        name = event.task if isinstance(event, TaskOutputs) else self._main
        task, labels = self._labels[name]
        if not task.classes:
            known = np.isfinite(labels)
            error = np.square(event.logits[known, 0] - labels[known]).mean()
            yield Metrics(event.step, {f"r2.{name}": float(1 - error / labels[known].var())})
            return
        known = labels >= 0
        own, predictions = labels[known].astype(np.int64), event.logits[known].argmax(1)
        values = {f"accuracy.{name}": float((predictions == own).mean())}
        if name == self._main:
            values["target_accuracy"] = values[f"accuracy.{name}"]
            values["target_cross_entropy"] = cross_entropy(event.logits[known], own)
            yield Confusion(event.step, "target", confusion_counts(own, predictions, task.classes))
        yield Metrics(event.step, values)


def task_sizes(labels: torch.Tensor, tasks: tuple[Task, ...]) -> Mapping[str, int]:
    """How many labels (N, T) each task has, by its name."""
    return {task.name: int(task.known(labels[:, column]).sum()) for column, task in enumerate(tasks)}
