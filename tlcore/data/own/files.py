"""The files a user brings, whether they lie in a folder or in a zip: names, sizes, contents on request."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import PurePosixPath
from typing import BinaryIO

HIDDEN = ("__MACOSX", "Thumbs.db", "desktop.ini")
DESCRIPTIONS = ("descriptions.csv", "descriptions.tsv", "descriptions.txt")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


class Files(ABC):
    """Files by their names relative to one place, with `/` between the parts; sorted, hidden files left out.

    folders: every folder in it, empty ones too. left_out: what was not taken, each with the reason.
    """

    title: str
    names: tuple[str, ...]
    folders: frozenset[str]
    left_out: tuple[tuple[str, str], ...]

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a file."""

    @abstractmethod
    def stamp(self, name: str) -> str:
        """What changes when the file's content does, known without reading it."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """The content. Raises OSError."""

    def close(self) -> None:  # noqa: B027 (a folder has nothing to close)
        """Let go of what is open."""

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fingerprint(self) -> str:
        """32 hexadecimal digits that change when a file is added, removed, renamed or changed."""
        digest = hashlib.sha256()
        for name in self.names:
            digest.update(f"{name}\0{self.stamp(name)}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:32]


def hidden(name: str) -> bool:
    """Whether a file or folder is one of those that systems leave behind unseen."""
    return any(part.startswith(".") or part in HIDDEN for part in PurePosixPath(name).parts)


def is_description(name: str) -> bool:
    """Whether a file at the top of somebody's data describes the classes of the pictures beside it."""
    return name.lower() in DESCRIPTIONS


def is_archive(name: str) -> bool:
    """Whether a name is that of an archive."""
    return name.lower().endswith(ARCHIVES)
