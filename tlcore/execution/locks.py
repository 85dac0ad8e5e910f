"""Locks on files, held by at most one process and released by the system when that process dies, however it dies.

They tell whether a process lives more surely than its number does, which the system gives to another in time.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tlcore.errors import StoreError


class FileLock:
    """An exclusive lock on one file. A line of text can be left in it for those who find it held."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, text: str = "", *, patience: float = 0.0) -> bool:
        """Take the lock and leave `text` in the file; keep trying for `patience` seconds. Returns whether it is held.

        Raises:
            StoreError: the file cannot be opened.
        """
        deadline = time.monotonic() + patience
        while not self._try():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        assert self._descriptor is not None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0) if hasattr(os, "pwrite") else os.write(
            self._descriptor, text.encode()
        )
        return True

    def _try(self) -> bool:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"The file {self.path} cannot be opened: {error.strerror}.") from None
        if _lock(descriptor):
            self._descriptor = descriptor
            return True
        os.close(descriptor)
        return False

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. Looking takes it for a moment: whoever acquires it tries twice."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"The file {path} cannot be opened: {error.strerror}.") from None
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            # A byte far behind the text, because Windows keeps others from reading what is locked.
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
