"""What the owner of a hosted lab should see of it: who trains, what failed."""

from __future__ import annotations

from dataclasses import dataclass

from tlcore.runs.store import Store


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
