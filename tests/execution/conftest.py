"""A store with a real supervisor, shared by the tests of this folder, and what they need to wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tlcore.execution.local import LocalExecutor
from tlcore.runs import Run, Store
from tlcore.specs import Budget, Dann, DomainPair, Moons, Perceptron, RunSpec

PATIENCE = 90.0
MOONS = DomainPair(source=Moons(points=100), target=Moons(points=100, rotation=35.0))


def spec_of(seed: int, steps: int = 60, **changes: Any) -> RunSpec:
    """A quick run; each test has seeds of its own, because the same spec would be the same run."""
    budget = Budget(steps=steps, evaluations=3, frames=3, probe_points=40)
    fields = {"method": Dann(), "data": MOONS, "network": Perceptron(), "budget": budget, "seed": seed}
    return RunSpec(**(fields | changes))


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Wait until the condition holds, and return what it gave."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


class Lab:
    """A store, its executor, and waiting."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.executor = LocalExecutor(store)

    def submit(self, spec: RunSpec, **options: Any) -> str:
        return self.executor.submit(spec, **options)

    def get(self, run_id: str) -> Run:
        return self.store.require(run_id)

    def ended(self, run_id: str) -> Run:
        return wait_for(lambda: (run := self.get(run_id)).live is False and run, f"the end of {self.get(run_id)}")

    def at_step(self, run_id: str, step: int) -> Run:
        def reached() -> Run | None:
            run = self.get(run_id)
            assert run.live, run.reason
            return run if run.state == "running" and run.step >= step else None

        return wait_for(reached, f"step {step}")

    def with_checkpoint(self, run_id: str) -> Run:
        self.at_step(run_id, 1)
        checkpoint = self.store.run_folder(run_id) / "checkpoint.safetensors"
        wait_for(checkpoint.exists, "a checkpoint")
        return self.get(run_id)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A store whose supervisor is ended with the tests."""
    lab = Lab(Store(tmp_path_factory.mktemp("store")))
    yield lab
    lab.executor.shutdown()
