"""How the tests are shared out between processes, and what a process looks for once only."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner

LONGEST = ("browser", "execution", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each file by itself, first those that wait for pages and processes: the short ones fill the gaps at the end."""
    items.sort(key=lambda item: Path(item.path).parent.name not in LONGEST)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(str(item.path)))


@pytest.fixture(scope="session", autouse=True)
def packages_are_searched_once() -> Iterator[None]:
    """Streamlit reads the description of every installed package when an application starts, looking for components.
    A server starts once; `AppTest` starts an application for every run of a page, and two thirds of its time
    went there.
    """
    with pytest.MonkeyPatch.context() as patch:
        search = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", search)
        yield
