"""Tensors on disk as safetensors, written so that a file is either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from tlcore.errors import LabError, NotWritable, OutOfSpace
from tlcore.execution.disk import is_full

CHECKPOINT = "checkpoint.safetensors"
WEIGHTS = "weights.safetensors"


class UnusableCheckpoint(LabError):
    """A file of tensors is missing, damaged, or belongs to another run."""


@dataclass(frozen=True)
class StoredTensors:
    """Tensors of one run at one step, with the seconds of training they took."""

    run: str
    step: int
    seconds: float
    tensors: Mapping[str, torch.Tensor]


def step_file(step: int) -> str:
    """Name of the checkpoint kept for forks at `step`."""
    return f"step-{step}.safetensors"


def write_tensors(path: Path, stored: StoredTensors) -> None:
    """Write the file anew: under a temporary name in the same folder, synchronised, renamed.

    Raises:
        OutOfSpace, NotWritable: the disk is full or read-only; the file that was there before is unharmed.
    """
    metadata = {"run": stored.run, "step": str(stored.step), "seconds": repr(stored.seconds)}
    # Serialised in memory because safetensors' own writer hides which error the system gave.
    content = save({name: tensor.contiguous() for name, tensor in stored.tensors.items()}, metadata)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _synchronise_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if is_full(error):
            raise OutOfSpace(f"No disk space is left to write {path.name} in {path.parent}.") from None
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise NotWritable(f"{path.name} cannot be written in {path.parent}: {error.strerror}.") from None
        raise


def _synchronise_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there; the rename itself is in the journal
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_tensors(path: Path, *, run: str, step: int | None = None) -> StoredTensors:
    """The tensors in a file of the run `run`, at `step` if that is given.

    Raises:
        UnusableCheckpoint: the file is missing, damaged, or belongs to another run or step.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            stored = StoredTensors(
                metadata["run"],
                int(metadata["step"]),
                float(metadata["seconds"]),
                {name: file.get_tensor(name) for name in file.keys()},  # noqa: SIM118
            )
    except FileNotFoundError:
        raise UnusableCheckpoint(f"There is no {path.name} of run {run}.") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise UnusableCheckpoint(f"The file {path.name} of run {run} is damaged ({error}).") from None
    if stored.run != run or (step is not None and stored.step != step):
        whose = f"run {stored.run} at step {stored.step}"
        raise UnusableCheckpoint(f"The file {path.name} belongs to {whose}, not to {run}.")
    return stored


def remove_temporary_files(folder: Path) -> None:
    """Remove what a process that died while writing has left behind."""
    for path in folder.glob(".*.safetensors.*"):
        path.unlink(missing_ok=True)
