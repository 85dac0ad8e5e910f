"""Memory that training frees stays with the process; what a web server frees goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

PR_SET_THP_DISABLE = 41  # linux/prctl.h
COUNT_FAULTS = """
import ctypes, resource, torch
# Huge pages, which the system grants as it likes, would hide most of what is counted here.
ctypes.CDLL(None).prctl({no_huge_pages}, 1, 0, 0, 0)
from tlcore.freed_memory import keep_freed_memory
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


HELD_AFTERWARDS = """
import sys
from pathlib import Path
from tlcore.freed_memory import give_back_freed_memory
if sys.argv[1] == "given back":
    assert give_back_freed_memory()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
bytearray(1 << 20)  # the first large thing that is freed
before, large, small = resident(), [], []
for _ in range(400):
    large.append(bytearray(200_000))
    small.append(bytes(2_000))
large.clear()
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of Linux's C library")
@pytest.mark.parametrize(("how", "at_most_an_eighth"), [("given back", True), ("left to itself", False)])
def test_large_things_that_were_freed_go_back_although_small_ones_lie_between(how: str, at_most_an_eighth: bool):
    command = [sys.executable, "-c", HELD_AFTERWARDS, how]
    held = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (held < 400 * 200_000 / 8) == at_most_an_eighth
