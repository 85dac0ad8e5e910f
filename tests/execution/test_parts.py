"""The small parts: locks, slots, the spare process, the light side."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.execution.conftest import spec_of, wait_for
from tlcore.errors import OutOfSpace, StoreError
from tlcore.execution import presence
from tlcore.execution import supervisor as supervisor_module
from tlcore.execution.child import Order
from tlcore.execution.disk import RESERVE_BYTES, keep_reserve, make_room
from tlcore.execution.launchers import Exit, SpareLauncher, explain_death
from tlcore.execution.local import LocalExecutor
from tlcore.execution.locks import FileLock, is_held
from tlcore.execution.slots import Occupant, Place, Slots, find_place, plan
from tlcore.execution.supervisor import Supervisor
from tlcore.runs import Store

HOLD = """
import sys, time
from pathlib import Path
from tlcore.execution.locks import FileLock
assert FileLock(Path(sys.argv[1])).acquire("me")
print("held", flush=True)
time.sleep(600)
"""


def test_a_lock_is_free_once_its_holder_is_killed(tmp_path):
    path = tmp_path / "lock"
    assert not is_held(path)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    assert is_held(path) and not FileLock(path).acquire() and path.read_text() == "me"
    holder.kill()
    holder.wait()
    assert not is_held(path)
    lock = FileLock(path)
    assert lock.acquire("longer than before") and is_held(path)
    lock.release()
    assert not is_held(path)


def test_a_lock_that_cannot_be_opened_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        FileLock(tmp_path / "file" / "lock").acquire()


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 8, 16, 64])
def test_slots_use_the_cores_and_no_more(cores):
    slots = plan(cores)
    assert slots.cpu >= 1 and slots.threads >= 1 and slots.cpu * slots.threads <= cores
    assert cores < 2 or slots.cpu >= 2


def test_places_one_run_a_gpu_and_the_rest_on_the_cpu():
    slots = Slots(cpu=2, threads=1, gpus=2)
    assert find_place("auto", slots, []) == Place(0)
    assert find_place("cuda", slots, [Occupant("auto", 0)]) == Place(1)
    both = [Occupant("auto", 0), Occupant("auto", 1)]
    assert find_place("auto", slots, both) is None
    assert find_place("cpu", slots, both) == Place(None)
    assert find_place("cpu", slots, [Occupant("cpu", None)] * 2) is None
    assert find_place("auto", Slots(cpu=1, threads=1), []) == Place(None)


def test_one_run_that_others_wait_for_trains_beside_those_that_have_a_place():
    slots, two = Slots(cpu=2, threads=1), [Occupant("auto", None)] * 2
    assert find_place("auto", slots, two) is None
    assert find_place("auto", slots, two, awaited=True) == Place(None)
    assert find_place("auto", slots, [*two, Occupant("auto", None)], awaited=True) is None


def test_a_spare_process_trains_a_run(tmp_path):
    store = Store(tmp_path)
    run_id = store.add(spec_of(1))
    launcher = SpareLauncher(threads=1)
    try:
        wait_for(lambda: launcher.gpus is not None, "a warm spare")
        launcher.start(Order(run_id, str(tmp_path)))
        assert wait_for(launcher.exits, "the end of the process") == [Exit(run_id, 0, None)]
    finally:
        launcher.close()
    assert store.require(run_id).state == "finished"


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Exit("run", None, 9), "SIGKILL), perhaps for want of memory"),
        (Exit("run", None, 11), "SIGSEGV)"),
        (Exit("run", 3, None), "No disk space is left for the store at /store"),
        (Exit("run", 1, None), "status 1; see /store/runs/run/worker.log"),
        (None, "has died"),
    ],
)
def test_every_death_has_a_reason(ended, words):
    assert words in explain_death(ended, Path("/store/runs/run/worker.log"))


class Told:
    """A launcher that tells of ends, and starts nothing."""

    gpus = 0

    def __init__(self, *ends: Exit) -> None:
        self.ends = list(ends)

    def exits(self) -> list[Exit]:
        told, self.ends = self.ends, []
        return told


def test_what_killed_a_process_is_told_also_where_it_is_heard_of_and_looked_for_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor_module, "LOOK_SECONDS", 0.0)
    store = Store(tmp_path)
    run_id = store.add(spec_of(2))
    store.change(run_id, state="running", pid=1)
    supervisor = Supervisor(store)
    supervisor.launcher = Told(Exit(run_id, None, 9))
    supervisor._tick()
    run = store.require(run_id)
    assert run.state == "failed" and "SIGKILL" in run.reason


def test_a_supervisor_without_work_ends_by_itself(tmp_path):
    executor = LocalExecutor(Store(tmp_path), idle_seconds=0.5)
    executor.ensure_supervisor()
    wait_for(lambda: executor.supervised, "the supervisor")
    wait_for(lambda: not executor.supervised, "its end")


def test_the_reserve_is_kept_and_given_back(tmp_path):
    keep_reserve(tmp_path)
    assert (tmp_path / "reserve").stat().st_size == RESERVE_BYTES
    make_room(tmp_path)
    make_room(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_log_is_bounded_and_visits_are_seen(tmp_path):
    assert presence.last_visit(tmp_path) == 0.0
    presence.visit(tmp_path)
    assert abs(presence.last_visit(tmp_path) - time.time()) < 60
    (tmp_path / presence.LOG).write_bytes(b"x" * (presence.MAXIMUM_LOG_BYTES + 1))
    presence.trim_log(tmp_path)
    assert (tmp_path / presence.LOG).stat().st_size == 0


@pytest.mark.parametrize(
    "module", ["tlcore.execution.local", "tlcore.execution.supervisor", "tlcore.cli", "tlcore.api"]
)
def test_the_light_side_imports_nothing_heavy(module):
    code = (
        f"import {module}, sys; heavy = [name for name in ('torch', 'torchvision', 'sklearn', 'umap', 'numba') "
        "if name in sys.modules]; assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_store_that_has_reached_its_limit_takes_no_new_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    monkeypatch.setenv("TLCORE_STORE_LIMIT", "1 kB")  # less than its empty tables take
    monkeypatch.setattr(LocalExecutor, "ensure_supervisor", lambda self: None)
    known = spec_of(76)
    store.add(known)
    executor = LocalExecutor(store)
    assert executor.submit(known) == known.content_hash, "what is there already is shown, not refused"
    with pytest.raises(OutOfSpace, match=r"limit of 1\.0 kB"):
        executor.submit(spec_of(77))
    assert len(store.runs()) == 1
