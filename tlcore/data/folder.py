"""The data folder: where it is, one process at a time in it, and arrays kept there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np

from tlcore.catalogue.place import VARIABLE, data_folder

__all__ = ["VARIABLE", "Report", "alone", "data_folder", "make_file", "read_array", "temporary_name", "write_array"]

Report = Callable[[str, float], None]


if sys.platform == "win32":
    import msvcrt

    def _try_to_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_to_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def alone(folder: Path, name: str, report: Report | None = None) -> Iterator[None]:
    """Hold the lock `name` of `folder`, so that of several processes only one downloads or builds the same thing.

    The system frees the lock when its holder dies, so none is ever left behind. Raises OSError where the folder
    cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f".{name}.lock", os.O_CREAT | os.O_RDWR, 0o666)
    try:
        waited = False
        while not _try_to_lock(descriptor):
            if report and not waited:
                report("Waiting for another process that prepares the same data", 0.0)
            waited = True
            time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)


def temporary_name(folder: Path) -> Path:
    """A name in `folder` that no other process uses and that no data set is looked for under."""
    return folder / f".incomplete-{uuid4().hex}"


def read_array(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """A uint8 array kept under `path`, mapped from the file and not writable; None if it is not there or is spoilt."""
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def write_array(path: Path, array: np.ndarray) -> None:
    """Keep `array` under `path`: whoever reads sees all of it or nothing. Raises OSError."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)

    make_file(path, write)


def make_file(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file under another name, then call it `path`: whoever reads sees all of it or nothing.

    Raises OSError, and what `write` raises; nothing is left behind then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path.parent)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
