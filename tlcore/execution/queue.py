"""What the supervisor asks of the store, and what it tells it, many times a second."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tlcore.errors import InvalidRequest
from tlcore.execution.endings import RESTARTED
from tlcore.execution.fairness import Waiting, fair_order
from tlcore.runs import State, Store
from tlcore.specs import RunSpec


@dataclass(frozen=True)
class LiveRun:
    """A run that waits or trains."""

    id: str
    state: State
    paused: bool
    device: str
    pid: int | None
    visitors: tuple[str, ...] = ()
    """Who wants it; nobody in particular where a lab is not hosted."""
    reason: str | None = None
    wishes: bool = False
    """Whether it is paused and waits for a place to go on."""

    @property
    def interrupted(self) -> bool:
        """Whether it had begun when the worker before this one ended."""
        return self.reason == RESTARTED


class Queue:
    """The runs of a store that wait or train, in the order in which they should be trained."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._dependencies: dict[str, tuple[RunSpec, ...]] = {}
        self._version: int | None = None

    def changed(self) -> bool:
        """Whether another process has written to the store since this was asked last. Costs microseconds."""
        version = self.store.database.rows("PRAGMA data_version")[0][0]
        changed = version != self._version
        self._version = version
        return changed

    def live(self) -> list[LiveRun]:
        """Runs that wait or train: by priority, then the oldest first; those of several visitors in a fair order."""
        rows = self.store.database.rows(
            "SELECT id, state, paused, device, pid, priority, created, reason FROM runs "
            "WHERE state IN ('queued', 'running') ORDER BY priority DESC, created, rowid"
        )
        wanted, wishes = self._wanted_by(), set(self.wishes())
        runs = {
            row["id"]: LiveRun(
                row["id"], row["state"], bool(row["paused"]), row["device"], row["pid"], wanted.get(row["id"], ()),
                row["reason"], row["id"] in wishes,
            )
            for row in rows
        }  # fmt: skip
        if not wanted:
            return list(runs.values())
        busy = Counter(
            one for run in runs.values() if run.state == "running" and not run.paused for one in run.visitors
        )
        waiting = [
            Waiting(row["id"], runs[row["id"]].visitors, row["created"], row["priority"])
            for row in rows
            if row["state"] == "queued"
        ]
        order = fair_order(waiting, busy, self._served())
        return [run for run in runs.values() if run.state == "running"] + [runs[run_id] for run_id in order]

    def _wanted_by(self) -> dict[str, tuple[str, ...]]:
        """Which visitors want each live run."""
        found: dict[str, tuple[str, ...]] = {}
        for row in self.store.database.rows(
            "SELECT run, visitor FROM runs JOIN claims ON claims.run = runs.id AND wanted = 1 "
            "WHERE state IN ('queued', 'running') ORDER BY visitor"
        ):
            found[row["run"]] = (*found.get(row["run"], ()), row["visitor"])
        return found

    def _served(self) -> dict[str, float]:
        """When a run of each visitor with a live run began last."""
        rows = self.store.database.rows(
            "SELECT claims.visitor, max(started) AS began FROM claims JOIN runs ON runs.id = claims.run WHERE "
            "claims.visitor IN (SELECT visitor FROM runs JOIN claims ON claims.run = runs.id AND wanted = 1 WHERE "
            "state IN ('queued', 'running')) AND started IS NOT NULL GROUP BY claims.visitor"
        )
        return {row["visitor"]: row["began"] for row in rows}

    def stop_requests(self) -> dict[str, bool]:
        """Runs with an unread message to stop, and whether they are told so only because nobody wants them."""
        unwanted = "min(json_extract(payload, '$.unwanted') IS 1)"
        query = f"SELECT run, {unwanted} FROM controls WHERE command = 'stop' GROUP BY run"
        return {row[0]: bool(row[1]) for row in self.store.database.rows(query)}

    def wishes(self) -> list[str]:
        """Runs that are asked to go on once there is a place, in the order in which they were."""
        query = "SELECT run FROM controls WHERE command = 'ask_to_resume' GROUP BY run ORDER BY min(id)"
        return [row[0] for row in self.store.database.rows(query)]

    def let_resume(self, run_id: str) -> None:
        """Grant that a run goes on."""
        with self.store.database.transaction():
            self.store.take_back(run_id, "ask_to_resume")
            self.store.change(run_id, only=["running"], reason=None)
            self.store.send(run_id, "resume")

    def unprojected(self) -> bool:
        """Whether the features of an ended run are still to be projected."""
        query = "SELECT 1 FROM runs WHERE projected = 0 AND state NOT IN ('queued', 'running') LIMIT 1"
        return bool(self.store.database.rows(query))

    def state(self, run_id: str) -> State | None:
        """The state of a run, or None if it was deleted."""
        rows = self.store.database.rows("SELECT state FROM runs WHERE id = ?", run_id)
        return rows[0]["state"] if rows else None

    def ready(self, run_id: str) -> bool:
        """Whether everything the run starts from has finished. A run whose start has failed fails here."""
        try:
            dependencies = self._dependencies_of(run_id)
        except InvalidRequest as error:
            self.end(run_id, "queued", "failed", str(error))
            return False
        for spec in dependencies:
            identity = spec.content_hash
            rows = self.store.database.rows("SELECT state, reason FROM runs WHERE id = ?", identity)
            if not rows:
                self.store.add(spec)
                self.store.claim_like(identity, run_id)
                return False
            state, reason = rows[0]["state"], rows[0]["reason"]
            if state in ("failed", "stopped"):
                detail = f": {reason}" if reason else "."
                self.end(run_id, "queued", "failed", f"The run it starts from ({identity}) {_was(state)}{detail}")
            if state != "finished":
                return False
        return True

    def awaited(self, live: Iterable[LiveRun]) -> set[str]:
        """Those runs that a waiting one starts from."""
        found: set[str] = set()
        for run in live:
            if run.state == "queued":
                with contextlib.suppress(InvalidRequest):  # said when it is the run's turn
                    found |= {spec.content_hash for spec in self._dependencies_of(run.id)}
        return found

    def _dependencies_of(self, run_id: str) -> tuple[RunSpec, ...]:
        if run_id not in self._dependencies:
            run = self.store.get(run_id)
            self._dependencies[run_id] = run.spec.dependencies() if run else ()
        return self._dependencies[run_id]

    def end(self, run_id: str, only: State, state: State, reason: str | None) -> bool:
        """End a run that is in the state `only`; returns whether it was."""
        return self.store.change(
            run_id, only=[only], state=state, reason=reason, ended=time.time(), paused=False, pid=None
        )

    def requeue(self, run_id: str, only: State, reason: str | None = None) -> bool:
        """Let a run wait again, to go on from its checkpoint."""
        return self.store.change(
            run_id, only=[only], state="queued", reason=reason, ended=None, paused=False, pid=None, projected=False
        )


def _was(state: State) -> str:
    return "was stopped" if state == "stopped" else "failed"
