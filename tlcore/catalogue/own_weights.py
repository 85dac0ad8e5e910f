"""A user's weights in the data folder, by name: NAME.safetensors, NAME.pth or NAME.pt beside NAME.json. No torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tlcore.catalogue.place import data_folder
from tlcore.errors import MissingData

SUFFIXES = (".safetensors", ".pth", ".pt")


def own_weights_folder() -> Path:
    """Where they are kept. It need not exist."""
    return data_folder() / "weights"


def list_own_weights() -> list[str]:
    """The names of all that are there."""
    folder = own_weights_folder()
    if not folder.is_dir():
        return []
    return sorted({path.stem for path in folder.iterdir() if path.suffix in SUFFIXES and not path.name.startswith(".")})


def find_own_weights(name: str) -> Path:
    """The file kept under a name. Raises MissingData."""
    for suffix in SUFFIXES:
        path = own_weights_folder() / f"{name}{suffix}"
        if path.is_file():
            return path
    known = ", ".join(list_own_weights())
    there = f"there are {known}" if known else "there are none yet"
    raise MissingData(f"There are no weights called {name[:40]} in {own_weights_folder()} ({there}): add them first.")


def hash_of_file(path: Path) -> str:
    """16 hexadecimal digits of the SHA-256 of a file's content. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
