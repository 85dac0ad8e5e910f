"""From a spec to everything its training needs: data on the device, probe points, evaluator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from tlcore.data import load_pair
from tlcore.data.dataset import Dataset, Domain
from tlcore.runs.records import Probe
from tlcore.specs import RunSpec
from tlcore.training.context import Cadence, Context, DomainName, Part, TrainingData
from tlcore.training.evaluation import Evaluator, choose_probe


@dataclass(frozen=True)
class Prepared:
    """A run about to start. notes: what was done to bring the two domains together, one sentence each."""

    context: Context
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
    report: Callable[[str, float], None] | None = None,
) -> Prepared:
    """Load and split the data, put on the device what the method may see, and keep the labels with the evaluator.

    Raises:
        MissingData: files are not there; the message says which and how to get them.
        InvalidRequest: the two domains cannot be paired.
    """
    data = load_pair(spec.data, spec.seed, report=report)
    probe, probe_inputs = choose_probe(data, spec.budget.probe_points, spec.seed)
    domains: dict[DomainName, Domain] = {"source": data.source, "target": data.target}
    parts: tuple[Part, ...] = ("validation", "test")
    target = data.target.train if spec.method.reads_target_labels else data.target.train.unlabelled()
    visible = TrainingData(
        source=_on_device(data.source.train, device),
        target=_on_device(target, device) if isinstance(target, Dataset) else type(target)(target.inputs.to(device)),
        held_out={
            (name, part): getattr(domain, part).inputs.to(device) for name, domain in domains.items() for part in parts
        },
        probe=probe_inputs.to(device),
        class_count=len(data.class_names),
    )
    context = Context(
        device=device,
        precision=precision,
        data=visible,
        cadence=Cadence.of(spec.budget),
        start_weights=start_weights,
        resume_state=resume_state,
    )
    evaluator = Evaluator(data, probe, steps=spec.budget.steps, seed=spec.seed)
    return Prepared(context, evaluator, probe, data.notes)


def _on_device(dataset: Dataset, device: torch.device) -> Dataset:
    return Dataset(
        dataset.inputs.to(device),
        dataset.labels.to(device),
        dataset.identities,
        dataset.class_names,
        dataset.provenance,
    )
