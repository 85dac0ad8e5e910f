"""What people write on runs: names, notes, tags, stars; and deletion that can be undone for a while."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlcore.errors import InvalidRequest
from tlcore.runs.database import Database
from tlcore.runs.tables import TABLES_OF_A_RUN

UNDO_SECONDS = 24 * 3600.0
"""How long a deleted run can be brought back."""
LONGEST_NAME, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS = 120, 4000, 40, 20
_IDENTITY = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Label:
    """What was written on one run. deleted: when, in seconds since 1970, or None."""

    name: str | None = None
    note: str | None = None
    starred: bool = False
    tags: tuple[str, ...] = ()
    deleted: float | None = None


class Labels:
    """Labels in the store. They may also be put on recorded runs, which the store itself does not hold."""

    database: Database
    folder: Path
    visitor: str = ""
    """Whose labels they are: '' for those of a lab that is not hosted, else 32 hexadecimal digits."""

    @property
    def present(self) -> str:
        """The SQL condition on `runs` that leaves out those that were deleted."""
        if self.database.read_only:  # runs that ship with the lab have no labels
            return "1"
        return f"id NOT IN (SELECT run FROM labels WHERE visitor = '{self.visitor}' AND deleted IS NOT NULL)"

    def label(self, run_id: str) -> Label:
        """What was written on a run; an empty label where nothing was."""
        if self.database.read_only:
            return Label()
        rows = self.database.rows("SELECT * FROM labels WHERE visitor = ? AND run = ?", self.visitor, run_id)
        query = "SELECT tag FROM tags WHERE visitor = ? AND run = ? ORDER BY tag"
        tags = tuple(row[0] for row in self.database.rows(query, self.visitor, run_id))
        if not rows:
            return Label(tags=tags)
        row = rows[0]
        return Label(row["name"], row["note"], bool(row["starred"]), tags, row["deleted"])

    def rename(self, run_id: str, name: str) -> None:
        """Give a run a name; an empty one takes it away.

        Raises:
            InvalidRequest: the name is too long.
        """
        self._write(run_id, "name", clean_line(name, "name", LONGEST_NAME))

    def annotate(self, run_id: str, note: str) -> None:
        """Write a note on a run; an empty one takes it away.

        Raises:
            InvalidRequest: the note is too long.
        """
        self._write(run_id, "note", clean_note(note))

    def star(self, run_ids: Iterable[str], starred: bool = True) -> None:
        """Put a star on runs, or take it away."""
        with self.database.transaction():
            for run_id in run_ids:
                self._write(run_id, "starred", int(starred))

    def tag(self, run_ids: Iterable[str], tags: Iterable[str]) -> None:
        """Add tags to runs.

        Raises:
            InvalidRequest: a tag is too long, or there would be too many on one run; nothing is written.
        """
        cleaned = clean_tags(tags)
        with self.database.transaction() as connection:
            for run_id in run_ids:
                rows = [(self.visitor, run_id, tag) for tag in cleaned]
                connection.executemany("INSERT OR IGNORE INTO tags (visitor, run, tag) VALUES (?, ?, ?)", rows)
                query = "SELECT count(*) FROM tags WHERE visitor = ? AND run = ?"
                count = connection.execute(query, (self.visitor, run_id)).fetchone()[0]
                if count > MOST_TAGS:
                    raise InvalidRequest(f"A run has at most {MOST_TAGS} tags.")

    def untag(self, run_ids: Iterable[str], tags: Sequence[str]) -> None:
        """Take tags away from runs."""
        with self.database.transaction() as connection:
            for run_id in run_ids:
                rows = [(self.visitor, run_id, tag) for tag in tags]
                connection.executemany("DELETE FROM tags WHERE visitor = ? AND run = ? AND tag = ?", rows)

    def discard(self, run_ids: Iterable[str]) -> list[str]:
        """Delete runs so that they can be brought back for a while; return those that were there.

        Raises:
            InvalidRequest: one of them waits or trains; nothing is deleted.
        """
        deleted, now = [], time.time()
        with self.database.transaction() as connection:
            for run_id in run_ids:
                row = connection.execute(
                    f"SELECT state FROM runs WHERE id = ? AND {self.present}", (run_id,)
                ).fetchone()
                if row is None:
                    continue
                if row["state"] in ("queued", "running") and self.holds(run_id):
                    raise InvalidRequest(f"Run {run_id} is {row['state']}; stop it before you delete it.")
                self._write(run_id, "deleted", now)
                deleted.append(run_id)
        return deleted

    def holds(self, run_id: str) -> bool:
        """Whether a run that waits or trains must be stopped before it is deleted: it is always so in a lab of one."""
        return True

    def bring_back(self, run_ids: Iterable[str]) -> int:
        """Undo the deletion of runs; return how many came back."""
        with self.database.transaction() as connection:
            statement = "UPDATE labels SET deleted = NULL WHERE visitor = ? AND run = ? AND deleted IS NOT NULL"
            return sum(connection.execute(statement, (self.visitor, run_id)).rowcount for run_id in run_ids)

    def discarded(self) -> list[tuple[str, float]]:
        """Deleted runs that can be brought back, and when they were deleted; the latest first."""
        query = "SELECT run, deleted FROM labels WHERE visitor = ? AND deleted IS NOT NULL ORDER BY deleted DESC, run"
        return [(row["run"], row["deleted"]) for row in self.database.rows(query, self.visitor)]

    def purge(self, older_than_seconds: float = UNDO_SECONDS) -> int:
        """Remove for good, with their weights, the runs deleted longer ago than this; return how many."""
        query = "SELECT run FROM labels WHERE visitor = ? AND deleted <= ?"
        limit = time.time() - older_than_seconds
        if not self.database.rows(f"{query} LIMIT 1", self.visitor, limit):
            return 0
        with self.database.transaction() as connection:
            # Asked again under the lock: one of them may have been brought back in between.
            gone = [row["run"] for row in connection.execute(query, (self.visitor, limit)).fetchall()]
            self.remove(gone)
        return len(gone)

    def remove(self, run_ids: Sequence[str]) -> None:
        """Remove runs at once and for good, with everything they recorded, their weights and their checkpoints."""
        with self.database.transaction() as connection:
            for run_id in run_ids:
                connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))
                for table in TABLES_OF_A_RUN:
                    connection.execute(f"DELETE FROM {table} WHERE run = ?", (run_id,))
            for run_id in run_ids:
                if _IDENTITY.fullmatch(run_id):
                    # Within the transaction: nobody can ask for the run anew and find half of its files.
                    shutil.rmtree(self.folder / "runs" / run_id, ignore_errors=True)

    def _write(self, run_id: str, column: str, value: object) -> None:
        if not _IDENTITY.fullmatch(run_id):
            raise InvalidRequest("That is not the identity of a run.")
        with self.database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO labels (visitor, run) VALUES (?, ?)", (self.visitor, run_id))
            statement = f"UPDATE labels SET {column} = ? WHERE visitor = ? AND run = ?"
            connection.execute(statement, (value, self.visitor, run_id))


def clean_line(text: str, what: str, longest: int) -> str | None:
    """One line of text without control characters, None for nothing.

    Raises:
        InvalidRequest: it is longer than `longest`.
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if len(line) > longest:
        raise InvalidRequest(f"A {what} has at most {longest} characters, not {len(line)}.")
    return line or None


def clean_note(text: str) -> str | None:
    """A note of several lines without control characters, None for nothing.

    Raises:
        InvalidRequest: it is too long.
    """
    if len(text) > LONGEST_NOTE:
        raise InvalidRequest(f"A note has at most {LONGEST_NOTE:,} characters, not {len(text):,}.")
    return "".join(sign for sign in text if sign.isprintable() or sign == "\n").strip() or None


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Tags as they are stored: one line each, none twice.

    Raises:
        InvalidRequest: one is too long, or there are too many.
    """
    cleaned = dict.fromkeys(line for tag in tags if (line := clean_line(tag, "tag", LONGEST_TAG)))
    if len(cleaned) > MOST_TAGS:
        raise InvalidRequest(f"A run has at most {MOST_TAGS} tags.")
    return list(cleaned)
