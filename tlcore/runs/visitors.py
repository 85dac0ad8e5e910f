"""The store as one visitor of a hosted lab sees it: own and shared runs, own labels, nothing of anybody else.

This is the one gate: everything a page reads, compares, exports, asks or deletes goes through a store, and in a hosted
lab that store is a `VisitorStore`. The same spec is the same run whoever asks for it, so a run belongs to nobody;
visitors have *claims* on it. It is trained once, and it goes on as long as somebody wants it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlcore.errors import InvalidRequest
from tlcore.runs.sharing import Sharing
from tlcore.runs.store import Store
from tlcore.specs.hosting import Role
from tlcore.specs.run import RunSpec

IDENTITY = re.compile(r"[0-9a-f]{32}")
SEEN_EVERY = 60.0  # seconds between two notes of the same visitor
NOT_YOURS = "There is no such run here, or it is not yours."


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser. id: 32 hexadecimal digits. name: the address of a login, or None for a stranger."""

    id: str
    role: Role = "trainer"
    name: str | None = None

    def __post_init__(self) -> None:
        if not IDENTITY.fullmatch(self.id):
            raise ValueError("a visitor's identity has 32 hexadecimal digits")

    @property
    def may_train(self) -> bool:
        """Whether this visitor may ask for runs at all."""
        return self.role != "viewer"


