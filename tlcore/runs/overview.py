"""What the owner of a hosted lab should see of it: who trains, what failed, who is there, what can go."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tlcore.runs.store import Store
from tlcore.runs.visitors import Visitor, VisitorStore

DAY = 86400.0


@dataclass(frozen=True)
class LiveRow:
    """A run that waits or trains. visitors: the first digits of who wants it."""

    id: str
    preset: str | None
    arm: str | None
    state: str
    paused: bool
    step: int
    steps: int
    created: float
    started: float | None
    pid: int | None
    visitors: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A run that failed lately."""

    id: str
    preset: str | None
    arm: str | None
    ended: float
    reason: str


def live_rows(store: Store) -> list[LiveRow]:
    """Every run that waits or trains, those that train first."""
    wanted: dict[str, tuple[str, ...]] = {}
    for row in store.database.rows(
        "SELECT run, claims.visitor, name FROM runs JOIN claims ON claims.run = runs.id AND wanted = 1 "
        "LEFT JOIN visitors ON visitors.id = claims.visitor WHERE state IN ('queued', 'running') ORDER BY moment"
    ):
        wanted[row["run"]] = (*wanted.get(row["run"], ()), row["name"] or row["visitor"][:6])
    rows = store.database.rows(
        "SELECT id, preset, arm, state, paused, step, steps, created, started, pid FROM runs "
        "WHERE state IN ('queued', 'running') ORDER BY state DESC, created, rowid"
    )
    return [
        LiveRow(
            row["id"], row["preset"], row["arm"], row["state"], bool(row["paused"]), row["step"], row["steps"],
            row["created"], row["started"], row["pid"], wanted.get(row["id"], ()),
        )
        for row in rows
    ]  # fmt: skip


def failures(store: Store, limit: int = 20) -> list[Failure]:
    """The runs that failed last, the latest first."""
    rows = store.database.rows(
        "SELECT id, preset, arm, ended, reason FROM runs WHERE state = 'failed' AND ended IS NOT NULL "
        "ORDER BY ended DESC LIMIT ?",
        limit,
    )
    return [Failure(row["id"], row["preset"], row["arm"], row["ended"], row["reason"] or "") for row in rows]


def gone(store: Store, days: int) -> list[str]:
    """Visitors who have not signed in and were last here more than `days` days ago, and keep runs; 0 days: nobody."""
    if not days:
        return []
    rows = store.database.rows(
        "SELECT id FROM visitors WHERE name IS NULL AND last_seen < ? AND "
        "(id IN (SELECT visitor FROM claims) OR id IN (SELECT visitor FROM own_data))",
        time.time() - days * DAY,
    )
    return [row["id"] for row in rows]


def tidy(store: Store, visitor: str) -> tuple[int, list[str]]:
    """Remove the runs of a visitor who has gone, except those that wait or train and those that others claim.

    Returns how many claims were given up, and the names of the visitor's data sets, which are to be removed as well.
    """
    theirs = VisitorStore(store, Visitor(visitor))
    rows = store.database.rows(
        "SELECT run FROM claims JOIN runs ON runs.id = claims.run WHERE claims.visitor = ? AND "
        "state NOT IN ('queued', 'running')",
        visitor,
    )
    theirs.remove([row["run"] for row in rows])
    return len(rows), sorted(theirs.own_data())
