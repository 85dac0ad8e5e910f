"""The evaluator: the only one who holds the held-out labels. It scores what a method predicts; it never trains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import singledispatchmethod
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional

from tlcore.analysis.confusion import confusion_counts
from tlcore.analysis.diagnosis import diagnose
from tlcore.analysis.proxy_a_distance import FEWEST_POINTS, proxy_a_distance
from tlcore.analysis.selection import information_maximisation, select, validation_accuracy
from tlcore.data.dataset import Dataset, PairData
from tlcore.runs.records import SOURCE, TARGET, Confusion, Notice, Probe, Series
from tlcore.training.context import DomainName, Part
from tlcore.training.events import Event, Features, Metrics, Outputs, TaskOutputs

# Rules that choose a step without a target label, each by the metric it maximises.
SELECTION_RULES = {
    "source_validation": "source_validation_accuracy",
    "information_maximisation": "target_information_maximisation",
}
FINAL_METRICS = (
    "source_accuracy", "target_accuracy", "target_train_accuracy", "domain_accuracy", "proxy_a_distance",
    "probe_domain_accuracy", "unseen_accuracy", "seen_accuracy", "generalised_unseen_accuracy", "harmonic_mean",
    "calibration_area", "hubness_skewness", "linear_probe_accuracy", "nearest_neighbours_accuracy",
    "fine_tune_accuracy", "effective_rank", "embedding_rank", "neighbour_agreement",
)  # fmt: skip
# Of each task of several, of each part of a network, and of clusters.
FINAL_FAMILIES = ("accuracy.", "r2.", "parameters.", "adjusted_mutual_information", "adjusted_rand_index")

Score = Metrics | Notice | Confusion
LARGEST_THUMBNAIL = 64  # pixels a side


class Evaluator(Protocol):
    """Whoever holds the labels that a method may not see."""

    def score(self, event: Event) -> Iterator[Score]:
        """What follows from an event for someone who knows the labels; nothing, for most events."""


class TaskEvaluator:
    """Scores tasks whose labels are learned from: on what was learned and on what was not, each task by itself."""

    def __init__(self, tasks: Mapping[tuple[DomainName, Part], Dataset]) -> None:
        self._tasks = {key: (data.labels.cpu().numpy(), len(data.class_names)) for key, data in tasks.items()}

    def score(self, event: Event) -> Iterator[Score]:
        """Accuracy and mean cross-entropy on each part; the confusion matrix on test examples."""
        if not isinstance(event, Outputs) or not np.isfinite(event.logits).all():
            return
        labels, classes = self._tasks[event.domain, event.part]
        name = event.domain if event.part == "test" else f"{event.domain}_{event.part}"
        predictions = event.logits.argmax(1)
        if isinstance(event, TaskOutputs):  # a variant of the model: what it would score
            yield Metrics(event.step, {f"{event.task}_accuracy": float((predictions == labels).mean())})
            return
        values = {f"{name}_accuracy": float((predictions == labels).mean())}
        yield Metrics(event.step, values | {f"{name}_cross_entropy": cross_entropy(event.logits, labels)})
        if event.part == "test":
            yield Confusion(event.step, event.domain, confusion_counts(labels, predictions, classes))


def cross_entropy(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    """Mean over examples of −log softmax(logits)[label], in nats. logits: (N, K)."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    chosen = np.take_along_axis(shifted, np.asarray(labels)[:, None], 1)[:, 0]
    return float((np.log(np.exp(shifted).sum(1)) - chosen).mean())


class PairEvaluator:
    """Turns outputs on a domain pair into accuracies, distances between the domains and notices."""

    def __init__(self, data: PairData, probe: Probe, *, steps: int, seed: int) -> None:
        self._labels: dict[tuple[str, str], npt.NDArray[np.int64]] = {
            (name, part): getattr(domain, part).labels.numpy()
            for name, domain in (("source", data.source), ("target", data.target))
            for part in ("validation", "test")
        }
        self._probe = probe
        self._class_count = len(data.class_names)
        self._steps = steps
        self._seed = seed
        self._latest: dict[str, float] = {}
        self._diagnosis: str | None = None

    @singledispatchmethod
    def score(self, event: Event) -> Iterator[Score]:
        """What follows from an event for someone who knows the labels; nothing, for most events."""
        return iter(())

    @score.register
    def _(self, event: Outputs) -> Iterator[Score]:
        labels = self._labels[event.domain, event.part]
        if not np.isfinite(event.logits).all():
            return
        if event.part == "test":
            predictions = event.logits.argmax(1)
            yield Metrics(event.step, {f"{event.domain}_accuracy": float((predictions == labels).mean())})
            yield Confusion(event.step, event.domain, confusion_counts(labels, predictions, self._class_count))
        elif event.domain == "source":
            yield Metrics(event.step, {SELECTION_RULES["source_validation"]: validation_accuracy(event.logits, labels)})
        else:
            # The target's validation labels exist but no rule may use them.
            score = information_maximisation(event.logits)
            yield Metrics(event.step, {SELECTION_RULES["information_maximisation"]: score})

    @score.register
    def _(self, event: Features) -> Iterator[Score]:
        if not np.isfinite(event.array).all():
            yield Notice(event.step, "warning", "features_not_finite", "Some features are not finite numbers.")
            return
        domains = self._probe.domains
        if min(int((domains == SOURCE).sum()), int((domains == TARGET).sum())) < FEWEST_POINTS:
            text = "There are too few test pictures to measure how far the domains are apart."
            yield Notice(event.step, "info", "too_few_for_distance", text)
            return
        distance = proxy_a_distance(event.array[domains == SOURCE], event.array[domains == TARGET], self._seed)
        values = {"proxy_a_distance": distance.distance, "probe_domain_accuracy": distance.accuracy}
        self._latest.update(values)
        yield Metrics(event.step, values)

    @score.register
    def _(self, event: Metrics) -> Iterator[Score]:
        self._latest.update(event.values)
        if "domain_accuracy" not in event.values or event.step == 0:
            return
        latest = self._latest
        diagnosis = diagnose(
            latest["domain_accuracy"],
            latest.get("domain_loss", math.nan),
            latest.get("domain_head_gradient_norm", math.nan),
            latest.get("probe_domain_accuracy"),
            latest.get("grl_lambda", math.nan),
            event.step / self._steps,
        )
        code = diagnosis.code if diagnosis else None
        if diagnosis and code != self._diagnosis:
            yield Notice(event.step, diagnosis.level, diagnosis.code, diagnosis.text)
        self._diagnosis = code


