"""Writes what a run tells into the store: gathered for a moment, then all of it in one transaction."""

from __future__ import annotations

import time
from typing import Any

from tlcore.errors import RunFailed
from tlcore.runs import Confusion, Frame, Notice, StepAnatomy, Store, Surface
from tlcore.training.events import Features, Metrics

FLUSH_SECONDS = 0.25  # viewers look a few times a second
HEARTBEAT_SECONDS = 1.0

Record = Metrics | Notice | Confusion | Features | Frame | Surface | StepAnatomy


class Recorder:
    """Gathers the records of one run."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store = store
        self.run_id = run_id
        self._records: list[Record] = []
        self._flushed = 0.0  # so that the very first point is written at once

    def add(self, record: Record) -> None:
        """Gather one record."""
        self._records.append(record)

    @property
    def due(self) -> bool:
        """Whether it is time to write, or to tell that the run is alive."""
        return time.monotonic() - self._flushed >= (FLUSH_SECONDS if self._records else HEARTBEAT_SECONDS)

    def flush(self, **columns: Any) -> None:
        """Write all that was gathered, and these columns of the run, in one transaction.

        Raises:
            OutOfSpace, StoreError: nothing was written, and what was gathered is kept.
            RunFailed: the run was deleted meanwhile.
        """
        with self.store.database.transaction():
            metrics = [(record.step, record.values) for record in self._records if isinstance(record, Metrics)]
            self.store.record_metrics(self.run_id, metrics)
            for record in self._records:
                if isinstance(record, Notice):
                    self.store.record_notice(self.run_id, record)
                elif isinstance(record, Confusion):
                    self.store.record_confusion(self.run_id, record)
                elif isinstance(record, Features):
                    self.store.record_features(self.run_id, record.step, record.array, record.predictions)
                elif isinstance(record, Frame):
                    self.store.record_frames(self.run_id, [record])
                elif isinstance(record, Surface):
                    self.store.record_surface(self.run_id, record)
                elif isinstance(record, StepAnatomy):
                    self.store.record_anatomy(self.run_id, record)
            if not self.store.change(self.run_id, heartbeat=time.time(), **columns):
                raise RunFailed(f"Run {self.run_id} was deleted while it trained.")  # and nothing is written of it
        self._records.clear()
        self._flushed = time.monotonic()
