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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import platformdirs

from tlcore.errors import InvalidRequest, StoreError
from tlcore.runs.database import TABLES_OF_A_RUN, Database, pack, unpack
from tlcore.runs.records import Confusion, Frame, Notice, Probe, Series, Surface
from tlcore.specs import RunSpec, validate

State = Literal["queued", "running", "finished", "stopped", "failed"]
Command = Literal["pause", "resume", "step", "stop", "checkpoint"]
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


class Store:
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

        A run that waits, trains or has finished is left as it is; one that was stopped or failed is queued again.
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
        """The run with this identity, or None."""
        rows = self.database.rows("SELECT * FROM runs WHERE id = ?", run_id)
        return _run(rows[0]) if rows else None

    def require(self, run_id: str) -> Run:
        """The run with this identity, which may be shortened to its first digits.

        Raises:
            InvalidRequest: there is no such run, or several begin so.
        """
        rows = self.database.rows("SELECT * FROM runs WHERE substr(id, 1, ?) = ? LIMIT 2", len(run_id), run_id)
        if not run_id or not rows:
            raise InvalidRequest(f"There is no run '{run_id}' in the store at {self.folder}.")
        if len(rows) > 1:
            raise InvalidRequest(f"Several runs begin with '{run_id}'; write more of the identity.")
        return _run(rows[0])

    def runs(self, states: Sequence[State] = (), limit: int = 1000) -> list[Run]:
        """Runs, the oldest first, only those in `states` if any are given; none whose spec this version cannot read."""
        marks = ",".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        rows = self.database.rows(f"SELECT * FROM runs {where} ORDER BY created LIMIT ?", *states, limit)
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
            for table in ("metrics", "notices", "features", "frames", "surfaces", "confusions"):
                connection.execute(f"DELETE FROM {table} WHERE run = ? AND step > ?", (run_id, after_step))
            connection.execute("DELETE FROM frames WHERE run = ? AND layout > 0", (run_id,))

    def delete(self, run_id: str) -> None:
        """Remove a run with everything it recorded in the database."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            for table in TABLES_OF_A_RUN:
                connection.execute(f"DELETE FROM {table} WHERE run = ?", (run_id,))

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

    def take_messages(self, run_id: str) -> list[tuple[Command, dict[str, Any]]]:
        """The messages left for a run, oldest first; they are removed."""
        if not self.database.rows("SELECT 1 FROM controls WHERE run = ? LIMIT 1", run_id):
            return []  # the usual case, ten times a second: no write transaction
        with self.database.transaction() as connection:
            rows = connection.execute("SELECT * FROM controls WHERE run = ? ORDER BY id", (run_id,)).fetchall()
            connection.execute("DELETE FROM controls WHERE run = ?", (run_id,))
        return [(row["command"], json.loads(row["payload"])) for row in rows]

    # Recording ----------------------------------------------------------------------------------------------------

    def record_metrics(self, run_id: str, points: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Add metrics: pairs of a step and its named values. NaN is kept as NaN."""
        rows = [(run_id, name, step, value) for step, values in points for name, value in values.items()]
        with self.database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?)", rows)

    def record_notice(self, run_id: str, notice: Notice) -> None:
        """Add a notice; one of each code is kept, the latest."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM notices WHERE run = ? AND code = ?", (run_id, notice.code))
            connection.execute(
                "INSERT INTO notices (run, step, level, code, text) VALUES (?, ?, ?, ?, ?)",
                (run_id, notice.step, notice.level, notice.code, notice.text),
            )

    def record_probe(self, run_id: str, probe: Probe) -> None:
        """Set the probe points of a run."""
        thumbnails = None if probe.thumbnails is None else pack(probe.thumbnails)
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO probes VALUES (?, ?, ?, ?, ?)",
                (run_id, pack(probe.labels), pack(probe.domains), json.dumps(probe.class_names), thumbnails),
            )

    def record_features(
        self, run_id: str, step: int, features: npt.NDArray[np.float32], predictions: npt.NDArray[np.int16]
    ) -> None:
        """Add the features (N, D) of the probe points, to be projected by whoever is free."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)",
                (run_id, step, pack(features.astype(np.float16)), pack(predictions)),
            )

    def record_frames(self, run_id: str, frames: Iterable[Frame]) -> None:
        """Add frames, all in one transaction: a film laid out anew appears whole or not at all."""
        rows = [
            (run_id, frame.projection, frame.layout, frame.step, pack(frame.points), pack(frame.predictions))
            for frame in frames
        ]
        with self.database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?, ?)", rows)

    def record_surface(self, run_id: str, surface: Surface) -> None:
        """Add a function over the plane."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO surfaces VALUES (?, ?, ?, ?, ?)",
                (run_id, surface.name, surface.step, json.dumps(surface.extent), pack(surface.values)),
            )

    def record_confusion(self, run_id: str, confusion: Confusion) -> None:
        """Add a confusion matrix."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO confusions VALUES (?, ?, ?, ?)",
                (run_id, confusion.domain, confusion.step, pack(confusion.counts)),
            )

    # Reading ------------------------------------------------------------------------------------------------------

    def metrics(self, run_id: str, names: Sequence[str] = ()) -> dict[str, Series]:
        """The metrics of a run over its steps, all of them or those in `names`."""
        where = f"AND name IN ({','.join('?' * len(names))})" if names else ""
        rows = self.database.rows(
            f"SELECT name, step, value FROM metrics WHERE run = ? {where} ORDER BY name, step", run_id, *names
        )
        grouped: dict[str, tuple[list[int], list[float]]] = {}
        for name, step, value in rows:
            steps, values = grouped.setdefault(name, ([], []))
            steps.append(step)
            values.append(float("nan") if value is None else value)
        return {
            name: Series(name, np.asarray(steps, np.int64), np.asarray(values, np.float64))
            for name, (steps, values) in grouped.items()
        }

    def latest(self, run_id: str) -> dict[str, float]:
        """The last value of each metric."""
        rows = self.database.rows("SELECT name, value, max(step) FROM metrics WHERE run = ? GROUP BY name", run_id)
        return {row["name"]: float("nan") if row["value"] is None else row["value"] for row in rows}

    def notices(self, run_id: str) -> list[Notice]:
        """The notices of a run, by step."""
        rows = self.database.rows("SELECT * FROM notices WHERE run = ? ORDER BY step, id", run_id)
        return [Notice(row["step"], row["level"], row["code"], row["text"]) for row in rows]

    def probe(self, run_id: str) -> Probe | None:
        """The probe points of a run, or None before it has started."""
        rows = self.database.rows("SELECT * FROM probes WHERE run = ?", run_id)
        if not rows:
            return None
        thumbnails = rows[0]["thumbnails"]
        return Probe(
            labels=unpack(rows[0]["labels"]),
            domains=unpack(rows[0]["domains"]),
            class_names=tuple(json.loads(rows[0]["class_names"])),
            thumbnails=None if thumbnails is None else unpack(thumbnails),
        )

    def feature_steps(self, run_id: str) -> list[int]:
        """The steps at which features were recorded."""
        return [row[0] for row in self.database.rows("SELECT step FROM features WHERE run = ? ORDER BY step", run_id)]

    def features(self, run_id: str, step: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int16]] | None:
        """Features (N, D) and predictions (N,) of the probe points at one step, or None."""
        rows = self.database.rows("SELECT * FROM features WHERE run = ? AND step = ?", run_id, step)
        if not rows:
            return None
        return unpack(rows[0]["features"]).astype(np.float32), unpack(rows[0]["predictions"])

    def projections(self, run_id: str) -> dict[str, tuple[int, int]]:
        """For each projection of a run: its newest layout, and how many frames that has."""
        rows = self.database.rows(
            "SELECT projection, layout, count(*) AS frames FROM frames WHERE run = ? GROUP BY projection, layout "
            "ORDER BY layout",
            run_id,
        )
        return {row["projection"]: (row["layout"], row["frames"]) for row in rows}

    def frames(self, run_id: str, projection: str, *, after_step: int = -1) -> list[Frame]:
        """The frames of the newest layout of one projection, by step, those after `after_step`."""
        rows = self.database.rows(
            "SELECT * FROM frames WHERE run = ? AND projection = ? AND step > ? AND layout = "
            "(SELECT max(layout) FROM frames WHERE run = ? AND projection = ?) ORDER BY step",
            run_id, projection, after_step, run_id, projection,
        )  # fmt: skip
        return [
            Frame(row["step"], row["projection"], _single(row["points"]), unpack(row["predictions"]), row["layout"])
            for row in rows
        ]

    def surfaces(self, run_id: str, name: str | None = None) -> list[Surface]:
        """The functions over the plane that a run recorded, by step."""
        rows = self.database.rows(
            "SELECT * FROM surfaces WHERE run = ? AND name = coalesce(?, name) ORDER BY step, name", run_id, name
        )
        return [
            Surface(row["step"], row["name"], tuple(json.loads(row["extent"])), _single(row["field"])) for row in rows
        ]

    def confusion(self, run_id: str, domain: str) -> Confusion | None:
        """The latest confusion matrix on one domain, or None."""
        rows = self.database.rows(
            "SELECT * FROM confusions WHERE run = ? AND domain = ? ORDER BY step DESC LIMIT 1", run_id, domain
        )
        return Confusion(rows[0]["step"], domain, unpack(rows[0]["counts"])) if rows else None


def _run(row: sqlite3.Row) -> Run:
    try:
        spec = validate(json.loads(row["spec"]))
    except (ValueError, InvalidRequest) as error:
        raise StoreError(f"Run {row['id']} cannot be read by this version of the lab: {error}") from None
    return Run(
        id=row["id"], spec=spec, preset=row["preset"], arm=row["arm"], state=row["state"],
        paused=bool(row["paused"]), device=row["device"], created=row["created"], started=row["started"],
        ended=row["ended"], heartbeat=row["heartbeat"], seconds=row["seconds"], step=row["step"], steps=row["steps"],
        pid=row["pid"], reason=row["reason"], parent=row["parent"], provenance=json.loads(row["provenance"]),
        summary=json.loads(row["summary"]), projected=bool(row["projected"]),
    )  # fmt: skip


def _single(blob: bytes) -> npt.NDArray[np.float32]:
    """Recorded runs that ship with the lab keep half precision; whoever reads sees float32 either way."""
    return unpack(blob).astype(np.float32, copy=False)
