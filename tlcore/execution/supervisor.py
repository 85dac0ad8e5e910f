"""`python -m tlcore worker`: takes queued runs and has them trained, one supervisor a store.

It keeps nothing that matters in its memory: killed and started again, it finds in the store which runs wait, and by
their locks which still train. Asked to end (SIGTERM, Ctrl-C), it has its runs write a checkpoint and leaves them
queued, so that the next supervisor goes on with them.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from pathlib import Path

from tlcore.errors import OutOfSpace, StoreError
from tlcore.execution.child import LOG as WORKER_LOG
from tlcore.execution.child import Order
from tlcore.execution.disk import keep_reserve, make_room
from tlcore.execution.endings import ASKED_TO_END, NO_PLACE, RESTARTED
from tlcore.execution.housekeeping import Housekeeping
from tlcore.execution.launchers import Exit, Launcher, LauncherDied, explain_death, new_launcher
from tlcore.execution.locks import FileLock, is_held
from tlcore.execution.logs import set_up_process
from tlcore.execution.presence import LOG, SUPERVISOR_LOCK, TRAINING_LOCK, last_visit, visit
from tlcore.execution.projector_process import ProjectorProcess
from tlcore.execution.queue import LiveRun, Queue
from tlcore.execution.rationing import Rationing, Turns
from tlcore.execution.run_log import RunLog
from tlcore.execution.slots import Occupant, Slots, find_place, plan
from tlcore.processors import usable_cores
from tlcore.runs import State, Store

LOGGER = logging.getLogger("tlcore.supervisor")
TICK_SECONDS = 0.05
LOOK_SECONDS = 0.5  # how often the locks of training processes are looked at
TERMINATE_AFTER, KILL_AFTER = 0.7, 1.5  # seconds for a process that does not read the message to stop
PATIENCE_WHILE_STOPPING = 0.3  # more for one that has read it: a step and a checkpoint; the last one is never torn
QUICK_DEATH_SECONDS = 10.0
RESUMING_SECONDS = 5.0  # a run that was given a place says so within them
IDLE_SECONDS = 900.0


class Supervisor:
    """The one process that hands the runs of a store to training processes."""

    def __init__(
        self, store: Store, *, slots: Slots | None = None, idle_seconds: float = IDLE_SECONDS, launcher: str = "auto"
    ) -> None:
        self.store = store
        self.queue = Queue(store)
        self.rationing = Rationing(store)
        self.run_log = RunLog(store)
        self.slots = slots or plan(usable_cores())
        self.idle_seconds = idle_seconds
        self.launcher_kind = launcher
        self.lock = FileLock(store.folder / SUPERVISOR_LOCK)
        self.launcher: Launcher | None = None
        self.projector = ProjectorProcess(store.folder)
        self._terminated = False
        self._in_flight: dict[str, float] = {}  # handed to the launcher, not yet training
        self._gpus: dict[str, int | None] = {}  # given to each run that this supervisor has started
        self._children: set[str] = set()  # runs whose end the launcher will tell
        self._stop_seen: dict[str, float] = {}
        self._unwanted: set[str] = set()  # of those, the ones that end only because nobody wants them
        self._resumed: dict[str, float] = {}  # paused runs that were given a place and have not said so yet
        self._terminated_runs: set[str] = set()  # by a signal, because they did not stop
        self._killed: set[str] = set()  # because that did not help
        self._unwritten: dict[str, tuple[State, str | None]] = {}  # ends that a full disk kept from being recorded
        self._quick_deaths = 0
        self._launch_after = 0.0
        self._looked = 0.0
        self.housekeeping = Housekeeping(store.folder)
        self._busy_at = time.monotonic()

    def run(self) -> bool:
        """Work until asked to end or idle for long; returns False at once if another supervisor has the store.

        Raises:
            StoreError: the store cannot be used.
        """
        visit(self.store.folder)
        if not self.lock.acquire(json.dumps({"pid": os.getpid()}), patience=1.0):
            return False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_end)
        try:
            keep_reserve(self.store.folder)
            self._take_over()
            self.projector.start()
            self.launcher = new_launcher(self.slots.threads, self.launcher_kind)
            LOGGER.info(
                "ready: %d runs at once, %d threads each", self.slots.cpu, self.slots.threads,
                extra={"runs": self.slots.cpu, "threads": self.slots.threads, "store": str(self.store.folder)},
            )  # fmt: skip
            while not self._terminated and not self._idle():
                self._tick()
                time.sleep(TICK_SECONDS)
            LOGGER.info("ends: %s", "asked to" if self._terminated else "there was nothing to do")
            if self._terminated:
                self._end_runs()
        finally:
            self.projector.close()
            if self.launcher:
                self.launcher.close()
            self.lock.release()
        return True

    def _ask_to_end(self, number: int, frame: object) -> None:
        self._terminated = True

    def _take_over(self) -> None:
        for run in self.queue.live():
            if run.state == "running" and not self._trains(run.id):
                LOGGER.info("run %s lost its process and waits again", run.id, extra={"run": run.id})
                self.queue.requeue(run.id, "running", RESTARTED)

    def _trains(self, run_id: str) -> bool:
        return is_held(self.store.run_folder(run_id) / TRAINING_LOCK)

    def _tick(self) -> None:
        try:
            self._hear()
            now = time.monotonic()
            if self.queue.changed() or self._stop_seen or now - self._looked >= LOOK_SECONDS:
                live = self.queue.live()
                self.run_log.look(live)
                if live:
                    self._busy_at = now
                self._watch(live, now)
                self._insist({run.id: run for run in live if run.state == "running"}, now)
                self._dispatch(live, now)
            self._write_ends()
            self._tend(now)
        except OutOfSpace as error:
            LOGGER.warning("%s", error)
            make_room(self.store.folder)
        except StoreError as error:
            # Another process may hold the file for long, or a backup may read it: the runs themselves go on.
            LOGGER.error("%s", error)
            time.sleep(1.0)

    # The processes ------------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        """What the launcher tells; a launcher that has died is replaced."""
        if self.launcher is None:
            if time.monotonic() >= self._launch_after:
                self.launcher = new_launcher(self.slots.threads, self.launcher_kind)
            return
        try:
            for ended in self.launcher.exits():
                self._bury(ended)
        except LauncherDied:
            self._replace_launcher()
            return
        if self.launcher.gpus is not None and self.launcher.gpus != self.slots.gpus:
            self.slots = Slots(self.slots.cpu, self.slots.threads, self.launcher.gpus)

    def _replace_launcher(self) -> None:
        assert self.launcher is not None
        LOGGER.error("the process that starts runs has died; starting another")
        quick = time.monotonic() - self.launcher.born < QUICK_DEATH_SECONDS
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        self.launcher.close()
        self.launcher = None
        self._launch_after = time.monotonic() + min(30.0, 0.5 * 2**self._quick_deaths)
        self._in_flight.clear()
        self._children.clear()  # those that train go on; from now on their locks tell of them
        if self._quick_deaths >= 3:
            for run in self.queue.live():
                if run.state == "queued":
                    reason = f"Training processes cannot be started on this machine; see {self.store.folder / LOG}."
                    self._unwritten[run.id] = ("failed", reason)

    def _bury(self, ended: Exit) -> None:
        launched = self._in_flight.pop(ended.run, None) is not None
        self._children.discard(ended.run)
        self._gpus.pop(ended.run, None)
        state = self.queue.state(ended.run)
        died_training = state == "running" and not self._trains(ended.run)
        died_before = state == "queued" and launched and ended.status != 0
        if died_training or died_before:
            self._unwritten[ended.run] = self._verdict(ended.run, ended)

    def _verdict(self, run_id: str, ended: Exit | None) -> tuple[State, str]:
        limited = self.rationing.reason(run_id)
        if limited is not None:
            return "stopped", limited
        if run_id in self._killed:
            return "stopped", "It did not react to the request to stop, so its process was ended."
        return "failed", explain_death(ended, self.store.run_folder(run_id) / WORKER_LOG)

    def _write_ends(self) -> None:
        for run_id, (state, reason) in list(self._unwritten.items()):
            if not self.queue.end(run_id, "running", state, reason):
                self.queue.end(run_id, "queued", state, reason)
            del self._unwritten[run_id]

    def _watch(self, live: list[LiveRun], now: float) -> None:
        """Runs whose process has died unseen, or does not obey."""
        training = {run.id: run for run in live if run.state == "running"}
        for run_id in list(self._in_flight):
            if run_id in training or all(run.id != run_id for run in live):
                del self._in_flight[run_id]
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        for run_id in training:
            # Of one whose end was heard of in this very tick, more is known than can be seen.
            known = run_id in self._children or run_id in self._unwritten
            if not known and not self._trains(run_id):
                self._unwritten[run_id] = self._verdict(run_id, None)
        self.rationing.watch(training, now)

    def _insist(self, training: dict[str, LiveRun], now: float) -> None:
        unread = self.queue.stop_requests()
        self._unwanted = (self._unwanted - unread.keys()) | {run for run, unwanted in unread.items() if unwanted}
        self._stop_seen = {
            run: seen for run, seen in self._stop_seen.items()
            if run in training and (run in unread or not self._wanted_again(training[run]))
        }  # fmt: skip
        self._killed &= set(training)
        self._terminated_runs &= set(training)
        for run_id in unread.keys() & set(training):
            self._stop_seen.setdefault(run_id, now)
        for run_id, seen in self._stop_seen.items():
            waited = now - seen - (0.0 if run_id in unread else PATIENCE_WHILE_STOPPING)
            pid = training[run_id].pid
            if waited < TERMINATE_AFTER or pid is None or not self._trains(run_id):
                continue
            if waited >= KILL_AFTER:
                self._killed.add(run_id)
                _signal(pid, signal.SIGKILL)
            elif run_id not in self._terminated_runs:
                LOGGER.warning("run %s does not stop; ending its process", run_id, extra={"run": run_id, "pid": pid})
                self._terminated_runs.add(run_id)
                _signal(pid, signal.SIGTERM)

    def _wanted_again(self, run: LiveRun) -> bool:
        """Whether somebody has come to want a run that was to end because nobody did."""
        return run.id in self._unwanted and bool(run.visitors)

    def _dispatch(self, live: list[LiveRun], now: float) -> None:
        if self.launcher is None or self.launcher.gpus is None:
            return
        occupants = [
            Occupant(run.device, self._gpus.get(run.id, 0 if self._on_gpu(run) else None))
            for run in live
            if (run.state == "running" and not run.paused) or run.id in self._in_flight or run.id in self._resumed
        ]
        turns, ration = self.rationing.turns(live, {*self._in_flight, *self._resumed}), self.rationing.ration()
        self._let_resume(live, turns, occupants, now)
        awaited = self.queue.awaited(live) if turns.limits is None else set()  # a hosted lab keeps to its number
        if any(run.wishes and run.id not in self._resumed for run in live):
            return  # who was here before goes on first
        for run in live:
            if run.state != "queued" or run.id in self._in_flight or run.id in self._unwritten:
                continue
            if not turns.has(run):
                continue
            place = find_place(run.device, self.slots, occupants, awaited=run.id in awaited)
            if place is None or not self.queue.ready(run.id):
                continue
            order = Order(
                run.id, str(self.store.folder), self.slots.threads, place.gpu if self.slots.gpus > 1 else None,
                seconds=ration.seconds, memory=ration.memory,
            )  # fmt: skip
            try:
                self.launcher.start(order)
            except LauncherDied:
                self._replace_launcher()
                return
            self._in_flight[run.id] = now
            self._children.add(run.id)
            self._gpus[run.id] = place.gpu
            occupants.append(Occupant(run.device, place.gpu))
            turns.take(run)

    def _let_resume(self, live: list[LiveRun], turns: Turns, occupants: list[Occupant], now: float) -> None:
        """Give places to paused runs that are to go on, in the order in which they were asked to."""
        paused = {run.id: run for run in live if run.state == "running" and run.paused}
        recent = {run: moment for run, moment in self._resumed.items() if now - moment < RESUMING_SECONDS}
        self._resumed = {run: moment for run, moment in recent.items() if run in paused}
        for run_id in self.queue.wishes():
            run = paused.get(run_id)
            if run is None:  # it goes on already, or has ended
                self.store.take_back(run_id, "ask_to_resume")
                continue
            place = find_place(run.device, self.slots, occupants)
            if place is None or not turns.has_again(run):
                if run.reason != NO_PLACE:
                    self.store.change(run_id, only=["running"], reason=NO_PLACE)
                continue
            self.queue.let_resume(run_id)
            self._resumed[run_id] = now
            occupants.append(Occupant(run.device, self._gpus.get(run_id, place.gpu)))
            turns.take(run)

    def _on_gpu(self, run: LiveRun) -> bool:
        return self.slots.gpus > 0 and run.device in ("auto", "cuda")

    # The supervisor itself ----------------------------------------------------------------------------------------

    def _tend(self, now: float) -> None:
        if not self.housekeeping.due(now):
            return
        self.projector.tend()
        self.housekeeping.do(now, hosted=self.rationing.limits() is not None)
        if not self.lock.path.exists():
            LOGGER.info("the store was removed")
            self._terminated = True

    def _idle(self) -> bool:
        now = time.monotonic()
        quiet = now - self._busy_at
        if quiet < self.idle_seconds or time.time() - last_visit(self.store.folder) < self.idle_seconds:
            return False
        return quiet > self.idle_seconds + 120.0 or not self.queue.unprojected()

    def _end_runs(self) -> None:
        """Have every run write its checkpoint, and leave it queued."""
        training = {run.id: run for run in self.queue.live() if run.state == "running" and run.pid}
        told_to_end = {*self.queue.stop_requests(), *self._stop_seen}
        for run_id, run in training.items():
            if run.pid and self._trains(run_id):
                _signal(run.pid, signal.SIGTERM)
        deadline = time.monotonic() + 8.0
        while time.monotonic() < deadline and any(self._trains(run_id) for run_id in training):
            time.sleep(TICK_SECONDS)
        for run_id, run in training.items():
            if run.pid and self._trains(run_id):
                _signal(run.pid, signal.SIGKILL)
            now = self.store.get(run_id)
            by_signal = now is not None and now.state == "stopped" and now.reason == ASKED_TO_END
            ended: State = "stopped" if by_signal else "running"  # whatever else had ended it, that stays
            if run_id in told_to_end:
                self.queue.end(run_id, ended, "stopped", None)
            elif self.queue.requeue(run_id, ended, RESTARTED) and run.paused:
                self.store.send(run_id, "pause")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def supervise(folder: Path, *, idle_seconds: float = IDLE_SECONDS, launcher: str = "auto") -> bool:
    """Run a supervisor in this process; returns False at once if the store has one."""
    set_up_process()
    return Supervisor(Store(folder), idle_seconds=idle_seconds, launcher=launcher).run()
