"""The store: every run with its state, what it recorded, and the messages that steer it.

A run goes `queued → running → finished | stopped | failed`. Its identity is its spec's content hash: submitted again it
is shown, not trained again, unless it was stopped or failed, in which case it continues from its last checkpoint.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import platformdirs

from tlcore.errors import InvalidRequest, StoreError
from tlcore.runs.database import Database
from tlcore.runs.labels import Labels
from tlcore.runs.recordings import Recordings
from tlcore.runs.tables import TABLES_OF_A_RUN, origin_of
from tlcore.specs import RunSpec, validate

State = Literal["queued", "running", "finished", "stopped", "failed"]
Command = Literal["pause", "resume", "step", "stop", "checkpoint", "ask_to_resume"]
ENDED: tuple[State, ...] = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class Run:
    """One row of the store. Times are seconds since 1970; `seconds` is time spent training."""

    id: str
    spec: RunSpec
    preset: str | None
    arm: str | None
    state: State
    paused: bool
    device: str
    created: float
    started: float | None
    ended: float | None
    heartbeat: float | None
    seconds: float
    step: int
    steps: int
    pid: int | None
    reason: str | None
    parent: str | None
    provenance: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    projected: bool = False

    @property
    def live(self) -> bool:
        """Waiting or training."""
        return self.state in ("queued", "running")


def default_store() -> Path:
    """The folder named by `TLCORE_STORE`, else the user's data folder."""
    return Path(os.environ.get("TLCORE_STORE") or platformdirs.user_data_dir("transfer-learning-lab"))


