"""The SQLite file behind the store: opening it, a connection for every thread, and its faults said in one sentence."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tlcore.errors import NotWritable, OutOfSpace, StoreError
from tlcore.runs.tables import FORMAT, bring_up_to_date, create_tables

PATIENCE_SECONDS = 15.0  # how long a lock of another process is waited for


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


def folded(text: str) -> str:
    """Text as it is compared where great and small letters are one; SQLite itself knows those of English alone."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


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
            bring_up_to_date(connection, version)

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
        connection.create_function("folded", 1, folded, deterministic=True)
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
