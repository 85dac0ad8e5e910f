"""What lies below the folders of this machine that its owner has allowed visitors to read."""

from __future__ import annotations

import os
from pathlib import Path

from tlcore.data.own.files import hidden
from tlcore.data.own.places import allowed_folders, shown

ENDINGS = (".zip", ".npz", ".parquet", ".csv", ".tsv", ".mat")
DEEPEST = 3
MOST = 300


def list_allowed() -> list[dict[str, str]]:
    """Rows of {path, name, kind} for folders and for files that can be imported, at most `MOST`, nearest first.

    Links are not followed, hidden files are left out, and what cannot be read is passed over.
    """
    rows: list[dict[str, str]] = []
    level = [(folder, folder.name or str(folder)) for folder in allowed_folders() if folder.is_dir()]
    for folder, name in level:
        rows.append({"path": str(folder), "name": shown(name), "kind": "folder"})
    for _ in range(DEEPEST):
        below: list[tuple[Path, str]] = []
        for folder, name in level:
            for entry in _entries(folder):
                path, title = folder / entry.name, f"{name}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    below.append((path, title))
                    rows.append({"path": str(path), "name": shown(title), "kind": "folder"})
                elif entry.name.lower().endswith(ENDINGS) and entry.is_file(follow_symlinks=False):
                    rows.append({"path": str(path), "name": shown(title), "kind": "file"})
                if len(rows) >= MOST:
                    return rows
        level = below
    return rows


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder by name, without hidden ones and links."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not hidden(entry.name) and not entry.is_symlink()]
    except OSError:
        return []
    return sorted(found, key=lambda entry: entry.name)
