"""The SQLite file behind the store: opening it, its tables, and its faults said in one sentence."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from tlcore.errors import NotWritable, OutOfSpace, StoreError
from tlcore.runs.sheets import is_sheet, unpack_sheet

FORMAT = 4  # written to PRAGMA user_version; a store with a higher number belongs to a newer lab
MAXIMUM_ARRAY_BYTES = 256 * 2**20
PATIENCE_SECONDS = 15.0  # how long a lock of another process is waited for

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


def pack(array: npt.NDArray[Any]) -> bytes:
    """An array as compressed bytes in NumPy's own format, never a pickle."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return zlib.compress(buffer.getvalue(), 1)


def unpack(blob: bytes) -> npt.NDArray[Any]:
    """The array that `pack` wrote, or the pictures of a sheet (`tlcore.runs.sheets`).

    Raises:
        StoreError: the bytes are damaged or larger than anything the lab writes.
    """
    try:
        if is_sheet(blob):
            return unpack_sheet(blob)
        inflater = zlib.decompressobj()
        content = inflater.decompress(blob, MAXIMUM_ARRAY_BYTES)
        if inflater.unconsumed_tail:
            raise ValueError("too large")
        # Not np.load: that opens archives and pickles too.
        array: npt.NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # the reader of headers lets many kinds through; whichever it is, the record is damaged
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise StoreError(f"The store holds a damaged record: {reason}.") from None
    return array


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


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty SQLite file a store of the present format."""
    for statement in TABLES.strip().split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at once. Waits while another process does the same to a new file.

    Raises:
        sqlite3.OperationalError: the file stayed locked.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Two that raise a read lock at once would wait for each other: SQLite refuses one without its time-out.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


class _Held:
    """A connection that is closed when the thread that holds it ends.

    Python's own cache of its statements refers back to it, so that it would stay open until the garbage collector comes
    by: a web server, which draws every page in a thread of its own, held dozens of open files for nothing.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # closed already, or the whole process ends
            self.connection.close()


class Database:
    """One SQLite file with a connection per thread. Writes are transactions; faults become `StoreError`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file, creating it with its tables unless `read_only`.

        Raises:
            StoreError: the file cannot be opened, is no store, or belongs to a newer version.
            OutOfSpace: there is no room to create it.
        """
        self.path = path
        self.read_only = read_only
        self._local = threading.local()
        if not read_only:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"The store folder {path.parent} cannot be created: {error.strerror}.") from None
        with self._faults():
            self._prepare()

    def _prepare(self) -> None:
        version = self._check_file()
        if version == 0:
            with self.transaction() as connection:
                # Two processes may create the store at once: whoever holds the write lock second finds it made.
                if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                    create_tables(connection)
        elif version < FORMAT and not self.read_only:
            self._migrate()
        self.format = version if self.read_only else FORMAT

    def _migrate(self) -> None:
        """Bring an older store to the present format; a copy of it as it was is kept beside it."""
        with self.transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version >= FORMAT:  # another process was faster
                return
            # The write lock is held: nobody changes the file between the copy and the migration.
            self._keep_copy(self.path.with_name(f"{self.path.stem}.format-{version}{self.path.suffix}"))
            _set_labels_aside(connection)
            later = TABLES_SINCE_FORMAT_2 + TABLES_SINCE_FORMAT_3 + TABLES_SINCE_FORMAT_4
            for statement in later.strip().split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            _take_labels_over(connection)
            if version < 3:
                _fill_origins(connection)
            connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _keep_copy(self, copy: Path) -> None:
        if copy.exists():
            return
        temporary = copy.with_name(f"{copy.name}.{os.getpid()}.partial")
        try:
            with (
                contextlib.closing(self._connect()) as original,
                contextlib.closing(sqlite3.connect(temporary)) as kept,
            ):
                original.backup(kept)
            temporary.replace(copy)
        except OSError as error:
            raise StoreError(f"No copy of the older store {self.path} can be written: {error.strerror}.") from None
        finally:
            temporary.unlink(missing_ok=True)

    def _check_file(self) -> int:
        """The format of the file, 0 for a new one. Nothing is written: the file may be another program's."""
        if not self.read_only and not self.path.exists():
            return 0
        connection = self._connect()
        try:
            # One statement, one snapshot: the store may be created by another process at this moment.
            version, tables, ours = connection.execute(
                "SELECT user_version, (SELECT count(*) FROM sqlite_master), "
                "(SELECT count(*) FROM sqlite_master WHERE name IN ('runs', 'controls')) FROM pragma_user_version"
            ).fetchone()
        finally:
            connection.close()
        if tables == 0 and self.read_only:
            raise StoreError(f"There is no store at {self.path}.")
        if tables and (version == 0 or ours < 2):
            raise StoreError(f"{self.path} is an SQLite file but not a store of the lab.")
        if version > FORMAT:
            raise StoreError(
                f"The store at {self.path} was written by a newer version of the lab (format {version}, this version "
                f"reads up to {FORMAT}); update the lab or choose another store folder."
            )
        return int(version)

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(self.path.resolve()))}"
        # The file of recorded runs may lie where nothing can be written: immutable needs no lock files.
        uri += "?mode=ro&immutable=1" if self.read_only or self._only_readable() else "?mode=rwc"
        connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    def _only_readable(self) -> bool:
        """Whether the folder has become read-only, and nothing is left in a log beside the file: as it is, it can still
        be looked at.
        """
        log = self.path.with_name(f"{self.path.name}-wal")
        return self.path.exists() and not log.exists() and not os.access(self.path.parent, os.W_OK)

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, opened on first use."""
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            held = _Held(self._connect())
            if not self.read_only:
                write_ahead(held.connection)
                held.connection.execute("PRAGMA synchronous = NORMAL")
            self._local.held = held
        return held.connection

    def close(self) -> None:
        """Close this thread's connection."""
        held: _Held | None = getattr(self._local, "held", None)
        if held is not None:
            held.connection.close()
            self._local.held = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it or nothing. One begun within another joins it.

        Raises:
            OutOfSpace, StoreError: nothing was written.
        """
        with self._faults():
            connection = self.connection
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a reading query."""
        with self._faults():
            return self.connection.execute(query, values).fetchall()

    def named_rows(self, query: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """All rows of a reading query whose values are named."""
        with self._faults():
            return self.connection.execute(query, dict(values)).fetchall()

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            text = str(error)
            if "full" in text or ("disk I/O" in text and self._no_room()):
                raise OutOfSpace(f"No disk space is left for the store at {self.path}.") from None
            if "not a database" in text or "malformed" in text:
                raise StoreError(f"The file {self.path} is damaged or not a store of the lab.") from None
            if "readonly" in text:
                raise NotWritable(f"The store at {self.path} can be read but not written.") from None
            if "unable to open" in text:
                raise StoreError(
                    f"The store at {self.path} cannot be opened: check the folder and its rights."
                ) from None
            raise StoreError(f"The store at {self.path} does not answer: {text}.") from None

    def _no_room(self) -> bool:
        """Whether too little space is left for SQLite's shared memory: of that it says only that reading failed."""
        try:
            return shutil.disk_usage(self.path.parent).free < 2**17
        except OSError:
            return False
