"""What leaves a hosted lab by itself: runs and data of strangers who have not come back, and what was deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tlcore.errors import LabError
from tlcore.runs.service import Service
from tlcore.runs.store import Store
from tlcore.runs.visitors import Visitor, VisitorStore

DAY = 86400.0


@dataclass(frozen=True)
class Tidied:
    """What went. runs: claims that were given up; strangers: of whom nothing is known any more."""

    runs: int = 0
    data: int = 0
    strangers: int = 0
    deleted: int = 0

    def text(self) -> str:
        """In one line."""
        return (
            f"{self.strangers:,} strangers forgotten, {self.runs:,} runs and {self.data:,} data sets of theirs given "
            f"up, {self.deleted:,} deleted runs removed for good."
        )


def clear_up(store: Store, days: int, remove_data: Callable[[str], object]) -> Tidied:
    """Remove the runs and data of strangers who were last here more than `days` days ago, and what any visitor has
    deleted longer ago than it can be brought back. 0 days: strangers are kept.

    remove_data: removes an own data set by its name; one that it cannot remove is left for the next time.

    Raises:
        StoreError: the store cannot be written.
    """
    deleted = sum(VisitorStore(store, Visitor(visitor)).purge() for visitor in _with_deletions(store))
    runs = data = forgotten = 0
    for visitor in gone(store, days):
        count, names = tidy(store, visitor)
        runs += count
        removed = [name for name in names if _removed(remove_data, name)]
        data += len(removed)
        VisitorStore(store, Visitor(visitor)).release_data(removed)
        if not _keeps(store, visitor):
            Service(store.database).forget(visitor)
            forgotten += 1
    return Tidied(runs, data, forgotten, deleted)


def gone(store: Store, days: int) -> list[str]:
    """Visitors who have not signed in and were last here more than `days` days ago; 0 days: nobody."""
    if not days:
        return []
    query = "SELECT id FROM visitors WHERE name IS NULL AND last_seen < ? ORDER BY last_seen"
    return [row["id"] for row in store.database.rows(query, time.time() - days * DAY)]


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


def _with_deletions(store: Store) -> list[str]:
    query = "SELECT DISTINCT visitor FROM labels WHERE deleted IS NOT NULL AND visitor != ''"
    return [row["visitor"] for row in store.database.rows(query)]


def _removed(remove_data: Callable[[str], object], name: str) -> bool:
    try:
        remove_data(name)
    except LabError:
        return False
    return True


def _keeps(store: Store, visitor: str) -> bool:
    """Whether something of a visitor is still here: a run that trains, or data that could not be removed."""
    query = "SELECT 1 FROM claims WHERE visitor = :who UNION SELECT 1 FROM own_data WHERE visitor = :who LIMIT 1"
    return bool(store.database.named_rows(query, {"who": visitor}))
