"""How much room the store takes, and the limit a lab may set."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tlcore.errors import InvalidRequest, OutOfSpace
from tlcore.runs.store import Store

LIMIT = "TLCORE_STORE_LIMIT"
RECORDED = {
    "probes": ("labels", "domains", "thumbnails"), "features": ("features", "predictions"),
    "frames": ("points", "predictions"), "surfaces": ("field",), "neighbours": ("indices",),
}  # fmt: skip
"""The tables with large records, and their columns that are large."""
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Usage:
    """Bytes of the database in use, and of weights and checkpoints; limit: bytes, or None for no limit."""

    database: int
    files: int
    limit: int | None

    @property
    def total(self) -> int:
        """Both together."""
        return self.database + self.files

    def sentence(self) -> str:
        """In the words of the page."""
        words = (
            f"This store takes {size_text(self.total)}, of which {size_text(self.files)} are weights and checkpoints"
        )
        if self.limit is None:
            return f"{words}."
        if self.total <= self.limit:
            return f"{words}; its limit is {size_text(self.limit)}."
        return f"{words}: more than its limit of {size_text(self.limit)}. Delete runs that are no longer needed."


def store_limit() -> int | None:
    """The bytes named by `TLCORE_STORE_LIMIT`, such as "5 GB", or None where it is not set.

    Raises:
        InvalidRequest: it is no size.
    """
    text = os.environ.get(LIMIT, "").strip()
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([KMGT]?B?)", text.upper())
    unit = found and (found.group(2) if found.group(2).endswith("B") or not found.group(2) else f"{found.group(2)}B")
    if found is None or unit not in _UNITS:
        raise InvalidRequest(f"{LIMIT} is '{text[:40]}', which is no size; write it like 5 GB.")
    return int(float(found.group(1)) * _UNITS[unit])


def usage(store: Store) -> Usage:
    """The room a store takes now; deleted runs that can be brought back are counted.

    Raises:
        StoreError: the store cannot be read.
        InvalidRequest: the limit is no size.
    """
    rows = store.database.rows
    pages, free = rows("PRAGMA page_count")[0][0], rows("PRAGMA freelist_count")[0][0]
    size = rows("PRAGMA page_size")[0][0]
    return Usage((pages - free) * size, folder_bytes(store.folder / "runs"), store_limit())


def visitor_bytes(store: Store, visitor: str) -> int:
    """Bytes of the runs that a visitor of a hosted lab has asked for: what they recorded, weights and checkpoints.

    A run that several have asked for counts for each of them.
    """
    query = "SELECT run FROM claims WHERE visitor = ?"
    total = sum(folder_bytes(store.run_folder(row["run"])) for row in store.database.rows(query, visitor))
    for table, columns in RECORDED.items():
        sizes = " + ".join(f"coalesce(length({column}), 0)" for column in columns)
        query = f"SELECT coalesce(sum({sizes}), 0) FROM {table} WHERE run IN (SELECT run FROM claims WHERE visitor = ?)"
        total += int(store.database.rows(query, visitor)[0][0])
    return total


def require_room(store: Store, more: int) -> None:
    """Check that `more` bytes keep the store within its limit.

    Raises:
        OutOfSpace: they do not.
    """
    if store_limit() is None:
        return
    now = usage(store)
    if now.limit is not None and now.total + more > now.limit:
        raise OutOfSpace(
            f"That needs {size_text(more)}, and the store takes {size_text(now.total)} of its limit of "
            f"{size_text(now.limit)}; delete runs that are no longer needed."
        )


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder, each file once however many names it has."""
    total, waiting, seen = 0, [folder], set()
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                        continue
                    status = entry.stat(follow_symlinks=False)
                    if status.st_ino not in seen:  # checkpoints kept for forks are hard links
                        seen.add(status.st_ino)
                        total += status.st_size
        except OSError:
            continue  # removed meanwhile
    return total


def size_text(count: int) -> str:
    """Bytes as a person reads them."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count} bytes"