class Store(Recordings, Labels):
    """Runs and what they recorded, in one folder: an SQLite file with checkpoints beside it."""

    FILE = "lab.sqlite"

    def __init__(self, folder: Path | str | None = None, *, file: Path | None = None) -> None:
        """Open the store in `folder`, creating it if needed; or, with `file`, a recorded store that is only read.

        Raises:
            StoreError: it cannot be opened or belongs to a newer version of the lab.
        """
        if file is not None:
            self.folder = file.parent
            self.database = Database(file, read_only=True)
        else:
            self.folder = Path(folder) if folder is not None else default_store()
            self.database = Database(self.folder / self.FILE)

    # Runs ---------------------------------------------------------------------------------------------------------

    def add(
        self,
        spec: RunSpec,
        *,
        preset: str | None = None,
        arm: str | None = None,
        parent: str | None = None,
        device: str = "auto",
    ) -> str:
        """Queue a run, and before it the runs it starts from; return its identity.

        A run that waits, trains or has finished is left as it is; one that was stopped or failed is queued again; one
        that was deleted and can still be brought back is brought back.
        """
        for dependency in spec.dependencies():
            self.add(dependency, device=device)
        identity = spec.content_hash
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO runs (id, spec, method, preset, arm, seed, state, device, created, steps, parent) "
                "VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                (
                    identity, spec.canonical_json(), spec.method.name, preset, arm, spec.seed, device, time.time(),
                    spec.budget.steps, parent,
                ),
            )  # fmt: skip
            origin = origin_of(json.loads(spec.canonical_json()))
            if origin is not None:
                connection.execute("INSERT OR IGNORE INTO origins VALUES (?, ?, ?)", (identity, *origin))
            self.bring_back([identity])
            requeued = connection.execute(
                "UPDATE runs SET state = 'queued', paused = 0, reason = NULL, ended = NULL, pid = NULL, projected = 0, "
                "device = ?, created = ? WHERE id = ? AND state IN ('stopped', 'failed')",
                (device, time.time(), identity),
            ).rowcount
            connection.execute(
                "UPDATE runs SET preset = coalesce(preset, ?), arm = coalesce(arm, ?) WHERE id = ?",
                (preset, arm, identity),
            )
            if requeued:
                connection.execute("DELETE FROM controls WHERE run = ?", (identity,))
        return identity

    def get(self, run_id: str) -> Run | None:
        """The run with this identity, or None; one that was deleted is not there."""
        rows = self.database.rows(f"SELECT * FROM runs WHERE id = ? AND {self.present}", run_id)
        return _run(rows[0]) if rows else None

    def several(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """Those of the runs that are there, by identity, with one question to the database.

        Raises:
            StoreError: this version cannot read one of them.
        """
        marks = ",".join("?" * len(run_ids))
        query = f"SELECT * FROM runs WHERE id IN ({marks}) AND {self.present}"
        rows = self.database.rows(query, *run_ids) if run_ids else []
        return {row["id"]: _run(row) for row in rows}

    def require(self, run_id: str) -> Run:
        """The run with this identity, which may be shortened to its first digits.

        Raises:
            InvalidRequest: there is no such run, or several begin so.
        """
        rows = self.database.rows(
            f"SELECT * FROM runs WHERE substr(id, 1, ?) = ? AND {self.present} LIMIT 2", len(run_id), run_id
        )
        if not run_id or not rows:
            raise InvalidRequest(f"There is no run '{run_id}' in the store at {self.folder}.")
        if len(rows) > 1:
            raise InvalidRequest(f"Several runs begin with '{run_id}'; write more of the identity.")
        return _run(rows[0])

    def count(self, state: State) -> int:
        """How many runs are in this state."""
        query = f"SELECT count(*) FROM runs WHERE state = ? AND {self.present}"
        return int(self.database.rows(query, state)[0][0])

    def runs(self, states: Sequence[State] = (), limit: int = 1000, *, newest: bool = False) -> list[Run]:
        """Runs, the oldest first, only those in `states` if any are given; none whose spec this version cannot read.

        newest: the newest first, so that `limit` keeps those.
        """
        marks = ",".join("?" * len(states))
        where = f"state IN ({marks}) AND" if states else ""
        rows = self.database.rows(
            f"SELECT * FROM runs WHERE {where} {self.present} ORDER BY created {'DESC' if newest else ''} LIMIT ?",
            *states, limit,
        )  # fmt: skip
        found = []
        for row in rows:
            with contextlib.suppress(StoreError):
                found.append(_run(row))
        return found

    def change(self, run_id: str, *, only: Sequence[State] = (), **values: Any) -> bool:
        """Set columns of a run; with `only`, only if it is in one of these states. Returns whether it was changed."""
        assignments = ", ".join(f"{name} = ?" for name in values)
        content = [json.dumps(value) if isinstance(value, dict) else value for value in values.values()]
        where = f" AND state IN ({','.join('?' * len(only))})" if only else ""
        with self.database.transaction() as connection:
            statement = f"UPDATE runs SET {assignments} WHERE id = ?{where}"
            return connection.execute(statement, (*content, run_id, *only)).rowcount > 0

    def forget_records(self, run_id: str, after_step: int) -> None:
        """Remove what a run recorded after `after_step`: it continues from there and will record it again.

        A film that was laid out as a whole goes too: it would hide the frames that are to come.
        """
        with self.database.transaction() as connection:
            for table in (
                "metrics", "notices", "features", "frames", "surfaces", "confusions", "neighbours", "anatomies",
            ):  # fmt: skip
                connection.execute(f"DELETE FROM {table} WHERE run = ? AND step > ?", (run_id, after_step))
            connection.execute("DELETE FROM frames WHERE run = ? AND layout > 0", (run_id,))
            connection.execute("DELETE FROM film_quality WHERE run = ?", (run_id,))

    def delete(self, run_id: str) -> None:
        """Remove a run at once and for good, with everything it recorded in the database. See `discard`."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            for table in TABLES_OF_A_RUN:
                connection.execute(f"DELETE FROM {table} WHERE run = ?", (run_id,))

    def claim(self, run_id: str) -> None:
        """Note who asked for a run. In a lab that is not hosted there is nothing to note."""

    def claim_like(self, run_id: str, other: str) -> None:
        """Let those who want the run `other` want `run_id` too, which it starts from."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO claims (visitor, run, moment, wanted) "
                "SELECT visitor, ?, moment, wanted FROM claims WHERE run = ?",
                (run_id, other),
            )

    def adopt(self, run_id: str) -> bool:
        """Whether a run that is not in sight is in the store all the same. In a lab that is not hosted none is."""
        return False

    def run_folder(self, run_id: str) -> Path:
        """Where the run's checkpoints and weights lie."""
        return self.folder / "runs" / run_id

    # Control ------------------------------------------------------------------------------------------------------

    def send(self, run_id: str, command: Command, **payload: Any) -> None:
        """Leave a message for the run's worker."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO controls (run, command, payload) VALUES (?, ?, ?)", (run_id, command, json.dumps(payload))
            )

    def take_back(self, run_id: str, command: Command) -> bool:
        """Remove messages that nobody has read yet; returns whether there were any."""
        with self.database.transaction() as connection:
            statement = "DELETE FROM controls WHERE run = ? AND command = ?"
            return connection.execute(statement, (run_id, command)).rowcount > 0

    def wanted(self, run_id: str) -> bool:
        """Whether any visitor of a hosted lab waits for the run."""
        query = "SELECT 1 FROM claims WHERE run = ? AND wanted = 1 LIMIT 1"
        return bool(self.database.rows(query, run_id))

    def take_messages(self, run_id: str) -> list[tuple[Command, dict[str, Any]]]:
        """The messages left for a run, oldest first; they are removed. `ask_to_resume` is for the supervisor alone."""
        theirs = "FROM controls WHERE run = ? AND command != 'ask_to_resume'"
        if not self.database.rows(f"SELECT 1 {theirs} LIMIT 1", run_id):
            return []  # the usual case, ten times a second: no write transaction
        with self.database.transaction() as connection:
            rows = connection.execute(f"SELECT * {theirs} ORDER BY id", (run_id,)).fetchall()
            connection.execute(f"DELETE {theirs}", (run_id,))
        return [(row["command"], json.loads(row["payload"])) for row in rows]


def _run(row: sqlite3.Row) -> Run:
    try:
        spec = _spec(row["spec"])
    except (ValueError, InvalidRequest) as error:
        raise StoreError(f"Run {row['id']} cannot be read by this version of the lab: {error}") from None
    return Run(
        id=row["id"], spec=spec, preset=row["preset"], arm=row["arm"], state=row["state"],
        paused=bool(row["paused"]), device=row["device"], created=row["created"], started=row["started"],
        ended=row["ended"], heartbeat=row["heartbeat"], seconds=row["seconds"], step=row["step"], steps=row["steps"],
        pid=row["pid"], reason=row["reason"], parent=row["parent"], provenance=json.loads(row["provenance"]),
        summary=json.loads(row["summary"]), projected=bool(row["projected"]),
    )  # fmt: skip


@lru_cache(maxsize=2000)
def _spec(text: str) -> RunSpec:
    """A spec from its text. Specs are immutable: a page that looks at many runs again and again reads each once."""
    return validate(json.loads(text))
