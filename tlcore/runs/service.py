"""The state of a hosted lab as a whole: whether it is being readied for maintenance, who owns it, who is there."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tlcore.runs.database import Database

DRAIN = "drain"
OWNER = "owner "
ACTIVE_SECONDS = 300.0
DRAINING = "This server is being readied for maintenance: no new runs start until it is done."


class Service:
    """A few words kept beside the runs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, name: str) -> str | None:
        """The value kept under a name, or None."""
        rows = self.database.rows("SELECT value FROM service WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else None

    def put(self, name: str, value: str | None) -> None:
        """Keep a value under a name; None takes it away."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM service WHERE name = ?", (name,))
            if value is not None:
                connection.execute("INSERT INTO service (name, value) VALUES (?, ?)", (name, value))

    @property
    def draining(self) -> bool:
        """Whether no new runs start."""
        return self.get(DRAIN) is not None

    def drain(self, on: bool) -> None:
        """Let no new runs start, or let them start again. What trains goes on."""
        self.put(DRAIN, f"{time.time()}" if on else None)

    def forget(self, visitor: str) -> None:
        """Forget that a visitor was ever here, with the names and tags they gave."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM visitors WHERE id = ?", (visitor,))
            for table in ("openings", "labels", "tags"):
                connection.execute(f"DELETE FROM {table} WHERE visitor = ?", (visitor,))
        self.put(f"{OWNER}{visitor}", None)

    def visitors(self) -> Visits:
        """How many have been here, and are here now."""
        query = "SELECT count(*) AS every, coalesce(sum(last_seen > ?), 0) AS active FROM visitors"
        row = self.database.rows(query, time.time() - ACTIVE_SECONDS)[0]
        return Visits(row["every"], row["active"])


@dataclass(frozen=True)
class Visits:
    """Visitors so far, and those seen within the last minutes."""

    every: int
    active: int
