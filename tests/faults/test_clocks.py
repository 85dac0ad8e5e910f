"""Clocks that jump, and a laptop that was closed: nobody is declared dead who lives."""

from __future__ import annotations

import os
import signal
import time

from tests.execution.conftest import Lab, spec_of, wait_for
from tests.faults.test_deaths import children_of
from tlcore.errors import StoreError
from tlcore.execution.presence import VISIT, supervisor_pid
from tlcore.runs import Run

LONG = 200_000
DAY = 86_400.0


def test_times_that_jump_by_a_day_end_no_run(lab: Lab):
    run_id = lab.submit(spec_of(301, steps=LONG))
    run = lab.at_step(run_id, 1)
    supervisor = supervisor_pid(lab.store.folder)
    for shift in (-DAY, DAY):
        # As the store looks after the clock was set: everything lies in the future, or long ago.
        moment = time.time() + shift
        lab.store.change(run_id, heartbeat=moment, started=moment, created=moment)
        os.utime(lab.store.folder / VISIT, (moment, moment))
        assert lab.ended(lab.submit(spec_of(302 + (shift > 0)))).state == "finished"
        now = lab.get(run_id)
        assert (now.state, now.pid) == ("running", run.pid)
    assert supervisor_pid(lab.store.folder) == supervisor
    lab.executor.stop(run_id)
    assert lab.ended(run_id).state == "stopped"


def test_a_laptop_that_was_closed_goes_on_where_it_was(lab: Lab):
    run_id = lab.submit(spec_of(304, steps=LONG))
    run = lab.at_step(run_id, 1)
    supervisor = wait_for(lambda: supervisor_pid(lab.store.folder), "the supervisor")
    everybody = [supervisor, *children_of(supervisor), run.pid]

    def an_hour_passes() -> Run | None:
        """The run as everybody fell asleep; None where somebody did so in the middle of writing: nobody else can."""
        try:
            for pid in everybody:
                os.kill(pid, signal.SIGSTOP)
            asleep = lab.get(run_id)
            lab.store.change(run_id, heartbeat=asleep.heartbeat - 3600)
            return asleep
        except StoreError:
            return None
        finally:
            for pid in reversed(everybody):
                os.kill(pid, signal.SIGCONT)

    asleep = wait_for(an_hour_passes, "the laptop is closed")
    lab.at_step(run_id, asleep.step + 1)
    again = lab.get(run_id)
    assert (again.state, again.pid, again.paused) == ("running", run.pid, False)
    assert lab.store.metrics(run_id)["class_loss"].steps[0] == 1
    lab.executor.stop(run_id)
    assert lab.ended(run_id).state == "stopped"
