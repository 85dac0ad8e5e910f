"""A process killed while it writes a checkpoint leaves the old one or the new one, never a torn one."""

from __future__ import annotations

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
KILLS = 25


def write_for_ever(path: Path, first: int) -> None:
    step = first
    while True:
        step += 1
        write_tensors(path, StoredTensors(RUN, step, 1.0, {"weights": torch.full((200_000,), float(step))}))


def test_killed_at_any_moment_the_file_is_whole(tmp_path: Path):
    path, chance = tmp_path / CHECKPOINT, random.Random(0)
    write_tensors(path, StoredTensors(RUN, 0, 1.0, {"weights": torch.zeros(200_000)}))
    known, torn = 0, 0
    for _ in range(KILLS):
        pid = os.fork()
        if pid == 0:
            try:
                write_for_ever(path, known)
            finally:
                os._exit(1)
        time.sleep(0.005 + 0.03 * chance.random())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        torn += len(list(tmp_path.glob(".*")))
        stored = read_tensors(path, run=RUN)
        assert stored.step >= known
        assert torch.equal(stored.tensors["weights"], torch.full((200_000,), float(stored.step)))
        known = stored.step
        remove_temporary_files(tmp_path)
    assert known > 0, "it was killed before it had ever written"
    assert [child.name for child in tmp_path.iterdir()] == [CHECKPOINT]
