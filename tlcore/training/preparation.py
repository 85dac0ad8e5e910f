"""From a spec to everything its training needs: data on the device, probe points, evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch

from tlcore.data import load_pair
from tlcore.data.dataset import Dataset, Domain, Unlabelled, joined
from tlcore.data.few_shot import few_shot
from tlcore.data.halves import load_half
from tlcore.data.load import load_task_domains
from tlcore.runs.records import SOURCE, TARGET, Probe
from tlcore.specs import ClassHalf, DomainPair, ManyTasks, RunSpec, SourceTask, TaskPair, ZeroShotTask
from tlcore.training.context import Cadence, Context, DomainName, Part, TrainingData
from tlcore.training.evaluation import Evaluator, PairEvaluator, TaskEvaluator, choose_probe, choose_task_probe
from tlcore.training.many_tasks import (
    ManyTasksData,
    ManyTasksEvaluator,
    hide_labels,
    in_standard_units,
    label_notes,
    many_tasks_probe,
    tasks_of,
)
from tlcore.training.unlabelled import UnlabelledData, load_unlabelled
from tlcore.training.zero_shot_data import choose_zero_shot_probe, load_zero_shot, visible_part
from tlcore.training.zero_shot_evaluation import ZeroShotEvaluator

Report = Callable[[str, float], None]
MOST_COMPARED = 1000  # examples learned from, on which the model is also tested


@dataclass(frozen=True)
class Prepared:
    """A run about to start. notes: what was done to bring its data together, one sentence each."""

    context: Context
    evaluator: Evaluator
    probe: Probe
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """A run's data on the CPU: what the method may see, and what the evaluator keeps."""

    visible: TrainingData
    evaluator: Evaluator
    probe: Probe
    notes: tuple[str, ...] = ()


def prepare(
    spec: RunSpec,
    *,
    device: torch.device,
    precision: torch.dtype,
    start_weights: Mapping[str, torch.Tensor] | None = None,
    resume_state: Mapping[str, torch.Tensor] | None = None,
    report: Report | None = None,
) -> Prepared:
    """Load and split the data, put on the device what the method may see, and keep the labels with the evaluator.

    Raises:
        MissingData: files are not there; the message says which and how to get them.
        InvalidRequest: the data sets do not fit together, or there is nothing to learn from.
    """
    loaded = LOADERS[spec.data.kind](spec, report)
    context = Context(
        device=device,
        precision=precision,
        data=_on_device(loaded.visible, device),
        cadence=Cadence.of(spec.budget),
        start_weights=start_weights,
        resume_state=resume_state,
    )
    return Prepared(context, loaded.evaluator, loaded.probe, loaded.notes)


def _load_domain_pair(spec: RunSpec, report: Report | None) -> Loaded:
    assert isinstance(spec.data, DomainPair)
    data = load_pair(spec.data, spec.seed, report=report)
    probe, probe_inputs = choose_probe(data, spec.budget.probe_points, spec.seed)
    domains: dict[DomainName, Domain] = {"source": data.source, "target": data.target}
    parts: tuple[Part, ...] = ("validation", "test")
    visible = TrainingData(
        source=data.source.train,
        target=data.target.train if spec.method.reads_target_labels else data.target.train.unlabelled(),
        held_out={(name, part): getattr(domain, part).inputs for name, domain in domains.items() for part in parts},
        probe=probe_inputs,
        class_count=len(data.class_names),
    )
    evaluator = PairEvaluator(data, probe, steps=spec.budget.steps, seed=spec.seed)
    return Loaded(visible, evaluator, probe, data.notes)


def _load_source_task(spec: RunSpec, report: Report | None) -> Loaded:
    assert isinstance(spec.data, SourceTask)
    source, _, notes = load_task_domains(spec.data.source, None, spec.seed, report=report)
    assert source is not None
    probe, probe_inputs = choose_task_probe(source.test, spec.budget.probe_points, spec.seed, SOURCE)
    scored: dict[tuple[DomainName, Part], Dataset] = {("source", "test"): source.test}
    visible = TrainingData(
        source=source.train,
        target=Unlabelled(source.train.inputs[:0]),
        held_out={key: data.inputs for key, data in scored.items()},
        probe=probe_inputs,
        class_count=len(source.train.class_names),
    )
    return Loaded(visible, TaskEvaluator(scored), probe, notes)


