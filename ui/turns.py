"""Threads that several visitors share fairly: who has least under way, then who has waited longest, is
served next, and nobody takes them all."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

Task = Callable[[], None]
MOST_REMEMBERED = 1000  # turns; who was served before them comes before everybody else


class FairThreads:
    """So many tasks at once. Of several visitors no one has so many under way that none is left for another."""

    def __init__(self, at_once: int, name: str) -> None:
        """name: of the threads, as a debugger shows them."""
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._most = max(1, at_once - 1)
        self._lock = threading.Lock()
        self._waiting: list[tuple[str | None, Task]] = []
        self._running: Counter[str | None] = Counter()
        self._turn = 0
        self._served: dict[str | None, int] = {}  # the turn in which each was served last

    def submit(self, who: str | None, task: Task) -> None:
        """Have a task done when its turn comes. who: a visitor; None where a lab is one person's own."""
        with self._lock:
            self._waiting.append((who, task))
        self._threads.submit(self._work)

    def _work(self) -> None:
        # A task that may not begin yet is taken by the thread that ends another one of the same visitor.
        while (found := self._take()) is not None:
            who, task = found
            with contextlib.suppress(Exception):  # a task tells itself what went wrong
                task()
            with self._lock:
                self._running[who] -= 1

    def _take(self) -> tuple[str | None, Task] | None:
        with self._lock:
            may = [one for one in self._waiting if one[0] is None or self._running[one[0]] < self._most]
            if not may:
                return None
            found = min(may, key=lambda one: (self._running[one[0]], self._served.get(one[0], 0)))
            who, self._turn = found[0], self._turn + 1
            self._waiting.remove(found)
            self._running[who] += 1
            self._served = {one: turn for one, turn in self._served.items() if self._turn - turn < MOST_REMEMBERED}
            self._served[who] = self._turn
            return found
