"""Pictures without labels to learn from, and the evaluator who alone knows what the target's test pictures show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tlcore.analysis.clustering import Clustering, agreement, best_of, chance_level
from tlcore.analysis.effective_rank import effective_rank
from tlcore.analysis.neighbours import neighbour_agreement
from tlcore.data.dataset import Dataset, Unlabelled
from tlcore.data.folder import Report
from tlcore.data.load import load_dataset, title_of
from tlcore.data.pairing import like
from tlcore.data.randomness import generator_for
from tlcore.errors import InvalidRequest
from tlcore.runs.records import Notice, Probe
from tlcore.specs import RunSpec, UnlabelledTask
from tlcore.training.context import Context, TrainingData
from tlcore.training.evaluation import Evaluator, Score, choose_task_probe
from tlcore.training.events import Event, Features, Metrics, TaskOutputs

COLLAPSED = 2.5
"""An effective rank below this is called a collapse: hardly more than two directions are left."""


@dataclass(frozen=True)
class UnlabelledData(TrainingData):
    """What a method without labels sees: pictures, and nothing that says what they show.

    source_pictures: of the source. target_pictures: of the target; either may be empty. The fields that hold labels
    elsewhere, `source` and `target`, are empty.
    """

    source_pictures: Unlabelled
    target_pictures: Unlabelled


def unlabelled_data(context: Context) -> UnlabelledData:
    """The context's data. Raises TypeError where they are of another kind."""
    if not isinstance(context.data, UnlabelledData):
        raise TypeError("this method needs pictures without labels")
    return context.data


def load_unlabelled(spec: RunSpec, report: Report | None) -> tuple[UnlabelledData, Evaluator, Probe, tuple[str, ...]]:
    """Load source and target and throw the labels away; those of the target's test pictures go to the evaluator.

    Returns what the method sees, the evaluator, the probe points, and notes on what was done to the data. Raises
    MissingData; InvalidRequest where source and target do not fit together, or are no pictures.
    """
    task = spec.data
    assert isinstance(task, UnlabelledTask)
    notes: tuple[str, ...] = ()
    target = load_dataset(task.target, spec.seed, report=report)
    nothing = target.train.subset(torch.arange(0))
    source = nothing.unlabelled()
    if task.source is not None:
        learned = load_dataset(task.source, spec.seed, report=report).train
        shape = tuple(learned.inputs.shape[1:])
        if len(shape) != 3:
            raise InvalidRequest(f"Self-taught learning needs pictures: {title_of(task.source)} holds none.")
        if task.backdrop == "photographs":
            shape = (3, *shape[1:])
        target, notes = like(target, shape, title_of(task.source), title_of(task.target))
        nothing, source = target.train.subset(torch.arange(0)), learned.unlabelled()
    chosen = _some(target.train, task.target_pictures, spec.seed)
    # Two pictures made from one original would find each other, and that would say nothing about classes.
    probe, probe_inputs = choose_task_probe(one_of_each(target.test), spec.budget.probe_points, spec.seed)
    visible = UnlabelledData(
        source=nothing,
        target=Unlabelled(nothing.inputs),
        held_out={},
        probe=probe_inputs,
        class_count=max(1, task.clusters),
        source_pictures=source,
        target_pictures=chosen,
    )
    return visible, UnlabelledEvaluator(probe, task, spec), probe, notes


def _some(data: Dataset, count: int, seed: int) -> Unlabelled:
    """`count` pictures drawn at random, whatever they show; of fewer, more contain the fewer."""
    order = torch.randperm(len(data), generator=generator_for("pictures without labels", seed))
    return data.subset(order[:count].sort().values).unlabelled()


def one_of_each(data: Dataset) -> Dataset:
    """The first example of each original."""
    _, places = data.identities.unique(return_inverse=True)
    first = torch.full((int(places.max()) + 1,), len(data)).scatter_reduce(0, places, torch.arange(len(data)), "amin")
    return data.subset(first.sort().values)


class UnlabelledEvaluator:
    """Scores features of the target's test pictures: how many dimensions they use, whether neighbours show the same,
    and how far clusters agree with classes."""

    def __init__(self, probe: Probe, task: UnlabelledTask, spec: RunSpec) -> None:
        self._labels = probe.labels.astype(np.int64)
        self._initialisations = task.initialisations
        self._seed = spec.seed
        self._last = spec.budget.steps
        self._found: list[Clustering] = []
        self._collapsed = False

    def score(self, event: Event) -> Iterator[Score]:
        """What follows from an event for someone who knows the labels; nothing, for most events."""
        if isinstance(event, Features):
            yield from self._of_features(event)
        elif isinstance(event, TaskOutputs) and np.isfinite(event.logits).all():
            self._found.append(Clustering(-event.logits))
            if len(self._found) == self._initialisations:
                yield from self._of_clusters(event.step)
                self._found = []

    def _of_features(self, event: Features) -> Iterator[Score]:
        if not np.isfinite(event.array).all():
            yield Notice(event.step, "warning", "features_not_finite", "Some features are not finite numbers.")
            return
        rank, width = effective_rank(event.array), event.array.shape[1]
        agreeing = neighbour_agreement(event.array, self._labels)
        yield Metrics(event.step, {"effective_rank": rank, "neighbour_agreement": agreeing})
        collapsed = rank < COLLAPSED
        if collapsed and not self._collapsed and event.step:
            text = (
                f"The features have collapsed: their effective rank is {rank:.1f} of {width}. All pictures look nearly "
                f"alike to this network, and a loss that only asks two views to agree is content with that."
            )
            yield Notice(event.step, "warning", "collapse", text)
        self._collapsed = collapsed

    def _of_clusters(self, step: int) -> Iterator[Score]:
        scored = [agreement(one.assigned, self._labels) for one in self._found]
        chosen = best_of(self._found)
        values: dict[str, float] = {}
        for name in ("adjusted_mutual_information", "adjusted_rand_index"):
            every = [getattr(one, name) for one in scored]
            values |= {
                name: every[chosen],
                f"{name}.mean": float(np.mean(every)),
                f"{name}.lowest": min(every),
                f"{name}.highest": max(every),
            }
        if step in (0, self._last):
            chance = chance_level(self._found[chosen].assigned, self._labels, self._seed)
            values["adjusted_mutual_information.chance"] = chance.adjusted_mutual_information
            values["adjusted_rand_index.chance"] = chance.adjusted_rand_index
        yield Metrics(step, values)