def _load_task_pair(spec: RunSpec, report: Report | None) -> Loaded:
    """Of the source the method sees only pictures it is tested on: its labels were learned from before."""
    assert isinstance(spec.data, TaskPair)
    source, target, notes = load_task_domains(spec.data.source, spec.data.target, spec.seed, report=report)
    assert target is not None
    # No rule chooses by the validation part here, so its labels are learned from as well.
    labelled = joined(target.train, target.validation)
    chosen = few_shot(labelled, spec.data.labels_per_class or None, spec.seed)
    compared = chosen.data.subset(torch.arange(min(len(chosen.data), MOST_COMPARED)))
    scored: dict[tuple[DomainName, Part], Dataset] = {("target", "test"): target.test, ("target", "train"): compared}
    if source is not None:
        scored["source", "test"] = source.test
    probe, probe_inputs = choose_task_probe(target.test, spec.budget.probe_points, spec.seed, TARGET)
    visible = TrainingData(
        source=target.train.subset(torch.arange(0)),
        target=chosen.data,
        held_out={key: data.inputs for key, data in scored.items()},
        probe=probe_inputs,
        class_count=len(target.train.class_names),
    )
    return Loaded(visible, TaskEvaluator(scored), probe, (*notes, *chosen.notes))


def _load_class_half(spec: RunSpec, report: Report | None) -> Loaded:
    """The half that is learned; of the other half's pictures the method sees none."""
    assert isinstance(spec.data, ClassHalf)
    half = load_half(spec.data, spec.seed, report=report)
    probe, probe_inputs = choose_task_probe(half.test, spec.budget.probe_points, spec.seed, TARGET)
    visible = TrainingData(
        source=half.train.subset(torch.arange(0)),
        target=half.train,
        held_out={("target", "test"): half.test.inputs},
        probe=probe_inputs,
        class_count=len(half.train.class_names),
    )
    return Loaded(visible, TaskEvaluator({("target", "test"): half.test}), probe)


def _load_zero_shot(spec: RunSpec, report: Report | None) -> Loaded:
    """The unseen classes' labels stay with the evaluator, and of their pictures there are none to learn from."""
    assert isinstance(spec.data, ZeroShotTask)
    data = load_zero_shot(spec.data, spec.seed, report)
    probe, probe_inputs = choose_zero_shot_probe(data, spec.budget.probe_points, spec.seed)
    judge = ZeroShotEvaluator(data, last=spec.budget.steps, knows_descriptions=spec.method.name != "features")
    return Loaded(visible_part(data, probe_inputs), judge, probe)


def _load_many_tasks(spec: RunSpec, report: Report | None) -> Loaded:
    """All pictures stand in every task; labels that a task is not given are hidden."""
    assert isinstance(spec.data, ManyTasks)
    _, target, notes = load_task_domains(None, spec.data.target, spec.seed, report=report)
    assert target is not None
    learned = joined(target.train, target.validation)
    tasks, labels = tasks_of(learned, spec.data.tasks)
    labels = hide_labels(labels, tasks, spec.data, spec.seed)
    _, test_labels = tasks_of(target.test, spec.data.tasks)
    probe, probe_inputs = many_tasks_probe(target.test, tasks, test_labels, spec)
    test_labels = in_standard_units(test_labels, tasks, labels)
    labels = in_standard_units(labels, tasks, labels)
    learned = replace(learned, attributes=None, attribute_names=(), attribute_classes=())
    visible = ManyTasksData(
        source=learned.subset(torch.arange(0)),
        target=learned,
        held_out={("target", "test"): target.test.inputs},
        probe=probe_inputs,
        class_count=tasks[0].outputs,
        tasks=tasks,
        labels=labels,
        main=torch.nonzero(tasks[0].known(labels[:, 0])).flatten(),
    )
    return Loaded(visible, ManyTasksEvaluator(tasks, test_labels), probe, (*notes, *label_notes(labels, tasks)))


def _load_unlabelled(spec: RunSpec, report: Report | None) -> Loaded:
    """Nobody who learns here is told what a picture shows."""
    return Loaded(*load_unlabelled(spec, report))


LOADERS: dict[str, Callable[[RunSpec, Report | None], Loaded]] = {
    "domain_pair": _load_domain_pair,
    "source_task": _load_source_task,
    "task_pair": _load_task_pair,
    "class_half": _load_class_half,
    "zero_shot": _load_zero_shot,
    "many_tasks": _load_many_tasks,
    "unlabelled": _load_unlabelled,
}
"""How the data of each kind become what a method sees."""


def _on_device(data: TrainingData, device: torch.device) -> TrainingData:
    def moved(dataset: Dataset) -> Dataset:
        return replace(dataset, inputs=dataset.inputs.to(device), labels=dataset.labels.to(device))

    target = data.target
    if isinstance(data, UnlabelledData):
        pictures = (data.source_pictures, data.target_pictures)
        source_pictures, target_pictures = (Unlabelled(one.inputs.to(device)) for one in pictures)
        data = replace(data, source_pictures=source_pictures, target_pictures=target_pictures)
    return replace(
        data,
        source=moved(data.source),
        target=moved(target) if isinstance(target, Dataset) else Unlabelled(target.inputs.to(device)),
        held_out={key: inputs.to(device) for key, inputs in data.held_out.items()},
        probe=data.probe.to(device),
    )
