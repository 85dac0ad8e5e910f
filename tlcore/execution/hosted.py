"""`HostedExecutor`: runs of one visitor of a hosted lab, within the limits that hold there.

A page holds one for whoever looks at it and uses it like any other executor. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tlcore.errors import InvalidRequest
from tlcore.execution.admission import Admission
from tlcore.execution.local import LocalExecutor
from tlcore.runs.visitors import NOT_YOURS, Visitor, VisitorStore
from tlcore.specs import RunSpec, override
from tlcore.specs.hosting import Hosting

STILL_WANTED = "Somebody else waits for this run too, so it goes on; it no longer counts as yours."
SHARED_PAUSE = "Somebody else waits for this run too, so it cannot be paused; Stop lets you leave it."


class HostedExecutor(LocalExecutor):
    """Trains runs for one visitor. All methods check again what the page has checked before."""

    store: VisitorStore

    def __init__(self, lab: LocalExecutor, visitor: Visitor, hosting: Hosting) -> None:
        """lab: the executor over the whole store, which keeps the supervisor. hosting: the limits that hold now."""
        super().__init__(VisitorStore(lab.store, visitor), idle_seconds=lab.idle_seconds, launcher=lab.launcher)
        self.lab = lab
        self.visitor = visitor
        self.hosting = hosting
        self.admission = Admission(self.store, hosting)
        self.store.admit = lambda spec: self.admission.require_places({spec.content_hash: spec})

    def ensure_supervisor(self) -> None:
        """Start the supervisor of the store unless one runs. Raises StoreError."""
        self.lab.ensure_supervisor()

    def require_admission(self, specs: Iterable[RunSpec]) -> None:
        """Check that all these runs may be asked for, before the first of them is queued.

        Raises:
            InvalidRequest, OutOfSpace: they may not, with the reason.
        """
        self.admission.require_runs(specs)

    def submit(self, spec: RunSpec, *, preset: str | None = None, arm: str | None = None, device: str = "auto") -> str:
        """Queue a run for this visitor. The same run that somebody else has asked for is not trained twice.

        Raises:
            InvalidRequest: this visitor may not ask for it.
            MissingData, OutOfSpace, StoreError: as `LocalExecutor.submit`.
        """
        self.require_admission([spec])
        return super().submit(spec, preset=preset, arm=arm, device=device)

    def stop(self, run_id: str, *, reason: str | None = None) -> None:
        """No longer want a run. It ends, unless somebody else wants it; then it goes on without this visitor.

        Raises:
            InvalidRequest: it is not this visitor's.
        """
        self._require_own(run_id)
        with self.store.database.transaction():  # nobody may come to want it between the question and the end
            self.store.give_up(run_id)
            if not self.store.wanted_by_others(run_id):
                self._end(run_id, reason=reason, unwanted=True)

    def pause(self, run_id: str) -> None:
        """Let the run wait after its next step. It keeps its memory, so only so many may be paused at once.

        Raises:
            InvalidRequest: it is not this visitor's alone, or too many are paused.
        """
        self._require_room_to_pause(run_id)
        super().pause(run_id)
        self.store.take_back(run_id, "ask_to_resume")

    def step(self, run_id: str) -> None:
        """Let a paused run do one step; a run that trains is paused, where `pause` may do that."""
        self._require_room_to_pause(run_id)
        super().step(run_id)

    def resume(self, run_id: str) -> None:
        """Let a paused run go on as soon as there is a place for it: the supervisor gives it one.

        Raises:
            InvalidRequest: it is not this visitor's alone.
        """
        self._steer(run_id, "ask_to_resume")  # asked for again it keeps its place among those that wait

    def fork(self, run_id: str, changes: Mapping[str, Any]) -> str:
        """Go on from the present step of a run with other parameters, as `LocalExecutor.fork` does.

        Raises:
            InvalidRequest: it is not this visitor's, or the fork may not be asked for.
        """
        self._require_own(run_id)
        changed = override({"fork": self.store.require(run_id).spec}, changes)["fork"]
        self.require_admission([changed])
        return super().fork(run_id, changes)

    def _steer(self, run_id: str, command: Any, **payload: Any) -> None:
        self._require_own(run_id)
        if command != "stop" and self.store.wanted_by_others(run_id):
            raise InvalidRequest(SHARED_PAUSE)
        super()._steer(run_id, command, **payload)

    def _require_room_to_pause(self, run_id: str) -> None:
        run, most = self.store.require(run_id), self.hosting.limits.paused_in_all
        query = "SELECT count(*) FROM runs WHERE state = 'running' AND paused = 1 AND id != ?"
        if not run.paused and self.store.database.rows(query, run.id)[0][0] >= most:
            raise InvalidRequest(
                f"{most:,} run{'s are' if most != 1 else ' is'} paused on this server, as many as it keeps in memory. "
                "Stop ends a run with a checkpoint, and Train goes on from there."
            )

    def _require_own(self, run_id: str) -> None:
        if not self.store.owns(run_id):
            raise InvalidRequest(NOT_YOURS)
