"""What the terminal's `data fetch` and `data check` do; in a process that serves nobody else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.catalogue import Entry, state
from tlcore.data.fetching import fetch_entry
from tlcore.data.folder import Report, data_folder
from tlcore.data.readers import READERS, read_published
from tlcore.errors import MissingData


def fetch(entry: Entry, report: Report | None = None) -> str:
    """Bring a set into the data folder; its state afterwards. Raises InvalidRequest, MissingData."""
    if state(entry) not in ("embedded", "on disk"):
        fetch_entry(entry, data_folder(), report)
    now = state(entry)
    if now not in ("embedded", "on disk"):
        raise MissingData(f"{entry.title} was downloaded into {data_folder()} but is not complete there.")
    return now


def check(entry: Entry, report: Report | None = None) -> dict[str, Any]:
    """Look whether a set is here, complete and what torchvision's checksums say; what was found, ready for JSON.

    Raises MissingData, naming what is wrong.
    """
    folder, now = data_folder(), state(entry)
    if now == "embedded":
        return {"name": entry.name, "state": now, "problem": None}
    if now != "on disk":
        missing = [file for file in entry.files if not (folder / file).exists()]
        raise MissingData(f"{entry.title} is not complete in {folder}: {', '.join(missing[:3])} not there.")
    for resource in entry.resources:
        if resource.unpack == "" and (folder / resource.file).is_file():
            if report:
                report(f"Checking {resource.file}", 0.0)
            _require_checksum(folder / resource.file, resource.md5, entry)
    facts: dict[str, Any] = {}
    if entry.name in READERS:
        if report:
            report(f"Reading {entry.title}", 0.0)
        found = read_published(entry.name, folder)
        for title, part in (("train", found.train), ("test", found.test)):
            if part is None:
                continue
            if not isinstance(part.pictures, np.ndarray):
                lost = [path for path in part.pictures if not path.is_file()]
                if lost:
                    raise MissingData(
                        f"{entry.title} lacks {len(lost):,} pictures in {folder}, such as {lost[0].name}."
                    )
            facts[title] = len(part.labels)
        facts["classes"] = len(found.class_names)
    else:
        from tlcore.data.mnist import read_mnist

        files = read_mnist()
        facts |= {"train": len(files.train_labels), "test": len(files.test_labels), "classes": 10}
    return {"name": entry.name, "state": now, "problem": None, **facts}


def _require_checksum(path: Path, md5: str, entry: Entry) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        raise MissingData(
            f"{path.name} of {entry.title} is not the file that torchvision knows: delete {path} to have it downloaded "
            "again."
        )
