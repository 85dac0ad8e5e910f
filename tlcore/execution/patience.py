"""What a run does while its store cannot be written: it waits, paused, with the reason, and goes on by itself.

A full disk, a quota, a folder that has become read-only: nothing that was trained is lost, as what could not be written
is kept in memory and written as soon as it can be. Whoever watches goes on watching.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from tlcore.errors import NotWritable, OutOfSpace, StoreError
from tlcore.execution.disk import NEEDED_BYTES, free_bytes, make_room
from tlcore.runs import Store

LOOK_SECONDS = 0.5
GOES_ON = "Training waits and goes on by itself as soon as it can."


class Patience:
    """Writing for one run."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store = store
        self.run_id = run_id

    def __call__(self, write: Callable[[], None], gives_up: Callable[[], bool]) -> float | None:
        """Call `write` until it does not fail for want of room or of rights; return the seconds that were waited.

        None if it never succeeded, because `gives_up` said so meanwhile or a person asked the run to stop.
        """
        began = time.monotonic()
        waits = False
        while True:
            try:
                write()
                break
            except (OutOfSpace, NotWritable) as error:
                waits = True
                full = isinstance(error, OutOfSpace)
                self._tell(f"{error} {GOES_ON}")
            while True:
                if gives_up() or self._asked_to_stop():
                    return None
                time.sleep(LOOK_SECONDS)
                if not full or free_bytes(self.store.folder) >= NEEDED_BYTES:
                    break
        if not waits:
            return 0.0
        self._tell(None)
        return time.monotonic() - began

    def _tell(self, reason: str | None) -> None:
        if reason is not None:
            make_room(self.store.folder)
        with contextlib.suppress(StoreError):  # where not even that can be written, the page shows what was before
            self.store.change(self.run_id, only=["running"], paused=reason is not None, reason=reason)

    def _asked_to_stop(self) -> bool:
        try:
            query = "SELECT 1 FROM controls WHERE run = ? AND command = 'stop' LIMIT 1"
            return bool(self.store.database.rows(query, self.run_id))
        except StoreError:
            return False
