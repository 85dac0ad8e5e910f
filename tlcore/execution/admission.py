"""What a visitor of a hosted lab may ask for: checked on the server, for runs and for questions, whatever a page shows.

Imports no torch.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlcore.catalogue import ENTRIES, data_folder, state
from tlcore.errors import InvalidRequest, OutOfSpace
from tlcore.execution.refusals import noted
from tlcore.runs.service import DRAINING, Service
from tlcore.runs.usage import folder_bytes, size_text, usage, visitor_bytes
from tlcore.runs.visitors import NOT_YOURS, VisitorStore
from tlcore.specs import CheckpointStart, RunSpec
from tlcore.specs.hosting import MEGABYTE, Hosting
from tlcore.specs.model_questions import AdviseTransfer
from tlcore.specs.own_data import CheckOwn, ImportOwn, ListOwn, PreviewOwn, RemoveOwn
from tlcore.specs.questions import FetchSet, ListAllowed, Question

OWN_DATA = ("own-pictures", "own-features")
OWN_WEIGHTS = "own-weights"
VIEWERS_ONLY = "On this server you can watch recorded and shared runs; only those whom its owner lets may train."
NOT_YOUR_DATA = "There are no such data here, or they are not yours."
OWNERS_ONLY = "On this server only its owner can do that."


COUNT_SECONDS = 10.0
_counted: dict[tuple[Path, Path], tuple[float, int]] = {}


@dataclass(frozen=True)
class Allowance:
    """What a question may take: seconds, and bytes of memory."""

    seconds: float
    memory: int


class Admission:
    """Says no, in one sentence, to what one visitor may not ask for."""

    def __init__(self, store: VisitorStore, hosting: Hosting) -> None:
        self.store = store
        self.hosting = hosting
        self._kept: tuple[float, int] | None = None

    @property
    def _owner(self) -> bool:
        return self.store.who.role == "owner"

    # Runs ---------------------------------------------------------------------------------------------------------

    @noted("runs")
    def require_runs(self, specs: Iterable[RunSpec]) -> None:
        """Check that these runs may be asked for, with what they start from.

        Raises:
            InvalidRequest: they may not, with the reason.
            OutOfSpace: there is no room for what they record.
        """
        self.require_training()
        every = {spec.content_hash: spec for spec in _with_starts(specs)}
        for spec in every.values():
            self._require_spec(spec)
        self.require_places(every)
        self.require_room()

    def require_training(self) -> None:
        """Check that this visitor may train now at all. Raises InvalidRequest."""
        if not self.store.who.may_train:
            raise InvalidRequest(VIEWERS_ONLY)
        if Service(self.store.database).draining:
            raise InvalidRequest(DRAINING)

    def _require_spec(self, spec: RunSpec) -> None:
        limits = self.hosting.limits
        if spec.budget.steps > limits.steps:
            raise InvalidRequest(f"{limits.steps_sentence()} This one would have {spec.budget.steps:,}.")
        if isinstance(spec.start, CheckpointStart) and not self.store.owns(spec.start.run):
            raise InvalidRequest(NOT_YOURS)
        self.require_data(spec.model_dump(mode="json"))

    @noted("data")
    def require_data(self, document: Any) -> None:
        """Own data must be this visitor's, and data of the catalogue must be here: strangers download nothing."""
        usable = self.store.own_data() | set(self.hosting.shared_data)
        for part in _parts(document):
            name, dataset = part.get("name"), part.get("dataset")
            if name in OWN_DATA and dataset and dataset not in usable and not self._owner:
                raise InvalidRequest(NOT_YOUR_DATA)
            if name == OWN_WEIGHTS and part.get("weights") not in self.hosting.shared_data and not self._owner:
                raise InvalidRequest(NOT_YOUR_DATA)
            entry = ENTRIES.get(str(dataset)) or ENTRIES.get(str(name))
            if entry is not None and not self._owner and state(entry) not in ("embedded", "on disk"):
                raise InvalidRequest(f"{entry.title} is not on this server; only its owner can bring it.")

    @noted("runs")
    def require_places(self, every: Mapping[str, RunSpec]) -> None:
        """Check that there is a place in the queue for these runs, by identity. Raises InvalidRequest."""
        limits, rows = self.hosting.limits, self.store.database.rows
        live = {row["id"] for row in rows("SELECT id FROM runs WHERE state IN ('queued', 'running')")}
        done = {identity for identity, run in self.store.whole.several(list(every)).items() if run.state == "finished"}
        new = [identity for identity in every if identity not in live and identity not in done]
        mine = [identity for identity in every if identity not in done and not self.store.wants(identity)]
        mine += [identity for identity in new if identity not in mine]
        if self.store.live_claims() + len(mine) > limits.queued_per_visitor:
            raise InvalidRequest(
                f"{limits.queue_sentence()} You have {self.store.live_claims():,} and asked for {len(mine):,} more: "
                "wait for some to end, stop some, or take fewer seeds."
            )
        if len(live) + len(new) > limits.queued_in_all:
            raise InvalidRequest(
                f"{len(live):,} runs wait or train on this server, which takes {limits.queued_in_all:,}: try again "
                "when some have ended."
            )

    def require_room(self, more: int = 0) -> None:
        limits = self.hosting.limits
        mine = self.bytes_kept()
        if mine + more > limits.disk_per_visitor_mb * MEGABYTE:
            raise OutOfSpace(
                f"What you keep on this server takes {size_text(mine)} of the {limits.disk_per_visitor_mb:,} MB that a "
                "visitor has: delete runs or data that you no longer need."
            )
        if _kept_by_all(self.store) + more > limits.disk_in_all_mb * MEGABYTE:
            raise OutOfSpace("This server is full: its owner has to make room before anything new is kept.")

    def bytes_kept(self) -> int:
        """Bytes of this visitor's runs and data, counted at most every `COUNT_SECONDS`: pages ask often."""
        now = time.monotonic()
        if self._kept is None or now - self._kept[0] > COUNT_SECONDS:
            own = sum(folder_bytes(data_folder() / "own" / name) for name in self.store.own_data())
            self._kept = (now, own + visitor_bytes(self.store.whole, self.store.visitor))
        return self._kept[1]

    @noted("upload")
    def require_upload(self, size: int) -> None:
        """Check that a file of `size` bytes may be brought. Raises InvalidRequest or OutOfSpace."""
        if not self.store.who.may_train:
            raise InvalidRequest(VIEWERS_ONLY)
        if size > self.hosting.limits.upload_mb * MEGABYTE:
            raise InvalidRequest(self.hosting.limits.upload_words())
        self.require_room(size)

    # Questions ----------------------------------------------------------------------------------------------------

    @noted("question")
    def admit(self, question: Question, upload: int | None) -> Allowance:
        """What a question may take; upload: the size of what comes with it, in bytes.

        Raises:
            InvalidRequest, OutOfSpace: it may not be asked.
        """
        if upload is not None and not self._owner:
            self.require_upload(upload)
        if isinstance(question, ListAllowed | FetchSet) and not self._owner:
            raise InvalidRequest(OWNERS_ONLY)
        if isinstance(question, PreviewOwn | ImportOwn) and question.path and not self._owner:
            raise InvalidRequest(OWNERS_ONLY)
        if isinstance(question, CheckOwn | RemoveOwn) and question.dataset not in self.store.own_data():
            raise InvalidRequest(NOT_YOUR_DATA)
        if isinstance(question, ImportOwn):
            self._require_import(question)
        else:
            self.require_data(question.model_dump(mode="json"))
        for run in (getattr(question, "run", None), getattr(question, "other", None)):
            if run is not None and self.store.get(run) is None:
                raise InvalidRequest(NOT_YOURS)
        if isinstance(question, AdviseTransfer):
            for spec in question.task.dependencies():
                if self.store.get(spec.content_hash) is None:
                    raise InvalidRequest(NOT_YOURS)
        store = getattr(question, "store", "")
        if store and Path(store) != self.store.folder:
            raise InvalidRequest(NOT_YOURS)
        limits = self.hosting.limits
        return Allowance(limits.question_seconds, limits.question_memory_mb * MEGABYTE)

    def _require_import(self, question: ImportOwn) -> None:
        there = (data_folder() / "own" / question.dataset).exists()
        mine = question.dataset in self.store.own_data()
        if not self._owner and ((there and not mine) or not self.store.claim_data(question.dataset)):
            raise InvalidRequest(f"The name {question.dataset} is taken on this server: choose another.")

    def answered(self, question: Question, answer: Any) -> Any:
        """The answer as this visitor may have it."""
        if isinstance(question, RemoveOwn):
            self.store.release_data([question.dataset])
        if isinstance(question, ImportOwn) and self._owner:
            self.store.claim_data(question.dataset)
        if isinstance(question, ListOwn) and not self._owner:
            usable = self.store.own_data() | set(self.hosting.shared_data)
            return [entry for entry in answer if entry.get("name") in usable]
        return answer

    def failed(self, question: Question) -> None:
        """Nothing came of a question: a name that was kept for an import is free again."""
        if isinstance(question, ImportOwn) and not (data_folder() / "own" / question.dataset).exists():
            self.store.release_data([question.dataset])


def _kept_by_all(store: VisitorStore) -> int:
    """Bytes of all runs and all brought data, counted at most every `COUNT_SECONDS` for all visitors together."""
    now, place = time.monotonic(), (store.folder, data_folder())
    if place not in _counted or now - _counted[place][0] > COUNT_SECONDS:
        _counted[place] = (now, usage(store).total + folder_bytes(data_folder() / "own"))
    return _counted[place][1]


def _with_starts(specs: Iterable[RunSpec]) -> Iterator[RunSpec]:
    for spec in specs:
        yield from _with_starts(spec.dependencies())
        yield spec


def _parts(document: Any) -> Iterator[Mapping[str, Any]]:
    """Every object within a JSON document."""
    if isinstance(document, dict):
        yield document
        for value in document.values():
            yield from _parts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _parts(value)
