"""Room on the disk: asked for before a run is queued, and a little kept back to report a full disk."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from tlcore.errors import OutOfSpace

NEEDED_BYTES = 50 * 2**20
RESERVE_BYTES = 4 * 2**20
RESERVE_NAME = "reserve"
UNRECORDED_OUT_OF_SPACE = 3
"""Exit status of a process that could not even record that the disk is full."""


def free_bytes(folder: Path) -> int:
    """Free space where `folder` lies or would lie."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_space(folder: Path) -> None:
    """Check that a run has room for what it records.

    Raises:
        OutOfSpace: there is too little.
    """
    free = free_bytes(folder)
    if free < NEEDED_BYTES:
        raise OutOfSpace(
            f"Only {free // 2**20} MB of disk space are left at {folder} and a run needs {NEEDED_BYTES // 2**20} MB; "
            "delete runs you no longer need or choose another store folder."
        )


def keep_reserve(folder: Path) -> None:
    """Put a file of some megabytes beside the store, if there is plenty of room; it is deleted to make room."""
    reserve = folder / RESERVE_NAME
    if reserve.exists() or free_bytes(folder) < NEEDED_BYTES:
        return
    temporary = folder / f"{RESERVE_NAME}.{os.getpid()}"
    try:
        # Bytes that do not compress: on some file systems zeros take no room.
        temporary.write_bytes(os.urandom(RESERVE_BYTES))
        temporary.replace(reserve)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if not is_full(error):
            raise


def make_room(folder: Path) -> None:
    """Give back the space kept by `keep_reserve`."""
    with contextlib.suppress(FileNotFoundError):
        (folder / RESERVE_NAME).unlink()


def is_full(error: BaseException) -> bool:
    """Whether an error says that no disk space is left."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, OutOfSpace)
