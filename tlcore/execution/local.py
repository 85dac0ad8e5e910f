"""`LocalExecutor`: hands runs to the supervisor of a store, and starts that supervisor where none runs.

Imports no torch: the web process uses it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tlcore.errors import InvalidRequest, StoreError
from tlcore.execution.disk import require_space
from tlcore.execution.locks import is_held
from tlcore.execution.presence import LOG, SUPERVISOR_LOCK, supervisor_pid, trim_log, visit
from tlcore.execution.questions import pinned
from tlcore.runs import Run, Store
from tlcore.runs.usage import require_room
from tlcore.specs import CheckpointStart, RunSpec, override, validate

FORK_PATIENCE = 10.0
START_PATIENCE = 20.0  # a supervisor that was started is given this long before another is
WORKER, APART = "TLCORE_WORKER", "apart"
KEPT_BY_FORKS = ("network", "data", "seed")


class LocalExecutor:
    """Trains runs on this machine. All methods return at once unless they say otherwise."""

    def __init__(self, store: Store, *, idle_seconds: float | None = None, launcher: str = "auto") -> None:
        """idle_seconds: how long the supervisor stays without work. launcher: `fork`, `spare`, or by the system."""
        self.store = store
        self.idle_seconds = idle_seconds
        self.launcher = launcher
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def require_admission(self, specs: Iterable[RunSpec]) -> None:
        """Check that all these runs may be asked for. Whoever has the lab to themselves may ask for anything."""

    def submit(self, spec: RunSpec, *, preset: str | None = None, arm: str | None = None, device: str = "auto") -> str:
        """Queue a run and what it starts from; return its identity. A run that is there already is not trained again.

        Own data are named with the content they have now.

        Raises:
            MissingData: the own data that the run names are not on this machine.
            OutOfSpace: too little disk space is left, or the store has reached its limit.
            StoreError: the store cannot be written.
        """
        require_space(self.store.folder)
        named = pinned(spec)
        if self.store.get(named.content_hash) is None:
            require_room(self.store, 0)
        run_id = self.store.add(named, preset=preset, arm=arm, device=device)
        self.ensure_supervisor()
        return run_id

    def pause(self, run_id: str) -> None:
        """Let the run wait after its next step."""
        self._steer(run_id, "pause")

    def resume(self, run_id: str) -> None:
        """Let a paused run go on."""
        self._steer(run_id, "resume")

    def step(self, run_id: str) -> None:
        """Let a paused run do one step; a run that trains is paused."""
        self._steer(run_id, "step")

    def stop(self, run_id: str, *, reason: str | None = None) -> None:
        """End the run: at once if it waits, else after it has written a checkpoint. Submitted again it goes on.

        reason: the sentence that is kept with it, where it is not obvious why.
        """
        self._end(run_id, reason=reason)

    def _end(self, run_id: str, *, reason: str | None = None, **how: bool) -> None:
        ended = {"state": "stopped", "ended": time.time(), "reason": reason}
        if not self.store.change(run_id, only=["queued"], **ended):
            self._steer(run_id, "stop", **({"reason": reason} if reason else {}), **how)

    def _steer(self, run_id: str, command: Any, **payload: Any) -> None:
        if self._live(run_id):
            self.store.send(run_id, command, **payload)
            self.ensure_supervisor()

    def _live(self, run_id: str) -> bool:
        return self.store.require(run_id).live

    def fork(self, run_id: str, changes: Mapping[str, Any]) -> str:
        """Go on from the present step of a run with other parameters, as a new run; the old one is stopped.

        Waits up to some seconds for the checkpoint. Returns the new run's identity.

        Raises:
            InvalidRequest: a change is not possible, or the run has no checkpoint to go on from.
        """
        run = self.store.require(run_id)
        changed = override({"fork": run.spec}, changes)["fork"]
        self._check_fork(run, changed)
        step = self._checkpoint_of(run) if run.live else self._last_checkpoint(run)
        document = changed.model_dump(mode="json")
        document["start"] = CheckpointStart(run=run.id, step=step).model_dump(mode="json")
        if step >= changed.budget.steps:
            raise InvalidRequest(f"Run {run.id} is at step {step}; a fork of it must train for more steps than that.")
        new = self.store.add(validate(document), preset=run.preset, arm=run.arm, parent=run.id, device=run.device)
        self.stop(run.id)
        self.ensure_supervisor()
        return new

    @staticmethod
    def _check_fork(run: Run, changed: RunSpec) -> None:
        if changed == run.spec:
            raise InvalidRequest("A fork needs a parameter that differs from the run it comes from.")
        for part in KEPT_BY_FORKS:
            if getattr(changed, part) != getattr(run.spec, part):
                raise InvalidRequest(f"A fork goes on with the same {part}; start a new run to change it.")
        if changed.optimisation.optimiser != run.spec.optimisation.optimiser:
            raise InvalidRequest("A fork goes on with the same optimiser; start a new run to change it.")

    def _checkpoint_of(self, run: Run) -> int:
        folder = self.store.run_folder(run.id)
        self.store.send(run.id, "checkpoint")
        self.ensure_supervisor()
        deadline = time.monotonic() + FORK_PATIENCE
        while time.monotonic() < deadline:
            steps = [int(path.stem.removeprefix("step-")) for path in folder.glob("step-*.safetensors")]
            if any(step >= run.step for step in steps):
                return max(steps)
            now = self.store.require(run.id)
            if not now.live:
                return self._last_checkpoint(now)
            time.sleep(0.05)
        raise InvalidRequest(f"Run {run.id} has not begun to train yet; change its parameters before it starts.")

    def _last_checkpoint(self, run: Run) -> int:
        """Keep the checkpoint of a run that no longer trains under its step's name."""
        checkpoint = self.store.run_folder(run.id) / "checkpoint.safetensors"
        if run.state == "finished" or not checkpoint.exists():
            raise InvalidRequest(f"Run {run.id} has {run.state} and left no checkpoint to go on from.")
        step = _checkpoint_step(checkpoint)
        kept = checkpoint.with_name(f"step-{step}.safetensors")
        if not kept.exists():
            # A link, not a copy: checkpoints are replaced by renaming, never written in place.
            os.link(checkpoint, kept)
        return step

    # The supervisor -----------------------------------------------------------------------------------------------

    @property
    def supervised(self) -> bool:
        """Whether a supervisor works for this store."""
        return is_held(self.store.folder / SUPERVISOR_LOCK)

    def ensure_supervisor(self) -> None:
        """Start a supervisor unless one runs, apart from this process so that it outlives it.

        With `TLCORE_WORKER=apart` somebody else sees to that, and runs wait until there is one.

        Raises:
            StoreError: it cannot be started.
        """
        visit(self.store.folder)
        if os.environ.get(WORKER) == APART or self.supervised or self._starting():
            return
        trim_log(self.store.folder)
        command = [sys.executable, "-m", "tlcore", "worker", "--store", str(self.store.folder.resolve())]
        command += ["--launcher", self.launcher]
        if self.idle_seconds is not None:
            command += ["--idle", str(self.idle_seconds)]
        try:
            with (self.store.folder / LOG).open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd=Path(__file__).resolve().parents[2],
                )
        except OSError as error:
            raise StoreError(f"The training process cannot be started: {error.strerror}.") from None
        self._started = time.monotonic()

    def _starting(self) -> bool:
        alive = self._process is not None and self._process.poll() is None
        return alive and time.monotonic() - self._started < START_PATIENCE

    def shutdown(self, patience: float = 15.0) -> None:
        """End the supervisor and wait for it; runs that train are queued again, to go on with the next supervisor."""
        deadline = time.monotonic() + patience
        asked: int | None = None
        while time.monotonic() < deadline and (self.supervised or self._starting()):
            pid = supervisor_pid(self.store.folder)
            if pid is not None and pid != asked:
                os.kill(pid, signal.SIGTERM)
                asked = pid
            time.sleep(0.05)
        if self._process is not None:
            self._process.poll()


def _checkpoint_step(path: Path) -> int:
    """The step in the header of a safetensors file, read without torch.

    Raises:
        InvalidRequest: the file is damaged.
    """
    import json

    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > 2**24:
                raise ValueError("header too large")
            return int(json.loads(file.read(size))["__metadata__"]["step"])
    except (OSError, ValueError, KeyError) as error:
        raise InvalidRequest(f"The checkpoint {path} is damaged ({error}).") from None
