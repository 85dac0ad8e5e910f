"""A store in a folder of its own, and small specs to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tlcore.runs import Store
from tlcore.specs import Budget, Dann, RunSpec


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store")
    yield store
    store.database.close()


@pytest.fixture
def spec() -> RunSpec:
    return RunSpec(method=Dann(), budget=Budget(steps=10))
