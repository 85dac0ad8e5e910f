"""What dies, and what goes on: training processes, the fork server, the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.execution.conftest import Lab, spec_of, wait_for
from tlcore.execution.locks import is_held
from tlcore.execution.presence import supervisor_pid

LONG = 200_000


def children_of(pid: int) -> dict[int, str]:
    """Command lines of the processes that a process has started."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    return {int(row[0]): row[2] for row in rows if len(row) == 3 and int(row[1]) == pid}


def test_a_killed_training_process_fails_its_run_frees_the_slot_and_can_go_on(lab: Lab):
    spec = spec_of(101, steps=14_000)
    run_id = lab.submit(spec)
    run = lab.with_checkpoint(run_id)
    os.kill(run.pid, signal.SIGKILL)
    failed = lab.ended(run_id)
    assert failed.state == "failed" and "SIGKILL" in failed.reason and "memory" in failed.reason
    others = [lab.submit(spec_of(seed)) for seed in (102, 103)]
    assert [lab.ended(other).state for other in others] == ["finished", "finished"]
    recorded = lab.store.metrics(run_id)["class_loss"].steps
    lab.submit(spec)
    finished = lab.ended(run_id)
    assert finished.state == "finished" and finished.reason is None
    # What was recorded before the checkpoint is still there, once, and the run did not begin anew.
    steps = lab.store.metrics(run_id)["class_loss"].steps
    assert steps[0] == recorded[0] and len(set(steps.tolist())) == len(steps)
    assert finished.seconds > 1.0


def test_a_process_that_does_not_react_to_stop_is_ended(lab: Lab):
    run_id = lab.submit(spec_of(104, steps=LONG))
    run = lab.at_step(run_id, 1)
    os.kill(run.pid, signal.SIGSTOP)
    lab.executor.stop(run_id)
    assert lab.ended(run_id).state == "stopped"
    wait_for(lambda: not is_held(lab.store.run_folder(run_id) / "training.lock"), "the end of the process")


def test_sigterm_writes_a_checkpoint_and_stops(lab: Lab):
    run_id = lab.submit(spec_of(105, steps=LONG))
    run = lab.at_step(run_id, 1)
    os.kill(run.pid, signal.SIGTERM)
    stopped = lab.ended(run_id)
    assert stopped.state == "stopped" and "asked to end" in stopped.reason
    assert (lab.store.run_folder(run_id) / "checkpoint.safetensors").exists()


def test_a_run_outlives_its_supervisor_and_the_next_one_adopts_it(lab: Lab):
    run_id = lab.submit(spec_of(106, steps=LONG))
    run = lab.at_step(run_id, 1)
    first = supervisor_pid(lab.store.folder)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not lab.executor.supervised, "the death of the supervisor")
    alone = lab.get(run_id)
    lab.at_step(run_id, alone.step + 1)
    lab.executor.ensure_supervisor()
    second = wait_for(lambda: supervisor_pid(lab.store.folder), "the second supervisor")
    assert second != first
    assert lab.ended(lab.submit(spec_of(107))).state == "finished"
    adopted = lab.get(run_id)
    assert (adopted.state, adopted.pid) == ("running", run.pid)
    # It watches over the adopted run as over its own.
    os.kill(run.pid, signal.SIGKILL)
    assert lab.ended(run_id).state == "failed"


def test_a_run_whose_process_died_with_the_supervisor_goes_on_with_the_next(lab: Lab):
    run_id = lab.submit(spec_of(108, steps=LONG))
    run = lab.with_checkpoint(run_id)
    os.kill(supervisor_pid(lab.store.folder), signal.SIGKILL)
    os.kill(run.pid, signal.SIGKILL)
    wait_for(lambda: not lab.executor.supervised, "the death of the supervisor")
    reached = lab.get(run_id)
    assert reached.state == "running"
    lab.executor.ensure_supervisor()
    again = wait_for(lambda: (now := lab.get(run_id)).pid not in (None, run.pid) and now.step > 0 and now, "its return")
    assert again.state == "running"
    lab.at_step(run_id, reached.step + 1)
    lab.executor.stop(run_id)
    assert lab.ended(run_id).state == "stopped"


def test_the_fork_server_and_the_projector_are_started_again(lab: Lab):
    lab.executor.ensure_supervisor()
    supervisor = wait_for(lambda: supervisor_pid(lab.store.folder), "the supervisor")
    helpers = wait_for(lambda: len(children_of(supervisor)) == 2 and children_of(supervisor), "its two helpers")
    for pid in helpers:
        os.kill(pid, signal.SIGKILL)
    run_id = lab.submit(spec_of(109))
    assert lab.ended(run_id).state == "finished"
    wait_for(lambda: lab.get(run_id).projected, "its film")
    assert not set(helpers) & set(children_of(supervisor))


def test_a_second_supervisor_leaves(lab: Lab):
    lab.executor.ensure_supervisor()
    first = wait_for(lambda: supervisor_pid(lab.store.folder), "the supervisor")
    second = subprocess.run(
        [sys.executable, "-m", "tlcore", "worker", "--store", str(lab.store.folder)], capture_output=True, text=True
    )
    assert second.returncode == 0 and "another worker" in second.stderr
    assert supervisor_pid(lab.store.folder) == first


def test_an_ended_supervisor_leaves_its_runs_to_the_next(lab: Lab):
    run_id = lab.submit(spec_of(110, steps=LONG))
    lab.at_step(run_id, 1)
    lab.executor.shutdown()
    waiting = lab.get(run_id)
    assert waiting.state == "queued" and waiting.step > 0
    assert not is_held(lab.store.run_folder(run_id) / "training.lock")
    lab.executor.ensure_supervisor()
    lab.at_step(run_id, waiting.step + 1)
    lab.executor.stop(run_id)
    assert lab.ended(run_id).state == "stopped"
