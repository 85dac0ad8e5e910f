"""A hosted lab with a real supervisor: turns, limits that hold in the worker, and stopping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from tests.execution.conftest import Lab, spec_of, wait_for
from tlcore.errors import InvalidRequest
from tlcore.execution.endings import NO_PLACE, RESTARTED
from tlcore.execution.fairness import forecast
from tlcore.execution.hosted import HostedExecutor
from tlcore.execution.hosting import hosting
from tlcore.execution.locks import is_held
from tlcore.execution.presence import TRAINING_LOCK, supervisor_pid
from tlcore.execution.queue import Queue
from tlcore.runs.service import Service
from tlcore.runs.visitors import Visitor
from tlcore.specs import Budget, Digits, DomainPair, SmallCnn

LONG = 200_000
VISITORS = 30
Host = Callable[..., list[HostedExecutor]]


@pytest.fixture
def host(lab: Lab) -> Iterator[Host]:
    """Host the lab of these tests for a while, with some limits, for so many visitors."""
    file = lab.store.folder / "hosted.toml"

    def begin(visitors: int, **limits: float) -> list[HostedExecutor]:
        limits = {"steps": LONG} | limits
        file.write_text("[limits]\n" + "\n".join(f"{name} = {value}" for name, value in limits.items()))
        settings = hosting(lab.store.folder)
        assert settings is not None
        return [HostedExecutor(lab.executor, Visitor(f"{number:032x}"), settings) for number in range(1, visitors + 1)]

    yield begin
    Service(lab.store.database).drain(False)
    file.unlink()


def test_thirty_visitors_one_slot(lab: Lab, host: Host):
    """Order kept, no double slots, positions right, all end."""
    visitors = host(VISITORS, running_in_all=1)
    budget = Budget(steps=4, evaluations=2, frames=2, probe_points=20, batch_size=16)
    service, queue = Service(lab.store.database), Queue(lab.store)
    service.drain(True)  # the doors are closed until all have come
    with pytest.raises(InvalidRequest, match="maintenance"):
        visitors[0].submit(spec_of(5000, budget=budget))
    runs = [one.store.add(spec_of(5000 + place, budget=budget)) for place, one in enumerate(visitors)]
    waits = forecast([run.id for run in queue.live()], {}, [], 1)
    assert [waits[run].position for run in runs] == list(range(1, VISITORS + 1))
    visitors[0].ensure_supervisor()
    service.drain(False)
    gone = runs[VISITORS // 2]  # one of them changes their mind while they wait
    visitors[VISITORS // 2].stop(gone)
    ended = [lab.ended(run) for run in runs]
    assert {run.state for run in ended if run.id != gone} == {"finished"} and lab.get(gone).state == "stopped"
    trained = [run for run in ended if run.id != gone]
    assert [run.started for run in trained] == sorted(run.started for run in trained)
    assert all(later.started >= earlier.ended for earlier, later in pairwise(trained))


def test_a_visitor_with_many_runs_does_not_keep_another_waiting(lab: Lab, host: Host):
    greedy, other = host(2, running_in_all=1, running_per_visitor=1)
    Service(lab.store.database).drain(True)
    many = [greedy.store.add(spec_of(5100 + number, steps=4)) for number in range(4)]
    one = other.store.add(spec_of(5110, steps=4))
    assert [run.id for run in Queue(lab.store).live()] == [many[0], one, *many[1:]]
    greedy.ensure_supervisor()
    Service(lab.store.database).drain(False)
    began = {run: lab.ended(run).started for run in [*many, one]}
    assert began[many[0]] < began[one] < began[many[1]]


def test_a_run_ends_when_its_time_or_its_pause_is_up(lab: Lab, host: Host):
    (ann,) = host(1, seconds=1, paused_seconds=1)
    run = ann.submit(spec_of(5200, steps=LONG))
    stopped = lab.ended(run)
    assert stopped.state == "stopped" and "1 s, which is all" in stopped.reason and stopped.step < LONG
    (ann,) = host(1, seconds=900, paused_seconds=1)
    paused = ann.submit(spec_of(5201, steps=LONG))
    lab.at_step(paused, 1)
    ann.pause(paused)
    assert "paused" in lab.ended(paused).reason


def test_a_run_that_needs_more_memory_than_it_is_given_fails_with_the_reason(lab: Lab, host: Host):
    (ann,) = host(1, memory_mb=64)
    digits = DomainPair(source=Digits(), target=Digits())
    budget = Budget(steps=50, evaluations=2, frames=2, probe_points=40, batch_size=1024)
    failed = lab.ended(ann.submit(spec_of(5300, data=digits, network=SmallCnn(), budget=budget)))
    assert failed.state == "failed" and "64 MB of memory" in failed.reason


def test_a_run_of_two_goes_on_until_both_have_stopped_it_and_then_its_process_is_gone(lab: Lab, host: Host):
    ann, ben = host(2)
    run = ann.submit(spec_of(5400, steps=LONG))
    threads = [threading.Thread(target=ben.submit, args=(spec_of(5400, steps=LONG),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lab.at_step(run, 1)
    ann.stop(run)
    lab.at_step(run, lab.get(run).step + 5)
    ben.stop(run)
    assert lab.ended(run).state == "stopped"
    wait_for(lambda: not is_held(lab.store.run_folder(run) / TRAINING_LOCK), "the end of the process")


def training(lab: Lab, runs: list[str]) -> list[str]:
    return [run for run in runs if (found := lab.get(run)).state == "running" and not found.paused]


def test_paused_runs_go_on_one_after_another_where_one_may_train(lab: Lab, host: Host):
    visitors = host(3, running_in_all=1, running_per_visitor=1)
    runs = []
    for place, one in enumerate(visitors):
        runs.append(one.submit(spec_of(5500 + place, steps=LONG)))
        lab.at_step(runs[-1], 1)
        one.pause(runs[-1])
        wait_for(lambda: lab.get(runs[-1]).paused, "the pause")
    for one, run in zip(visitors, runs, strict=True):
        one.resume(run)
    for steer in (visitors[0].pause, visitors[0].resume):
        with pytest.raises(InvalidRequest):
            steer(runs[1])
    for place, (one, run) in enumerate(zip(visitors, runs, strict=True)):
        wait_for(lambda run=run: training(lab, runs) == [run], f"the turn of number {place}")
        for waiting in runs[place + 1 :]:
            wait_for(lambda waiting=waiting: lab.get(waiting).reason == NO_PLACE, "why it waits")
        step = lab.get(run).step
        lab.at_step(run, step + 5)
        assert training(lab, runs) == [run], "no two at once"
        assert lab.get(run).reason is None
        one.stop(run)
    assert [lab.ended(run).state for run in runs] == ["stopped"] * 3


def test_only_so_many_runs_are_kept_paused(lab: Lab, host: Host):
    ann, ben = host(2, paused_in_all=1)
    first, second = (one.submit(spec_of(5510 + place, steps=LONG)) for place, one in enumerate((ann, ben)))
    lab.at_step(first, 1)
    ann.pause(first)
    wait_for(lambda: lab.get(first).paused, "the pause")
    ann.pause(first)
    lab.at_step(second, 1)
    for steer in (ben.pause, ben.step):
        with pytest.raises(InvalidRequest, match="1 run is paused on this server"):
            steer(second)
    ann.step(first)
    ann.stop(first)
    lab.ended(first)
    ben.pause(second)
    wait_for(lambda: lab.get(second).paused, "the pause")
    ben.stop(second)
    assert lab.ended(second).state == "stopped"


@pytest.mark.parametrize("again", ["ann", "ben"])
def test_a_run_that_is_wanted_again_before_it_has_ended_goes_on(lab: Lab, host: Host, again: str):
    ann, ben = host(2)
    for place, patience in enumerate((0.0, 0.08, 0.2)):
        spec = spec_of(5520 + place + 10 * (again == "ben"), steps=LONG)
        run = ann.submit(spec)
        lab.at_step(run, 1)
        ann.stop(run)
        time.sleep(patience)  # it has read the message, or is ending, or has ended
        one = {"ann": ann, "ben": ben}[again]
        one.submit(spec)
        begun = lab.get(run).step
        wait_for(lambda run=run, begun=begun: lab.at_step(run, 1).step > begun, "training that goes on")
        one.stop(run)
        assert lab.ended(run).state == "stopped"


def test_what_the_owner_ends_stays_ended_though_somebody_wants_it(lab: Lab, host: Host):
    (ann,) = host(1)
    run = ann.submit(spec_of(5540, steps=LONG))
    lab.at_step(run, 1)
    lab.executor.stop(run, reason="The owner ended it.")
    ended = lab.ended(run)
    assert (ended.state, ended.reason, ann.store.wants(run)) == ("stopped", "The owner ended it.", True)


def test_a_worker_that_is_started_anew_keeps_stops_and_goes_on_with_the_others_even_when_drained(lab: Lab, host: Host):
    ann, ben = host(2)
    digits = DomainPair(source=Digits(), target=Digits())
    heavy = Budget(steps=LONG, evaluations=3, frames=3, probe_points=40, batch_size=512)  # steps of some 100 ms
    stopped = ann.submit(spec_of(5550, data=digits, network=SmallCnn(), budget=heavy))
    kept = ben.submit(spec_of(5551, steps=LONG))
    for run in (stopped, kept):
        lab.at_step(run, 1)
    Service(lab.store.database).drain(True)
    before = supervisor_pid(lab.store.folder)
    ann.stop(stopped)
    lab.executor.shutdown()
    assert lab.get(stopped).state == "stopped"
    waiting = lab.get(kept)
    assert (waiting.state, waiting.reason) == ("queued", RESTARTED)
    with pytest.raises(InvalidRequest, match="maintenance"):
        ann.submit(spec_of(5552))
    lab.executor.ensure_supervisor()
    again = wait_for(lambda: (run := lab.get(kept)).state == "running" and run.step > waiting.step and run, "going on")
    assert again.reason is None
    assert supervisor_pid(lab.store.folder) not in (None, before)
    assert lab.get(stopped).state == "stopped"
    ben.stop(kept)
    lab.ended(kept)
