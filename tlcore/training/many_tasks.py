"""Several tasks of the same examples: which labels there are, how they are scored, what a method sees of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional

from tlcore.analysis.confusion import confusion_counts
from tlcore.data.dataset import Dataset
from tlcore.data.own.columns import LABEL
from tlcore.data.randomness import generator_for
from tlcore.errors import InvalidRequest
from tlcore.runs.records import TARGET, Confusion, Probe, TaskLabels
from tlcore.specs import ManyTasks, RunSpec
from tlcore.training.context import TrainingData
from tlcore.training.evaluation import Score, choose_balanced, cross_entropy, thumbnails_of
from tlcore.training.events import Event, Metrics, Outputs, TaskOutputs

MISSING = -1.0
NAMED = 8  # tasks in one sentence
BANDS = 5  # into which a quantity is divided where points are coloured by it


@dataclass(frozen=True)
class Task:
    """One task. class_names: empty for a quantity, whose squared error is the loss."""

    name: str
    class_names: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """How many classes it has; 0 for a quantity."""
        return len(self.class_names)

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
    table = {LABEL: (data.labels.float(), data.class_names)}
    if data.attributes is not None:
        columns = zip(data.attributes.float().unbind(1), data.attribute_classes, strict=True)
        table = dict(zip(data.attribute_names, columns, strict=True)) | table
    for name in names:
        if name not in table:
            known = ", ".join(list(table)[:12])
            more = " …" if len(table) > 12 else ""
            raise InvalidRequest(f"These data have no task “{name}”; there are {known}{more}.")
    return tuple(Task(name, table[name][1]) for name in names), torch.stack([table[name][0] for name in names], 1)


def in_standard_units(labels: torch.Tensor, tasks: tuple[Task, ...], learned: torch.Tensor) -> torch.Tensor:
    """The labels (N, T) with each quantity less its mean over those learned from, in their standard deviations: a
    squared error then weighs as much whatever the unit."""
    told = labels.clone()
    for column, task in enumerate(tasks):
        known = learned[task.known(learned[:, column]), column]
        if not task.classes and len(known):
            told[:, column] = (told[:, column] - known.mean()) / known.std(correction=0).clamp_min(1e-6)
    return told


def hide_labels(labels: torch.Tensor, tasks: tuple[Task, ...], spec: ManyTasks, seed: int) -> torch.Tensor:
    """The same labels (N, T) with as many left as the spec allows each task, drawn by the seed; more of them contain
    the fewer. Of the main task each class keeps its share."""
    left = labels.clone()
    for column, task in enumerate(tasks):
        wanted = spec.companion_labels if column else spec.main_labels
        known = task.known(labels[:, column])
        if not wanted or wanted >= int(known.sum()):
            continue
        generator = generator_for("labels of a task", task.name, seed)
        order = torch.randperm(len(labels), generator=generator)
        order = order[known[order]]
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
        known = np.isfinite(labels) if not task.classes else labels >= 0
        if not known.any():  # of the examples to test on, none says anything
            return
        if not task.classes:
            error = np.square(event.logits[known, 0] - labels[known]).mean()
            yield Metrics(event.step, {f"r2.{name}": float(1 - error / max(labels[known].var(), 1e-12))})
            return
        own, predictions = labels[known].astype(np.int64), event.logits[known].argmax(1)
        values = {f"accuracy.{name}": float((predictions == own).mean())}
        if name == self._main:
            values["target_accuracy"] = values[f"accuracy.{name}"]
            values["target_cross_entropy"] = cross_entropy(event.logits[known], own)
            yield Confusion(event.step, "target", confusion_counts(own, predictions, task.classes))
        yield Metrics(event.step, values)


def task_labels(task: Task, labels: torch.Tensor) -> TaskLabels:
    """What points are coloured by: the classes, or the fifths of a quantity, of labels (N,) that are tested on."""
    known = task.known(labels)
    if task.classes:
        return TaskLabels(task.name, torch.where(known, labels, MISSING).numpy().astype(np.int16), task.class_names)
    values = labels.numpy().astype(np.float64)
    edges = np.unique(np.quantile(values[known.numpy()], np.linspace(0, 1, BANDS + 1)))
    names = tuple(f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)) or (f"{edges[0]:.3g}",)
    bands = np.searchsorted(edges[1:-1], values, side="right")
    return TaskLabels(task.name, np.where(known.numpy(), bands, -1).astype(np.int16), names)


def many_tasks_probe(
    test: Dataset, tasks: tuple[Task, ...], labels: torch.Tensor, spec: RunSpec
) -> tuple[Probe, torch.Tensor]:
    """Probe points and their inputs (N, …), the same for whatever tasks of the data, with the labels (N, T) of each.

    Where the main task is unknown for a point, it is left out: only what has a class can be right or wrong.
    """
    told = [task_labels(task, labels[:, column]) for column, task in enumerate(tasks)]
    known = torch.from_numpy(told[0].labels >= 0).nonzero().flatten()
    if not len(known):
        raise InvalidRequest(f"No example to test on has a label of “{tasks[0].name}”.")
    indices = known[choose_balanced(test.subset(known), spec.budget.probe_points, spec.seed)]
    inputs, chosen = test.inputs[indices], indices.numpy()
    main, *others = [replace(one, labels=one.labels[chosen]) for one in told]
    domains = np.full(len(indices), TARGET, np.int8)
    probe = Probe(main.labels, domains, main.class_names, thumbnails_of(inputs), main.task, tuple(others))
    return probe, inputs


def label_notes(labels: torch.Tensor, tasks: tuple[Task, ...]) -> tuple[str, ...]:
    """How many labels (N, T) of each task are learned from, where some of them are missing."""
    counts = [int(task.known(labels[:, column]).sum()) for column, task in enumerate(tasks)]
    if min(counts) == len(labels):
        return ()
    told = ", ".join(f"{task.name} {count:,}" for task, count in zip(tasks[:NAMED], counts, strict=False))
    more = f" and {len(tasks) - NAMED} more tasks" if len(tasks) > NAMED else ""
    return (f"Labels to learn from: {told}{more}, of {len(labels):,} examples.",)