class VisitorStore(Sharing, Store):
    """What `visitor` may see and do in a store. The owner of the server sees every run."""

    def __init__(self, store: Store, visitor: Visitor) -> None:
        """Look at `store` with the eyes of `visitor`; both use the same file."""
        self.folder = store.folder
        self.database = store.database
        self.whole = store
        self.who = visitor
        self.visitor = visitor.id
        self.admit: Callable[[RunSpec], None] | None = None

    @property
    def present(self) -> str:
        """The SQL condition on `runs` that leaves only what this visitor may see and has not deleted."""
        # The identity is checked to be hexadecimal digits, so it may stand in the text of a query.
        kept = f"id NOT IN (SELECT run FROM labels WHERE visitor = '{self.visitor}' AND deleted IS NOT NULL)"
        if self.who.role == "owner":
            return kept
        return (
            f"(id IN (SELECT run FROM claims WHERE visitor = '{self.visitor}') OR id IN (SELECT shares.run FROM "
            f"openings JOIN shares ON shares.token = openings.token WHERE openings.visitor = '{self.visitor}')) "
            f"AND {kept}"
        )

    def run_folder(self, run_id: str) -> Path:
        """Where the run's checkpoints and weights lie; for a run that is not in sight a folder that is not there."""
        hidden = self.get(run_id) is None and self.whole.get(run_id) is not None
        return super().run_folder("not-yours" if hidden else run_id)

    # Claims -------------------------------------------------------------------------------------------------------

    def add(self, spec: RunSpec, **options: Any) -> str:
        """Queue a run as `Store.add` does, and claim it for this visitor, with what it starts from; `admit` may refuse.

        What somebody has imported was not computed here: asked for, it is trained, so that nobody is shown, or builds
        on, what a stranger has made up.
        """
        identity = spec.content_hash
        with self.database.transaction() as connection:
            if self.admit is not None:
                self.admit(spec)  # under the lock: who asks in many tabs at once is still one visitor
            self._forget_imported(identity)
            ended = "SELECT 1 FROM runs WHERE id = ? AND state NOT IN ('queued', 'running')"
            if connection.execute(ended, (identity,)).fetchone():
                # If it is trained on, it is for this visitor: the others got what they had asked for.
                connection.execute("UPDATE claims SET wanted = 0 WHERE run = ?", (identity,))
            super().add(spec, **options)  # comes back here for what the run starts from
            self.claim(identity)
            # Nobody wanted it any more, and it has not read yet that it may end.
            unread = "DELETE FROM controls WHERE run = ? AND command = 'stop' AND json_extract(payload, '$.unwanted')"
            connection.execute(unread, (identity,))
            statement = "UPDATE claims SET wanted = 1, moment = ? WHERE visitor = ? AND run = ? AND wanted = 0"
            connection.execute(statement, (time.time(), self.visitor, identity))
        return identity

    def claim(self, run_id: str) -> None:
        """Note that this visitor asked for a run."""
        with self.database.transaction() as connection:
            statement = "INSERT OR IGNORE INTO claims (visitor, run, moment, wanted) VALUES (?, ?, ?, 1)"
            connection.execute(statement, (self.visitor, run_id, time.time()))

    def adopt(self, run_id: str) -> bool:
        """Claim a run that is in the store already though this visitor has not seen it; returns whether it is there.

        Raises:
            InvalidRequest: it was not trained here.
        """
        rows = self.database.rows("SELECT provenance FROM runs WHERE id = ?", run_id)
        if rows and '"imported"' in rows[0]["provenance"]:
            raise InvalidRequest("This run cannot be imported here now; train it to see it.")
        if rows:
            self.claim(run_id)
        return bool(rows)

    def _forget_imported(self, run_id: str) -> None:
        rows = self.database.rows("SELECT provenance FROM runs WHERE id = ?", run_id)
        if rows and '"imported"' in rows[0]["provenance"]:
            claims = self.database.rows("SELECT visitor, moment FROM claims WHERE run = ?", run_id)
            self.whole.remove([run_id])
            with self.database.transaction() as connection:
                statement = "INSERT INTO claims (visitor, run, moment, wanted) VALUES (?, ?, ?, 0)"
                connection.executemany(statement, [(row["visitor"], run_id, row["moment"]) for row in claims])

    def owns(self, run_id: str) -> bool:
        """Whether this visitor asked for the run and has not deleted it; everything is the owner's."""
        if self.get(run_id) is None:
            return False
        query = "SELECT 1 FROM claims WHERE visitor = ? AND run = ?"
        return self.who.role == "owner" or bool(self.database.rows(query, self.visitor, run_id))

    def wants(self, run_id: str) -> bool:
        """Whether this visitor waits for the run."""
        query = "SELECT 1 FROM claims WHERE visitor = ? AND run = ? AND wanted = 1"
        return bool(self.database.rows(query, self.visitor, run_id))

    def wanted_by_others(self, run_id: str) -> bool:
        """Whether anybody else waits for the run."""
        query = "SELECT 1 FROM claims WHERE run = ? AND visitor != ? AND wanted = 1 LIMIT 1"
        return bool(self.database.rows(query, run_id, self.visitor))

    def give_up(self, run_id: str) -> None:
        """Wait for the run no longer; it stays in sight."""
        with self.database.transaction() as connection:
            statement = "UPDATE claims SET wanted = 0 WHERE visitor = ? AND run = ?"
            connection.execute(statement, (self.visitor, run_id))

    def live_claims(self) -> int:
        """How many runs this visitor wants that wait or train."""
        query = (
            "SELECT count(*) FROM claims JOIN runs ON runs.id = claims.run WHERE claims.visitor = ? AND wanted = 1 "
            "AND state IN ('queued', 'running')"
        )
        return int(self.database.rows(query, self.visitor)[0][0])

    # Deletion -----------------------------------------------------------------------------------------------------

    def holds(self, run_id: str) -> bool:
        """Whether a run that trains must be stopped before this visitor deletes it."""
        return self.wants(run_id) or not self.wanted_by_others(run_id)

    def remove(self, run_ids: Sequence[str]) -> None:
        """Give up runs for good; what nobody else has a claim on is removed from the store."""
        with self.database.transaction() as connection:
            for run_id in run_ids:
                for table in ("claims", "labels", "tags", "shares"):
                    connection.execute(f"DELETE FROM {table} WHERE visitor = ? AND run = ?", (self.visitor, run_id))
            self.whole.remove([run_id for run_id in run_ids if not self._claimed(run_id)])

    def _claimed(self, run_id: str) -> bool:
        return bool(self.database.rows("SELECT 1 FROM claims WHERE run = ? LIMIT 1", run_id))

    # Data ---------------------------------------------------------------------------------------------------------

    def own_data(self) -> set[str]:
        """The names of the data sets this visitor has brought."""
        return {row["name"] for row in self.database.rows("SELECT name FROM own_data WHERE visitor = ?", self.visitor)}

    def claim_data(self, name: str) -> bool:
        """Note that a data set is this visitor's; False where it is somebody else's."""
        with self.database.transaction() as connection:
            statement = "INSERT OR IGNORE INTO own_data (name, visitor, created) VALUES (?, ?, ?)"
            connection.execute(statement, (name, self.visitor, time.time()))
            row = connection.execute("SELECT visitor FROM own_data WHERE name = ?", (name,)).fetchone()
        return bool(row["visitor"] == self.visitor)

    def release_data(self, names: Iterable[str]) -> None:
        """Forget that these data sets are this visitor's: they are gone."""
        with self.database.transaction() as connection:
            rows = [(name, self.visitor) for name in names]
            connection.executemany("DELETE FROM own_data WHERE name = ? AND visitor = ?", rows)

    # The visitor --------------------------------------------------------------------------------------------------

    def take_over(self, other: Visitor) -> int:
        """Make everything of another identity this visitor's: runs, labels, links and data sets; returns how many runs.

        For somebody who has signed in and was a stranger in the same browser before. What both have stays as this
        visitor has it, and a run that either waits for is waited for.
        """
        with self.database.transaction() as connection:
            query = "SELECT count(*) FROM claims WHERE visitor = ?"
            runs = int(connection.execute(query, (other.id,)).fetchone()[0])
            connection.execute(
                "UPDATE claims SET wanted = 1 WHERE visitor = ? AND run IN "
                "(SELECT run FROM claims WHERE visitor = ? AND wanted = 1)", (self.visitor, other.id),
            )  # fmt: skip
            for table in ("claims", "labels", "tags", "shares", "openings", "own_data"):
                statement = f"UPDATE OR IGNORE {table} SET visitor = ? WHERE visitor = ?"
                connection.execute(statement, (self.visitor, other.id))
                connection.execute(f"DELETE FROM {table} WHERE visitor = ?", (other.id,))
        return runs

    def note_visit(self) -> None:
        """Note that this visitor was here; at most once a minute anything is written."""
        now = time.time()
        query = "SELECT 1 FROM visitors WHERE id = ? AND last_seen > ? AND role IS ? AND name IS ?"
        if self.database.rows(query, self.visitor, now - SEEN_EVERY, self.who.role, self.who.name):
            return
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO visitors (id, name, role, first_seen, last_seen) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) "
                "DO UPDATE SET name = excluded.name, role = excluded.role, last_seen = excluded.last_seen",
                (self.visitor, self.who.name, self.who.role, now, now),
            )
