"""The chores of a supervisor, and whose business it is that there is one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tlcore.execution import housekeeping, local
from tlcore.execution.housekeeping import EVERY_SECONDS, TIDY_FIRST_SECONDS, TIDY_SECONDS, Housekeeping
from tlcore.execution.local import APART, WORKER, LocalExecutor
from tlcore.execution.presence import last_visit
from tlcore.runs import Store


class Started:
    """A process that was started, and ends when it is told to."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.status: int | None = None

    def poll(self) -> int | None:
        return self.status


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    found: list[Started] = []

    def start(command: list[str], **options: Any) -> Started:
        found.append(Started(command))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return found


def test_a_hosted_lab_is_tidied_every_hour_by_one_process(
    tmp_path: Path, started: list[Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping.time, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(housekeeping, "keep_reserve", lambda folder: None)
    chores = Housekeeping(tmp_path)
    assert chores.due(1000.0)
    chores.do(1000.0, hosted=True)
    assert not chores.due(1000.0 + EVERY_SECONDS / 2) and chores.due(1000.0 + EVERY_SECONDS)
    assert started == [], "a server that has just begun has visitors who wait"
    chores.do(1000.0 + TIDY_FIRST_SECONDS, hosted=False)
    assert started == []
    chores.do(1000.0 + TIDY_FIRST_SECONDS, hosted=True)
    assert started[0].command[-3:] == ["tidy", "--store", str(tmp_path.resolve())]
    chores.do(1000.0 + 3 * TIDY_SECONDS, hosted=True)
    assert len(started) == 1, "it has not ended"
    started[0].status = 0
    chores.do(1000.0 + 3 * TIDY_SECONDS, hosted=True)
    assert len(started) == 2


def test_where_the_worker_is_apart_the_web_server_starts_none(
    tmp_path: Path, started: list[Started], monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = LocalExecutor(Store(tmp_path))
    monkeypatch.setenv(WORKER, APART)
    executor.ensure_supervisor()
    assert started == [] and last_visit(tmp_path) > 0, "a worker that ends when nobody comes learns of the visit"
    monkeypatch.delenv(WORKER)
    monkeypatch.setattr(local, "trim_log", lambda folder: None)
    executor.ensure_supervisor()
    assert started[0].command[2:4] == ["tlcore", "worker"]
