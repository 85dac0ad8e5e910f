"""In which order the tests run, and what a process does once only."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tlcore.execution.launchers import THREAD_VARIABLES

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("lab", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("lab")

LONGEST = ("browser", "execution", "faults")

# Read when the libraries are loaded. Test processes share the cores: where each computed with as many threads as there
# are cores, they mostly waited for one another, and two on two cores took more than twice as long.
for name in THREAD_VARIABLES:
    os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First the files that wait for pages and processes: the short ones fill the gaps at the end."""
    items.sort(key=lambda item: Path(item.path).parent.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def packages_are_searched_once() -> Iterator[None]:
    """Streamlit reads the description of every installed package when an application starts, looking for components.
    A server starts once; `AppTest` starts an application for every run of a page, and two thirds of its time
    went there.
    """
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        search = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", search)
        yield
