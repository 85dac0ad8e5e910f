"""Pulls a method's events, step by step, and steers by the messages that people leave in the store."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, cast

from tlcore.errors import RunFailed
from tlcore.execution.checkpoint_files import CHECKPOINT, WEIGHTS, StoredTensors, step_file, write_tensors
from tlcore.execution.endings import ASKED_TO_END
from tlcore.execution.machine import (
    choose_device,
    choose_precision,
    peak_memory_bytes,
    prepare_process,
    provenance,
)
from tlcore.execution.patience import Patience
from tlcore.execution.ration import Ration
from tlcore.execution.recorder import Recorder
from tlcore.execution.start import find_beginning
from tlcore.methods.registry import METHODS
from tlcore.runs import Confusion, Frame, Notice, Run, StepAnatomy, Store, Surface
from tlcore.runs.store import Command
from tlcore.training.evaluation import summarise_run
from tlcore.training.events import Advanced, Checkpoint, Event, Features, Finished, Metrics, Outputs
from tlcore.training.preparation import prepare

POLL_SECONDS = 0.1
FIRST_CHECKPOINT_SECONDS = 2.0
CHECKPOINT_SECONDS = 10.0
PAUSED_POLL_SECONDS = 0.05


class Stopped(Exception):
    """The run was stopped on request. reason: why, if it was not a person who asked. unwanted: because the last visitor
    who wanted it had left."""

    def __init__(self, reason: str | None, *, unwanted: bool = False) -> None:
        super().__init__(reason or "stopped")
        self.reason = reason
        self.unwanted = unwanted


class Training:
    """The training of one run from its beginning, or its last checkpoint, to its end."""

    def __init__(self, store: Store, run: Run, threads: int, ration: Ration | None = None) -> None:
        self.store = store
        self.run_record = run
        self.spec = run.spec
        self.threads = threads
        self.ration = ration or Ration()
        self.recorder = Recorder(store, run.id)
        self._patience = Patience(store, run.id)
        self.step = 0
        self.seconds = 0.0
        self._paused = False  # between two steps, waiting
        self._pausing = False  # will wait after the next step
        self._stopping = False
        self._stop_reason: str | None = None
        self._unwanted = False  # nothing but that nobody wants the run asks for its end
        self._forking = False  # a checkpoint is to be kept under its step's name
        self._asked = False  # for a checkpoint at the next step
        self._inbox: deque[Command] = deque()
        self._latest: Checkpoint | None = None  # of the step just done, where one was made
        self._polled = 0.0
        self._resumed = 0.0  # when training began or went on, by the monotonic clock
        self._reported = 0.0

    def request_stop(self) -> None:
        """Stop after the present step. Safe in a signal handler."""
        if not self._stopping:
            self._stop_reason = ASKED_TO_END
        self._stopping = True

    def run(self) -> None:
        """Train to the end and record the weights and the summary.

        Raises:
            Stopped: a person, or the system, asked for it; a checkpoint was written.
            RunFailed: the losses are no longer numbers, or the weights to start from are missing.
            OutOfSpace, MissingData, InvalidRequest: as they say.
        """
        run_id = self.run_record.id
        prepare_process(self.threads, self.spec.seed)
        device = choose_device(self.run_record.device)
        precision = choose_precision(self.spec.budget.precision, device)
        beginning = find_beginning(self.store, self.run_record)
        self.step, self.seconds = beginning.step, beginning.seconds
        # A run that begins at step 0 records step 0 anew; one that continues has its records up to that step.
        self.store.forget_records(run_id, beginning.step if beginning.resume_state is not None else -1)
        prepared = prepare(
            self.spec,
            device=device,
            precision=precision,
            start_weights=beginning.start_weights,
            resume_state=beginning.resume_state,
            report=self._report,
        )
        self.evaluator = prepared.evaluator
        self.cadence = prepared.context.cadence
        with self.store.database.transaction():
            self.store.record_probe(run_id, prepared.probe)
            self.provenance = provenance(device, precision)
            self.store.change(run_id, provenance=self.provenance, step=self.step, seconds=self.seconds)
            if beginning.notice:
                self.store.record_notice(run_id, beginning.notice)
            if beginning.resume_state is None:
                for number, text in enumerate(prepared.notes):
                    self.store.record_notice(run_id, Notice(0, "info", f"data-{number}", text))
        self._resumed = time.monotonic()
        self._checkpoint_at = self._resumed + FIRST_CHECKPOINT_SECONDS
        # A method is a generator; the registry promises no more than an iterator.
        events = cast("Generator[Event]", METHODS[self.spec.method.name](self.spec, prepared.context))
        with contextlib.closing(events):
            for event in events:
                self._take(event)
                if self.recorder.due:
                    self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case Advanced():
                self.step = event.step
                self._between_steps()
            case Metrics():
                self.recorder.add(event)
                self._score(event)
                self._check_losses(event)
            case Outputs():
                self._score(event)
            case Features():
                self.recorder.add(event)
                self._score(event)
            case Surface() | Frame() | Notice() | StepAnatomy():
                self.recorder.add(event)
            case Checkpoint():
                self._latest = event
            case Finished():
                self._finish(event)

    def _score(self, event: Outputs | Features | Metrics) -> None:
        for record in self.evaluator.score(event):
            assert isinstance(record, (Metrics, Notice, Confusion))
            self.recorder.add(record)

    def _check_losses(self, metrics: Metrics) -> None:
        for name, value in metrics.values.items():
            if name.endswith("loss") and not math.isfinite(value):
                self._flush()
                raise RunFailed(
                    f"The {name.replace('_', ' ')} is no longer a finite number at step {metrics.step}: training has "
                    f"diverged; try a smaller learning rate than {self.spec.optimisation.learning_rate:g}."
                )

    def _finish(self, event: Finished) -> None:
        run_id = self.run_record.id
        self._flush()
        folder = self.store.run_folder(run_id)
        stored = StoredTensors(run_id, event.step, self._seconds(), event.weights)
        self._patiently(lambda: write_tensors(folder / WEIGHTS, stored))
        summary = summarise_run(self.store.metrics(run_id))
        columns = {
            "state": "finished", "step": event.step, "seconds": self._seconds(), "paused": False, "reason": None,
            "summary": summary, "provenance": self.provenance | {"peak_memory_bytes": peak_memory_bytes()},
        }  # fmt: skip
        self._patiently(lambda: self.recorder.flush(ended=time.time(), **columns))
        (folder / CHECKPOINT).unlink(missing_ok=True)

    # Between two steps --------------------------------------------------------------------------------------------

    def _between_steps(self) -> None:
        """Everything that may happen after a step: records, checkpoints, messages, waiting."""
        if self._stopping or self._pausing or self._forking or self._latest or self.cadence.every_step:
            self._act()
        now = time.monotonic()
        if now - self._polled >= POLL_SECONDS:
            self._polled = now
            self._read_messages()
            if self.ration.seconds and self._seconds() > self.ration.seconds and not self._stopping:
                self._stopping, self._stop_reason = True, self.ration.time_is_up()
                self._ask_for_checkpoint()
            if now >= self._checkpoint_at:
                self.cadence.checkpoint_requested = True

    def _act(self) -> None:
        if self._latest is None and not self._asked and (self._stopping or self._pausing or self._forking):
            self._ask_for_checkpoint()  # it comes with the next step
            return
        self._asked = self.cadence.every_step = False
        if self._forking and self._latest:
            self._keep_for_forks()
        if self._stopping and self.step < self.spec.budget.steps:
            self._write_latest()
            self._flush()
            raise self._stopped()
        if self._latest:
            self._write_latest()
        if self._pausing:
            self._wait()
        self._latest = None

    def _ask_for_checkpoint(self) -> None:
        self._asked = self.cadence.checkpoint_requested = True

    def _wait(self) -> None:
        """Wait, paused, until someone asks for a step, for going on, or for the end."""
        self.seconds = self._seconds()
        self._paused = True
        self._flush(paused=True)
        while self._paused:
            self._read_messages()
            if self._stopping:
                raise self._stopped()
            if self._forking and self._latest:
                self._keep_for_forks()
            if self._paused:
                if self.recorder.due:
                    self._flush()
                time.sleep(PAUSED_POLL_SECONDS)
        self._resumed = time.monotonic()
        if not self._pausing:
            self._flush(paused=False)

    def _read_messages(self) -> None:
        messages: list[tuple[Command, dict[str, Any]]] = []
        self._patiently(lambda: messages.extend(self.store.take_messages(self.run_record.id)))
        for command, payload in messages:
            self._receive(command, payload)
        while self._inbox and not self._stopping:
            if self._inbox[0] == "step" and self._pausing and not self._paused:
                break  # asked for once more during a step: its turn comes when that step is done
            self._obey(self._inbox.popleft())
        if (self._pausing or self._stopping or self._forking) and not self._paused:
            self._ask_for_checkpoint()

    def _receive(self, command: Command, payload: dict[str, Any]) -> None:
        """Take a message: an end is at once in force, all else waits for its turn."""
        if command == "stop":
            self._unwanted = bool(payload.get("unwanted")) and (self._unwanted or not self._stopping)
            self._stopping, self._stop_reason = True, payload.get("reason")
        else:
            self._inbox.append(command)

    def _stopped(self) -> Stopped:
        return Stopped(self._stop_reason, unwanted=self._unwanted)

    def _obey(self, command: Command) -> None:
        if command == "pause":
            self._pausing = True
        elif command == "resume":
            self._paused = self._pausing = False
        elif command == "step":
            # One step with everything shown, then waiting: for the first time, if training still ran.
            self.cadence.every_step = True
            self._pausing, self._paused = True, False
        elif command == "checkpoint":
            self._forking = True

    # Records and files --------------------------------------------------------------------------------------------

    def _seconds(self) -> float:
        if self._paused:
            return self.seconds
        return self.seconds + time.monotonic() - self._resumed

    def _flush(self, **columns: bool) -> None:
        seconds = self._seconds()
        self._patiently(lambda: self.recorder.flush(step=self.step, seconds=seconds, **columns))

    def _patiently(self, write: Callable[[], None]) -> None:
        """Write, or wait until that is possible; asked to stop meanwhile, the run stops without it."""
        waited = self._patience(write, lambda: self._stopping)
        if waited is None:
            raise self._stopped()
        self._resumed += waited  # that was no time of training

    def _write(self, name: str) -> None:
        assert self._latest is not None
        # What led to the checkpoint is written first: a run that continues from it must not miss any record.
        self._flush()
        run_id = self.run_record.id
        stored = StoredTensors(run_id, self._latest.step, self._seconds(), self._latest.state)
        self._patiently(lambda: write_tensors(self.store.run_folder(run_id) / name, stored))

    def _write_latest(self) -> None:
        if self._latest:
            self._write(CHECKPOINT)
            self._checkpoint_at = time.monotonic() + CHECKPOINT_SECONDS

    def _keep_for_forks(self) -> None:
        assert self._latest is not None
        self._write(step_file(self._latest.step))
        self._forking = False

    def _report(self, text: str, share: float) -> None:
        """Tell how far the preparation of the data is; called often."""
        if self._stopping:
            raise self._stopped()
        now = time.monotonic()
        if now - self._reported >= 0.5:
            self._reported = now
            for command, payload in self.store.take_messages(self.run_record.id):
                self._receive(command, payload)  # what is not an end has its turn when training has begun
            if self._stopping:
                raise self._stopped()
            self.recorder.add(Notice(0, "info", "preparation", f"{text} ({share:.0%})"))
            self.recorder.flush()
