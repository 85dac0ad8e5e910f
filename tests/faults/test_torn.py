"""A process killed while it writes a checkpoint leaves the old one or the new one, never a torn one."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from pathlib import Path

import torch

from tlcore.execution.checkpoint_files import (
    CHECKPOINT,
    StoredTensors,
    read_tensors,
    remove_temporary_files,
    write_tensors,
)

RUN = "a" * 16
KILLS = 15


def tensors_of(step: int) -> dict[str, torch.Tensor]:
    """Many small tensors: computing on a large one would begin threads, which a fork does not survive."""
    return {f"layer{number}": torch.full((2000,), float(step)) for number in range(100)}


def write_for_ever(path: Path, first: int, told: int) -> None:
    for step in itertools.count(first + 1):
        write_tensors(path, StoredTensors(RUN, step, 1.0, tensors_of(step)))
        os.write(told, b".")


def test_killed_at_any_moment_the_file_is_whole(tmp_path: Path):
    path, chance, known = tmp_path / CHECKPOINT, random.Random(0), 0
    write_tensors(path, StoredTensors(RUN, 0, 1.0, tensors_of(0)))
    for _ in range(KILLS):
        hears, tells = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                write_for_ever(path, known, tells)
            finally:
                os._exit(1)
        os.read(hears, 1)  # it has written once, and writes again
        time.sleep(0.02 * chance.random())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(hears)
        os.close(tells)
        stored = read_tensors(path, run=RUN)
        assert stored.step > known
        for name, tensor in tensors_of(stored.step).items():
            assert torch.equal(stored.tensors[name], tensor)
        known = stored.step
        remove_temporary_files(tmp_path)
    assert [child.name for child in tmp_path.iterdir()] == [CHECKPOINT]
