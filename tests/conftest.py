"""How the tests are shared out between processes."""

from __future__ import annotations

from pathlib import Path

import pytest

LONGEST = ("browser", "execution", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each file by itself, first those that wait for pages and processes: the short ones fill the gaps at the end."""
    items.sort(key=lambda item: Path(item.path).parent.name not in LONGEST)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(str(item.path)))
