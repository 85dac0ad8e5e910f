"""Threads that several visitors share."""

from __future__ import annotations

import threading
from functools import partial

from tests.browser.waiting import PATIENCE_SECONDS, until
from ui.turns import FairThreads


class Tasks:
    """Tasks that note when they begin, and end when they are told to."""

    def __init__(self, at_once: int) -> None:
        self.threads = FairThreads(at_once, "test")
        self.begun: list[str] = []
        self.ends: dict[str, threading.Event] = {}

    def submit(self, who: str | None, name: str) -> None:
        self.ends[name] = threading.Event()
        self.threads.submit(who, partial(self._do, name))

    def _do(self, name: str) -> None:
        self.begun.append(name)
        assert self.ends[name].wait(PATIENCE_SECONDS)

    def end(self, name: str) -> None:
        self.ends[name].set()


def test_nobody_takes_all_threads_and_who_has_least_under_way_is_next() -> None:
    tasks = Tasks(2)
    for number in range(3):
        tasks.submit("ann", f"ann {number}")
    until(lambda: tasks.begun == ["ann 0"], "the first task begins")
    tasks.submit("ben", "ben 0")
    until(lambda: tasks.begun == ["ann 0", "ben 0"], "another visitor does not wait for the first one's tasks")
    tasks.submit("cleo", "cleo 0")
    tasks.end("ann 0")
    until(lambda: len(tasks.begun) == 3, "a task takes the free thread")
    assert tasks.begun[2] == "cleo 0", "who has not been served yet"
    tasks.end("cleo 0")
    until(lambda: tasks.begun[3:] == ["ann 1"], "the next")
    tasks.end("ben 0")
    tasks.end("ann 1")
    until(lambda: tasks.begun[4:] == ["ann 2"], "the last")
    tasks.end("ann 2")


def test_a_lab_of_ones_own_uses_all_threads_and_survives_a_task_that_fails() -> None:
    tasks = Tasks(2)
    tasks.threads.submit(None, lambda: 1 / 0)
    for number in range(3):
        tasks.submit(None, str(number))
    until(lambda: sorted(tasks.begun) == ["0", "1"], "two at once")
    tasks.end("0")
    until(lambda: "2" in tasks.begun, "the third")
    for name in ("1", "2"):
        tasks.end(name)
