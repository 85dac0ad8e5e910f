"""Which batch size would have fitted, after a run has filled the memory of the GPU."""

from __future__ import annotations

import gc
import time

import torch

from tlcore.errors import LabError
from tlcore.execution.machine import choose_device, choose_precision
from tlcore.execution.start import find_beginning
from tlcore.methods.registry import METHODS
from tlcore.runs import Run, Store
from tlcore.specs import RunSpec
from tlcore.training.events import Advanced
from tlcore.training.preparation import prepare

PATIENCE_SECONDS = 60.0


def batch_size_that_fits(store: Store, run: Run) -> int | None:
    """The largest half, quarter, … of the run's batch size with which a step goes through; None if none was found.

    What has filled the memory must have been let go before: tracebacks hold tensors.
    """
    size = run.spec.budget.batch_size // 2
    deadline = time.monotonic() + PATIENCE_SECONDS
    while size >= 1 and time.monotonic() < deadline:
        budget = run.spec.budget.model_copy(update={"batch_size": size})
        try:
            fits = _steps(store, run, run.spec.model_copy(update={"budget": budget}))
        except (LabError, ValueError, RuntimeError):  # not for want of memory: nothing can be told
            return None
        if fits:
            return size
        size //= 2
    return None


def _steps(store: Store, run: Run, spec: RunSpec) -> bool:
    """Whether the first step of a run goes through. Nothing of it is recorded."""
    gc.collect()
    torch.cuda.empty_cache()
    device = choose_device(run.device)
    try:
        prepared = prepare(
            spec,
            device=device,
            precision=choose_precision(spec.budget.precision, device),
            start_weights=find_beginning(store, run).start_weights,
        )
        for event in METHODS[spec.method.name](spec, prepared.context):
            if isinstance(event, Advanced):
                return True
    except torch.OutOfMemoryError:
        return False
    return True