def summarise_run(metrics: Mapping[str, Series]) -> dict[str, float]:
    """The figures a run is compared by: its final model, the models honest rules choose, and the oracle.

    `target_accuracy_by_RULE` is the target accuracy at the step that a rule without target labels chooses, with
    `selected_step_by_RULE`. `target_accuracy_oracle` is the best over all evaluations: an upper bound that nobody
    without target labels could have chosen.
    """
    summary = {name: float(metrics[name].values[-1]) for name in FINAL_METRICS if name in metrics}
    families = (name for name in sorted(metrics) if name.startswith(FINAL_FAMILIES))
    summary |= {name: float(metrics[name].values[-1]) for name in families}
    target = metrics.get("target_accuracy")
    if target is None:
        return summary
    by_step = dict(zip(*_points(target), strict=True))
    for rule, name in SELECTION_RULES.items():
        if name not in metrics:
            continue
        # A step whose test outputs were no numbers has no accuracy, so it cannot be reported.
        scores = {step: score for step, score in zip(*_points(metrics[name]), strict=True) if step in by_step}
        if scores:
            chosen = select(list(scores), list(scores.values()))
            summary[f"selected_step_by_{rule}"] = float(chosen)
            summary[f"target_accuracy_by_{rule}"] = by_step[chosen]
    summary["target_accuracy_oracle"] = float(np.nanmax(target.values))
    return summary


def _points(series: Series) -> tuple[list[int], list[float]]:
    return series.steps.tolist(), series.values.tolist()


def choose_task_probe(task: Dataset, count: int, seed: int, domain: int = TARGET) -> tuple[Probe, torch.Tensor]:
    """Probe points from one task's test examples, balanced over its classes, and their inputs (N, …)."""
    indices = choose_balanced(task, count, seed)
    inputs, labels = task.inputs[indices], task.labels[indices].numpy().astype(np.int16)
    thumbnails = thumbnails_of(inputs)
    return Probe(labels, np.full(len(indices), domain, np.int8), task.class_names, thumbnails), inputs


def choose_balanced(task: Dataset, count: int, seed: int) -> torch.Tensor:
    """Indices (M,) of up to `count` examples, balanced over the classes, class after class."""
    generator = torch.Generator().manual_seed(seed)
    return torch.cat(_balanced(task, max(1, count // len(task.class_names)), generator))


def thumbnails_of(inputs: torch.Tensor) -> npt.NDArray[np.uint8] | None:
    """Pictures (N, C, H, W) small enough to be kept with each run; None for what are no pictures."""
    if inputs.dtype != torch.uint8:
        return None
    stride = -(-max(inputs.shape[2:]) // LARGEST_THUMBNAIL)
    if stride == 1:
        return np.asarray(inputs.numpy())
    return np.asarray(functional.avg_pool2d(inputs.float(), stride).round().to(torch.uint8).numpy())


def _balanced(data: Dataset, per_class: int, generator: torch.Generator) -> list[torch.Tensor]:
    """For each class up to `per_class` indices (M,), drawn by the generator."""
    picks = []
    for label in range(len(data.class_names)):
        members = torch.nonzero(data.labels == label).flatten()
        picks.append(members[torch.randperm(len(members), generator=generator)[:per_class]])
    return picks


def choose_probe(data: PairData, count: int, seed: int) -> tuple[Probe, torch.Tensor]:
    """Probe points from the test parts, balanced over domains and classes, and their inputs (N, …)."""
    chosen: list[torch.Tensor] = []
    generator = torch.Generator().manual_seed(seed)
    for domain in (data.source, data.target):
        chosen.append(torch.cat(_balanced(domain.test, max(1, count // (2 * len(data.class_names))), generator)))
    tests = (data.source.test, data.target.test)
    inputs = torch.cat([test.inputs[indices] for test, indices in zip(tests, chosen, strict=True)])
    labels = torch.cat([test.labels[indices] for test, indices in zip(tests, chosen, strict=True)])
    domains = np.repeat(np.asarray([SOURCE, TARGET], np.int8), [len(indices) for indices in chosen])
    return Probe(labels.numpy().astype(np.int16), domains, data.class_names, thumbnails_of(inputs)), inputs
