"""The evaluator: the only one who holds the held-out labels. It scores what a method predicts; it never trains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import singledispatchmethod

import numpy as np
import numpy.typing as npt
import torch

from tlcore.analysis.confusion import confusion_counts
from tlcore.analysis.diagnosis import diagnose
from tlcore.analysis.proxy_a_distance import FEWEST_POINTS, proxy_a_distance
from tlcore.analysis.selection import information_maximisation, select, validation_accuracy
from tlcore.data.dataset import PairData
from tlcore.runs.records import SOURCE, TARGET, Confusion, Notice, Probe, Series
from tlcore.training.events import Event, Features, Metrics, Outputs

# Rules that choose a step without a target label, each by the metric it maximises.
SELECTION_RULES = {
    "source_validation": "source_validation_accuracy",
    "information_maximisation": "target_information_maximisation",
}
FINAL_METRICS = ("source_accuracy", "target_accuracy", "domain_accuracy", "proxy_a_distance", "probe_domain_accuracy")

Score = Metrics | Notice | Confusion


class Evaluator:
    """Turns a method's outputs into accuracies, distances between domains and notices."""

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


def choose_probe(data: PairData, count: int, seed: int) -> tuple[Probe, torch.Tensor]:
    """Probe points from the test parts, balanced over domains and classes, and their inputs (N, …)."""
    chosen: list[torch.Tensor] = []
    generator = torch.Generator().manual_seed(seed)
    for domain in (data.source, data.target):
        per_class = max(1, count // (2 * len(data.class_names)))
        picks = []
        for label in range(len(data.class_names)):
            members = torch.nonzero(domain.test.labels == label).flatten()
            picks.append(members[torch.randperm(len(members), generator=generator)[:per_class]])
        chosen.append(torch.cat(picks))
    tests = (data.source.test, data.target.test)
    inputs = torch.cat([test.inputs[indices] for test, indices in zip(tests, chosen, strict=True)])
    labels = torch.cat([test.labels[indices] for test, indices in zip(tests, chosen, strict=True)])
    domains = np.repeat(np.asarray([SOURCE, TARGET], np.int8), [len(indices) for indices in chosen])
    thumbnails = inputs.numpy() if inputs.dtype == torch.uint8 else None
    return Probe(labels.numpy().astype(np.int16), domains, data.class_names, thumbnails), inputs
