"""What a method is handed besides its spec: the device, the data it may see, and when to report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from tlcore.data.dataset import Dataset, Unlabelled
from tlcore.specs import Budget

DomainName = Literal["source", "target"]
Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class TrainingData:
    """The data as a method sees them. Where a method may not know target labels, `target` is `Unlabelled`.

    A domain that a run does not learn from is empty. held_out: inputs by (domain, part), without labels; the evaluator
    scores what the method predicts on them; "train" are those learned from, to be compared with the others.
    class_count: of the labels that are learned from.
    """

    source: Dataset
    target: Dataset | Unlabelled
    held_out: Mapping[tuple[DomainName, Part], torch.Tensor]
    probe: torch.Tensor
    class_count: int


@dataclass
class Cadence:
    """When a method reports. The executor may ask for more: every step in step mode, a checkpoint at any time."""

    steps: int
    metrics_every: int
    evaluation_steps: frozenset[int]
    frame_steps: frozenset[int]
    every_step: bool = False
    checkpoint_requested: bool = False

    @classmethod
    def of(cls, budget: Budget) -> Cadence:
        """The cadence a budget asks for: about 400 points a curve, evaluations and frames evenly spread."""
        return cls(
            steps=budget.steps,
            metrics_every=max(1, budget.steps // 400),
            evaluation_steps=_evenly(budget.steps, budget.evaluations),
            frame_steps=_evenly(budget.steps, budget.frames),
        )

    def metrics_due(self, step: int) -> bool:
        """Whether the figures of the training step itself are reported; the first steps always are."""
        return self.every_step or step <= 2 or step % self.metrics_every == 0 or step in self.evaluation_steps

    def evaluation_due(self, step: int) -> bool:
        """Whether the model is tested on held-out inputs after this step."""
        return step in self.evaluation_steps

    def frame_due(self, step: int) -> bool:
        """Whether the features of the probe points are recorded after this step."""
        return self.every_step or step in self.frame_steps

    def checkpoint_due(self, step: int) -> bool:
        """Whether a checkpoint was asked for. Asking this answers the request."""
        requested, self.checkpoint_requested = self.checkpoint_requested, False
        return requested


def _evenly(steps: int, count: int) -> frozenset[int]:
    return frozenset(round(steps * index / count) for index in range(count + 1))


@dataclass
class Context:
    """Everything around the training of one run.

    precision: number format of the forward pass (torch.float32 or torch.bfloat16).
    start_weights: tensors of the run this one starts from. resume_state: a `Checkpoint.state` to continue from.
    """

    device: torch.device
    precision: torch.dtype
    data: TrainingData
    cadence: Cadence
    start_weights: Mapping[str, torch.Tensor] | None = None
    resume_state: Mapping[str, torch.Tensor] | None = None
