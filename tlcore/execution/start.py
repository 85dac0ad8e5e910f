"""Where the weights of a run come from: another run, a checkpoint of another run, or its own checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from tlcore.errors import RunFailed
from tlcore.execution.checkpoint_files import (
    CHECKPOINT,
    WEIGHTS,
    UnusableCheckpoint,
    read_tensors,
    remove_temporary_files,
    step_file,
)
from tlcore.runs import Notice, Run, Store
from tlcore.specs import CheckpointStart, RunStart

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Beginning:
    """How a run begins. step: the step it continues from. notice: what a person should know of it."""

    step: int = 0
    seconds: float = 0.0
    start_weights: Tensors | None = None
    resume_state: Tensors | None = None
    notice: Notice | None = None


def find_beginning(store: Store, run: Run) -> Beginning:
    """Continue from the run's own checkpoint if there is one, else start as its spec says.

    Raises:
        RunFailed: the weights it should start from are not there.
    """
    folder = store.run_folder(run.id)
    remove_temporary_files(folder)
    notice = None
    if (folder / CHECKPOINT).exists():
        try:
            stored = read_tensors(folder / CHECKPOINT, run=run.id)
        except UnusableCheckpoint as error:
            (folder / CHECKPOINT).unlink(missing_ok=True)
            notice = Notice(0, "warning", "checkpoint_refused", f"{error} Training starts from the beginning.")
        else:
            return Beginning(stored.step, stored.seconds, resume_state=stored.tensors)
    start = run.spec.start
    try:
        if isinstance(start, RunStart):
            parent = start.spec.content_hash
            tensors = read_tensors(store.run_folder(parent) / WEIGHTS, run=parent).tensors
            chosen = {name: tensor for name, tensor in tensors.items() if name.split(".", 1)[0] in start.parts}
            return Beginning(start_weights=chosen, notice=notice)
        if isinstance(start, CheckpointStart):
            stored = read_tensors(store.run_folder(start.run) / step_file(start.step), run=start.run, step=start.step)
            return Beginning(start.step, resume_state=stored.tensors, notice=notice)
    except UnusableCheckpoint as error:
        raise RunFailed(f"The weights this run starts from cannot be used: {error}") from None
    return Beginning(notice=notice)
