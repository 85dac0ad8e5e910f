"""Work that can wait lets training go first."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tlcore.execution.priority import GROUP, STEPS

SCRIPT = """
import os
from tlcore.execution.priority import GROUP, yield_to_others
before = os.nice(0)
yield_to_others()
print(os.nice(0) - before, *(GROUP.read_text().split()[-1:] if GROUP.exists() else []))
"""


def grouped() -> bool:
    """Whether this system groups processes by session: some have the file, and nothing in it."""
    return GROUP.exists() and bool(GROUP.read_text().split())


def niceness(*, own_session: bool) -> list[str]:
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(
        command, start_new_session=own_session, capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no niceness")
def test_a_process_with_a_session_of_its_own_is_nice_in_its_session_and_as_a_session() -> None:
    # The process itself, and its group: a system may have groups for new sessions and none for the one of the tests.
    alone, *group = niceness(own_session=True)
    assert alone == str(STEPS) and set(group) <= {alone}
    assert group or not grouped()


@pytest.mark.skipif(not grouped(), reason="this system does not group processes by session")
def test_the_session_of_somebody_else_stays_as_it_is() -> None:
    before = GROUP.read_text().split()[-1]
    alone, group = niceness(own_session=False)
    assert alone == str(STEPS) and group == before
    assert GROUP.read_text().split()[-1] == before
