"""How a file of recorded runs is laid out: what repeats is kept once, and views show the store's own tables.

Whoever reads the file asks the same questions of it as of any store. In a table of metrics the name of the run and of
the metric take four fifths of the room, and runs of one experiment share their probe points: here both are numbers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tlcore.runs.tables import TABLES_OF_PEOPLE, create_tables

PAGE_BYTES = 1024  # of SQLite: of its many small tables each takes at least one
REPLACED = ("metrics", "probes", "frames")

TABLES = """
CREATE TABLE run_numbers (number INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE);
CREATE TABLE metric_names (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE contents (number INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE metric_points (
    run INTEGER NOT NULL, name INTEGER NOT NULL, step INTEGER NOT NULL, value REAL, PRIMARY KEY (run, name, step)
) WITHOUT ROWID;
CREATE TABLE probe_contents (
    run TEXT PRIMARY KEY, labels INTEGER NOT NULL, domains INTEGER NOT NULL, class_names TEXT NOT NULL,
    thumbnails INTEGER) WITHOUT ROWID;
CREATE TABLE frame_contents (
    run TEXT NOT NULL, projection TEXT NOT NULL, layout INTEGER NOT NULL, step INTEGER NOT NULL,
    points INTEGER NOT NULL, predictions INTEGER NOT NULL, PRIMARY KEY (run, projection, layout, step)
) WITHOUT ROWID;
CREATE VIEW metrics AS
    SELECT run_numbers.run AS run, metric_names.name AS name, step, value FROM metric_points
    JOIN run_numbers ON run_numbers.number = metric_points.run
    JOIN metric_names ON metric_names.number = metric_points.name;
CREATE VIEW probes AS
    SELECT run, labels.content AS labels, domains.content AS domains, class_names, thumbnails.content AS thumbnails
    FROM probe_contents
    JOIN contents AS labels ON labels.number = probe_contents.labels
    JOIN contents AS domains ON domains.number = probe_contents.domains
    LEFT JOIN contents AS thumbnails ON thumbnails.number = probe_contents.thumbnails;
CREATE VIEW frames AS
    SELECT run, projection, layout, step, points.content AS points, predictions.content AS predictions
    FROM frame_contents
    JOIN contents AS points ON points.number = frame_contents.points
    JOIN contents AS predictions ON predictions.number = frame_contents.predictions;
"""


def create_compact_tables(connection: sqlite3.Connection) -> None:
    """Make an empty SQLite file one of recorded runs: the store's tables, three of them as views, none of people."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    create_tables(connection)
    for table in (*REPLACED, *TABLES_OF_PEOPLE):
        connection.execute(f"DROP TABLE {table}")
    for statement in TABLES.strip().split(";\n"):
        connection.execute(statement)


class Contents:
    """Numbers for what is kept once: the same bytes have the same number."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """connection: an open file with compact tables."""
        self._connection = connection
        self._numbers: dict[bytes, int] = {}
        self._made: dict[bytes, bytes] = {}

    def number(self, content: bytes, shrink: Callable[[bytes], bytes] = bytes) -> int:
        """The number of what `shrink` makes of these bytes; it is asked once for the same bytes."""
        if content not in self._made:
            self._made[content] = shrink(content)
        small = self._made[content]
        if small not in self._numbers:
            cursor = self._connection.execute("INSERT INTO contents (content) VALUES (?)", (small,))
            self._numbers[small] = int(cursor.lastrowid or 0)
        return self._numbers[small]
