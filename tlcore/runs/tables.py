"""The tables of the store, and how a store of an older format is brought to the present one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

FORMAT = 4  # written to PRAGMA user_version; a store with a higher number belongs to a newer lab

TABLES = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, spec TEXT NOT NULL, method TEXT NOT NULL, preset TEXT, arm TEXT, seed INTEGER NOT NULL,
    state TEXT NOT NULL, paused INTEGER NOT NULL DEFAULT 0, device TEXT NOT NULL DEFAULT 'auto',
    created REAL NOT NULL, started REAL, ended REAL, heartbeat REAL, seconds REAL NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0, steps INTEGER NOT NULL, pid INTEGER, priority INTEGER NOT NULL DEFAULT 0,
    provenance TEXT NOT NULL DEFAULT '{}', summary TEXT NOT NULL DEFAULT '{}', reason TEXT, parent TEXT,
    projected INTEGER NOT NULL DEFAULT 0);
CREATE INDEX runs_by_state ON runs (state, created);
CREATE TABLE metrics (
    run TEXT NOT NULL, name TEXT NOT NULL, step INTEGER NOT NULL, value REAL, PRIMARY KEY (run, name, step)
) WITHOUT ROWID;
CREATE TABLE notices (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, step INTEGER NOT NULL, level TEXT NOT NULL, code TEXT NOT NULL,
    text TEXT NOT NULL);
CREATE INDEX notices_by_run ON notices (run);
CREATE TABLE probes (
    run TEXT PRIMARY KEY, labels BLOB NOT NULL, domains BLOB NOT NULL, class_names TEXT NOT NULL, thumbnails BLOB);
CREATE TABLE features (
    run TEXT NOT NULL, step INTEGER NOT NULL, features BLOB NOT NULL, predictions BLOB NOT NULL,
    PRIMARY KEY (run, step));
CREATE TABLE frames (
    run TEXT NOT NULL, projection TEXT NOT NULL, layout INTEGER NOT NULL, step INTEGER NOT NULL, points BLOB NOT NULL,
    predictions BLOB NOT NULL, PRIMARY KEY (run, projection, layout, step));
CREATE TABLE surfaces (
    run TEXT NOT NULL, name TEXT NOT NULL, step INTEGER NOT NULL, extent TEXT NOT NULL, field BLOB NOT NULL,
    PRIMARY KEY (run, name, step));
CREATE TABLE confusions (
    run TEXT NOT NULL, domain TEXT NOT NULL, step INTEGER NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY (run, domain, step));
CREATE TABLE controls (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, command TEXT NOT NULL, payload TEXT NOT NULL DEFAULT '{}');
CREATE INDEX controls_by_run ON controls (run);
"""
TABLES_SINCE_FORMAT_2 = """
CREATE TABLE IF NOT EXISTS neighbours (
    run TEXT NOT NULL, step INTEGER NOT NULL, indices BLOB NOT NULL, PRIMARY KEY (run, step));
CREATE TABLE IF NOT EXISTS film_quality (
    run TEXT NOT NULL, projection TEXT NOT NULL, layout INTEGER NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (run, projection, layout));
CREATE TABLE IF NOT EXISTS anatomies (
    run TEXT NOT NULL, step INTEGER NOT NULL, phases TEXT NOT NULL, PRIMARY KEY (run, step));
"""
TABLES_SINCE_FORMAT_3 = """
CREATE TABLE IF NOT EXISTS origins (run TEXT PRIMARY KEY, origin TEXT NOT NULL, kind TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS origins_by_origin ON origins (origin);
CREATE INDEX IF NOT EXISTS runs_listing ON runs (created, id, preset, arm, seed, state, method);
CREATE INDEX IF NOT EXISTS runs_by_preset ON runs (preset);
CREATE INDEX IF NOT EXISTS runs_by_arm ON runs (arm);
CREATE INDEX IF NOT EXISTS runs_by_seed ON runs (seed);
"""
# Labels belong to a visitor, '' in a lab that is not hosted. claims: who asked for a run; wanted: still does. shares:
# which runs a link shows, openings: who has followed it.
TABLES_SINCE_FORMAT_4 = """
CREATE TABLE IF NOT EXISTS labels (
    visitor TEXT NOT NULL, run TEXT NOT NULL, name TEXT, note TEXT, starred INTEGER NOT NULL DEFAULT 0, deleted REAL,
    PRIMARY KEY (visitor, run));
CREATE INDEX IF NOT EXISTS labels_deleted ON labels (visitor, deleted, run) WHERE deleted IS NOT NULL;
CREATE TABLE IF NOT EXISTS tags (
    visitor TEXT NOT NULL, run TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (visitor, run, tag)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_by_tag ON tags (visitor, tag, run);
CREATE TABLE IF NOT EXISTS visitors (
    id TEXT PRIMARY KEY, name TEXT, role TEXT, first_seen REAL NOT NULL, last_seen REAL NOT NULL);
CREATE TABLE IF NOT EXISTS claims (
    visitor TEXT NOT NULL, run TEXT NOT NULL, moment REAL NOT NULL, wanted INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (visitor, run)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims_by_run ON claims (run, wanted, visitor);
CREATE TABLE IF NOT EXISTS shares (
    token TEXT NOT NULL, run TEXT NOT NULL, visitor TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (token, run)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shares_by_run ON shares (run);
CREATE TABLE IF NOT EXISTS openings (
    visitor TEXT NOT NULL, token TEXT NOT NULL, opened REAL NOT NULL, PRIMARY KEY (visitor, token)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS own_data (name TEXT PRIMARY KEY, visitor TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS service (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
TABLES += TABLES_SINCE_FORMAT_2.lstrip() + TABLES_SINCE_FORMAT_3.lstrip() + TABLES_SINCE_FORMAT_4.lstrip()
TABLES_OF_A_RUN = (
    "metrics", "notices", "probes", "features", "frames", "surfaces", "confusions", "controls", "neighbours",
    "film_quality", "anatomies", "labels", "tags", "origins", "claims", "shares",
)  # fmt: skip

TABLES_OF_PEOPLE = ("labels", "tags", "visitors", "claims", "shares", "openings", "own_data", "service")
"""What recorded runs that ship with the lab have nothing of."""


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty SQLite file a store of the present format."""
    for statement in TABLES.strip().split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def bring_up_to_date(connection: sqlite3.Connection, version: int) -> None:
    """Make the tables of format `version` those of the present one, within a transaction."""
    _set_labels_aside(connection)
    later = TABLES_SINCE_FORMAT_2 + TABLES_SINCE_FORMAT_3 + TABLES_SINCE_FORMAT_4
    for statement in later.strip().split(";\n"):
        if statement.strip():
            connection.execute(statement)
    _take_labels_over(connection)
    if version < 3:
        _fill_origins(connection)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def origin_of(spec: Mapping[str, Any]) -> tuple[str, str] | None:
    """The run whose weights a spec, as JSON, starts from, and how ("run" or "checkpoint"); None for a fresh start."""
    start = spec.get("start", {})
    if start.get("kind") == "checkpoint":
        return start["run"], "checkpoint"
    if start.get("kind") != "run":
        return None
    # A spec in the store is canonical JSON, and so is the one inside it: its identity needs no validation.
    content = json.dumps(start["spec"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:16], "run"


def _fill_origins(connection: sqlite3.Connection) -> None:
    """Write down where the weights of every run came from, as `Store.add` does since format 3."""
    for row in connection.execute("SELECT id, spec FROM runs").fetchall():
        with contextlib.suppress(ValueError, KeyError, AttributeError, TypeError):
            origin = origin_of(json.loads(row["spec"]))
            if origin is not None:
                connection.execute("INSERT OR IGNORE INTO origins VALUES (?, ?, ?)", (row["id"], *origin))


def _set_labels_aside(connection: sqlite3.Connection) -> None:
    """In format 3 labels belonged to nobody; their tables make room for those that belong to a visitor."""
    present = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, index in (("labels", "labels_deleted"), ("tags", "tags_by_tag")):
        if table in present:
            connection.execute(f"DROP INDEX IF EXISTS {index}")
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_of_format_3")


def _take_labels_over(connection: sqlite3.Connection) -> None:
    """Whatever was written on runs until now was written by whoever owns this lab."""
    present = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, columns in (("labels", "run, name, note, starred, deleted"), ("tags", "run, tag")):
        if f"{table}_of_format_3" in present:
            connection.execute(
                f"INSERT INTO {table} (visitor, {columns}) SELECT '', {columns} FROM {table}_of_format_3"
            )
            connection.execute(f"DROP TABLE {table}_of_format_3")
