"""The files of a folder of this machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, cast

from tlcore.data.own.files import Files, hidden
from tlcore.data.own.limits import MOST_FILES, MOST_LEVELS
from tlcore.data.own.places import shown
from tlcore.errors import InvalidRequest


class FolderFiles(Files):
    """Everything below a folder. Links are named but never followed, and neither are pipes and devices opened."""

    def __init__(self, folder: Path, title: str = "") -> None:
        """title: what to call it, by default its name. Raises InvalidRequest: too many files, too deep, unreadable."""
        self.folder = folder
        self.title = title or folder.name
        self._status: dict[str, tuple[int, int]] = {}
        self._left_out: list[tuple[str, str]] = []
        folders: set[str] = set()
        try:
            self._walk("", folders, 0)
        except OSError as error:
            raise InvalidRequest(f"The folder {shown(str(folder))} cannot be read: {error.strerror}.") from None
        self.names = tuple(sorted(self._status))
        self.folders = frozenset(folders)
        self.left_out = tuple(sorted(self._left_out))

    def _walk(self, prefix: str, folders: set[str], level: int) -> None:
        if level > MOST_LEVELS:
            raise InvalidRequest(f"Folders lie more than {MOST_LEVELS} deep within {shown(self.title)}.")
        with os.scandir(self.folder / prefix) as entries:
            for entry in entries:
                name = f"{prefix}{entry.name}"
                if hidden(entry.name):
                    continue
                if entry.is_symlink():
                    self._left_out.append((name, "it is a link, and links are not followed"))
                elif entry.is_dir(follow_symlinks=False):
                    folders.add(name)
                    self._walk(f"{name}/", folders, level + 1)
                elif entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    self._status[name] = (status.st_size, status.st_mtime_ns)
                else:
                    self._left_out.append((name, "it is not a file"))
                if len(self._status) + len(folders) + len(self._left_out) > MOST_FILES:
                    raise InvalidRequest(f"The folder {shown(self.title)} has more than {MOST_FILES:,} files.")

    def size(self, name: str) -> int:
        return self._status[name][0]

    def stamp(self, name: str) -> str:
        size, changed = self._status[name]
        return f"{size} {changed}"

    def open(self, name: str) -> BinaryIO:
        # Anything on the way may have become a link since it was listed, so each step is taken without following one.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        if os.open in os.supports_dir_fd:
            descriptor = self._step_by_step(name, flags)
        else:
            descriptor = os.open(self.folder / name, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError("it is not a file")
        return cast(BinaryIO, os.fdopen(descriptor, "rb"))

    def _step_by_step(self, name: str, flags: int) -> int:
        *folders, last = name.split("/")
        at = os.open(self.folder, flags | os.O_DIRECTORY)
        try:
            for folder in folders:
                inner = os.open(folder, flags | os.O_DIRECTORY, dir_fd=at)
                os.close(at)
                at = inner
            return os.open(last, flags, dir_fd=at)
        finally:
            os.close(at)
