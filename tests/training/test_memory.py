"""Memory that training frees stays with the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

PR_SET_THP_DISABLE = 41  # linux/prctl.h
COUNT_FAULTS = """
import ctypes, resource, torch
# Huge pages, which the system grants as it likes, would hide most of what is counted here.
ctypes.CDLL(None).prctl({no_huge_pages}, 1, 0, 0, 0)
from tlcore.training.memory import keep_freed_memory
assert keep_freed_memory()
def step():
    held = [torch.ones(1_000_000) for _ in range(6)]
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults() -> int:
    """Pages that the system had to map anew in twenty steps of 24 megabytes, in a process of its own."""
    code = COUNT_FAULTS.format(no_huge_pages=PR_SET_THP_DISABLE)
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of Linux's C library")
def test_a_step_reuses_the_memory_of_the_step_before() -> None:
    # 24 megabytes are at least 5,859 pages of 4 KiB: mapped anew in each step that is over 100,000. Without the setting
    # that happens most of the time, not always: how glibc treats the top of its heap depends on what lies there.
    assert faults() < 20_000
