"""Answers to what a page or the terminal asks about own data. Runs in a short-lived process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlcore.data.folder import Report
from tlcore.data.own.library import check_own, list_own, remove_own
from tlcore.data.own.places import permitted
from tlcore.data.own.sources import import_source, preview
from tlcore.errors import InvalidRequest
from tlcore.specs.own_data import CheckOwn, ImportOwn, OwnQuestion, PreviewOwn, RemoveOwn


@dataclass(frozen=True)
class Asker:
    """Who asks. owner: of the machine, at its terminal. upload: the file that came with the question, or
    the folder of several."""

    owner: bool = False
    upload: Path | None = None
    report: Report | None = None


def answer_own(question: OwnQuestion, asker: Asker) -> Any:
    """The answer, ready for JSON. Raises LabError."""
    if isinstance(question, PreviewOwn):
        return preview(*_source(question, asker), report=asker.report).document()
    if isinstance(question, ImportOwn):
        path, title = _source(question, asker)
        manifest = import_source(
            path, question.dataset, title, side=question.side, replace=question.replace, report=asker.report
        )
        unreadable = [{"file": file, "reason": reason} for file, reason in manifest.unreadable]
        return manifest.summary(question.dataset) | {
            "unreadable_files": unreadable,
            "dropped_files": list(manifest.dropped),
        }
    if isinstance(question, RemoveOwn):
        remove_own(question.dataset)
        return {"removed": question.dataset}
    if isinstance(question, CheckOwn):
        return check_own(question.dataset)
    return list_own()


def _source(question: PreviewOwn | ImportOwn, asker: Asker) -> tuple[Path, str]:
    """What is asked about, and its title."""
    if asker.upload is not None:
        if question.path:
            raise InvalidRequest("Name a path or upload a file, not both.")
        uploaded = [asker.upload]
        if asker.upload.is_dir():  # files that came with their names; one alone is what it is
            uploaded = sorted(asker.upload.iterdir())
        path = uploaded[0] if len(uploaded) == 1 else asker.upload
        return path, question.title or "the upload"
    path = permitted(question.path, owner=asker.owner)
    return path, question.title or path.name
