"""How the tests are shared out between processes."""

from __future__ import annotations

from pathlib import Path

import pytest

ONE_AT_A_TIME = {"browser", "execution"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start processes and wait for them run one after another; of the others, each file by itself."""
    for item in items:
        folder = Path(item.path).parent.name
        group = "processes" if folder in ONE_AT_A_TIME else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
