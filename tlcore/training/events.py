"""What a method tells while it trains. A method is a generator of these; whoever pulls it decides the pace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from tlcore.runs.records import Frame, Notice, StepAnatomy, Surface
from tlcore.training.context import DomainName, Part


@dataclass(frozen=True)
class Advanced:
    """One training step is done. Yielded after every step, so that a run can be paused between any two."""

    step: int


@dataclass(frozen=True)
class Metrics:
    """Named figures at one step."""

    step: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Outputs:
    """Class logits (N, K) on one domain's held-out inputs, in their order; the evaluator scores them."""

    step: int
    domain: DomainName
    part: Part
    logits: npt.NDArray[np.float32]


@dataclass(frozen=True)
class TaskOutputs(Outputs):
    """Outputs of one task of several, or of one variant of the model. task: which; each is scored by itself."""

    task: str = ""


@dataclass(frozen=True)
class Features:
    """Features (N, D) of the probe points and the classes (N,) predicted for them."""

    step: int
    array: npt.NDArray[np.float32]
    predictions: npt.NDArray[np.int16]


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to continue from this step as if nothing had happened, as named tensors."""

    step: int
    state: Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Finished:
    """Training has ended at its last step. weights: the network's tensors, as another run may start from them."""

    step: int
    weights: Mapping[str, torch.Tensor]


Event = Advanced | Metrics | Outputs | Features | Frame | Surface | Notice | StepAnatomy | Checkpoint | Finished
