"""Work that a page asks for and does not wait for: questions, imports, downloads, done in threads of the server.

The threads only wait for processes of their own; what they find is kept, so that the same question, asked by anyone, is
answered once. A page draws a snapshot, and looks again while a snapshot it drew was not done.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from tlcore.errors import InvalidRequest, LabError
from tlcore.runs.visitors import Visitor
from ui.page import told
from ui.turns import FairThreads
from ui.visitor import acting_as, hosted, scope, visitor

Report = Callable[[str, float], None]
Work = Callable[[Report], Any]

AT_ONCE = 2  # processes that look at data, of all visitors together
LONG_AT_ONCE = 2  # imports and downloads
MOST_KEPT = 150
LOOK_SECONDS = 0.5
PASSING_SECONDS = 5.0  # an error that may pass is answer enough for so long
EVERYBODYS = ("catalogue ", "fetch ")
BUSY = "You have asked for several things at once: wait for them, and ask again."
IN_TURN = "Waiting for what you have asked before"
_PENDING = "_background_pending"


@dataclass(frozen=True)
class Snapshot:
    """How some work stood at one moment. error: the sentence of why there is no answer; stale: when, by the monotonic
    clock, whoever asks again has it tried again."""

    text: str = ""
    share: float = 0.0
    done: bool = False
    answer: Any = None
    error: str | None = None
    stale: float = math.inf


class Background:
    """Work by its key, and what came of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()
        self._short = FairThreads(AT_ONCE, "looking")
        self._long = FairThreads(LONG_AT_ONCE, "importing")

    def peek(self, key: str) -> Snapshot | None:
        """How the work stands, or None if nobody has asked for it."""
        key = _whose(key)
        with self._lock:
            found = self._snapshots.get(key)
            if found is not None:
                self._snapshots.move_to_end(key)
            return found

    def start(self, key: str, work: Work, *, long: bool = False) -> None:
        """Begin the work, for whoever looks, unless it is under way or done, or failed a moment ago."""
        key, who = _whose(key), visitor()
        with self._lock:
            if key in self._snapshots and time.monotonic() < self._snapshots[key].stale:
                return
            if who is not None and self._under_way(who) >= _most_at_once():
                self._snapshots[key] = Snapshot(done=True, error=BUSY, stale=0.0)
                return
            self._snapshots[key] = Snapshot()
            done = [name for name, snapshot in self._snapshots.items() if snapshot.done]
            for name in done[: max(0, len(self._snapshots) - MOST_KEPT)]:
                del self._snapshots[name]
        threads = self._long if long else self._short
        threads.submit(who.id if who is not None else None, partial(self._do, key, work, who))

    def _under_way(self, who: Visitor) -> int:
        return sum(not one.done for key, one in self._snapshots.items() if key.startswith(who.id))

    def forget(self, key: str) -> None:
        """Let the work be done again when it is asked for next; what is under way goes on."""
        key = _whose(key)
        with self._lock:
            if key in self._snapshots and self._snapshots[key].done:
                del self._snapshots[key]

    def _do(self, key: str, work: Work, who: Visitor | None) -> None:
        def report(text: str, share: float) -> None:
            self._note(key, text=text, share=min(1.0, max(0.0, share)))

        try:
            with acting_as(who):
                self._note(key, done=True, answer=work(report))
        except InvalidRequest as error:  # as it will ever be: the key names all that was asked
            self._note(key, done=True, error=str(error))
        except LabError as error:
            self._note(key, done=True, error=str(error), stale=time.monotonic() + PASSING_SECONDS)
        except Exception as error:  # whatever it is, the page says so and lives on
            text = f"This could not be done ({type(error).__name__})."
            self._note(key, done=True, error=text, stale=time.monotonic() + PASSING_SECONDS)

    def _note(self, key: str, **changes: Any) -> None:
        with self._lock:
            if key in self._snapshots:
                self._snapshots[key] = replace(self._snapshots[key], **changes)


def _whose(key: str) -> str:
    """The key of some work among that of all visitors: what concerns a data set of the catalogue is everybody's."""
    return key if key.startswith(EVERYBODYS) else f"{scope()} {key}"


def _most_at_once() -> int:
    settings = hosted()
    return settings.limits.questions_per_visitor if settings is not None else MOST_KEPT


@st.cache_resource(show_spinner=False)
def background() -> Background:
    """The one of this server."""
    return Background()


def look(key: str, work: Work, *, long: bool = False) -> Snapshot:
    """How the work stands, begun if need be; the section that draws this is drawn again until it is done."""
    background().start(key, work, long=long)
    snapshot = peek(key) or Snapshot()
    if snapshot.error == BUSY:
        look_again()
        return Snapshot(text=IN_TURN)
    return snapshot


def peek(key: str) -> Snapshot | None:
    """How the work stands, if anybody asked for it; the section that draws this is drawn again until it is done."""
    snapshot = background().peek(key)
    if snapshot is not None and not snapshot.done:
        st.session_state[_PENDING] = True
    return snapshot


def look_again() -> None:
    """Let the section that is being drawn be drawn again soon: something it shows is still changing."""
    st.session_state[_PENDING] = True


def lively(section: Callable[[], None], key: str) -> None:
    """Draw a section as a fragment that looks again while something it shows is under way."""
    pace = st.session_state.get(f"_pace_{key}")
    st.fragment(_draw, run_every=pace)(section, key, pace)


def _draw(section: Callable[[], None], key: str, pace: float | None) -> None:
    st.session_state[_PENDING] = False
    told(section)
    wanted = LOOK_SECONDS if st.session_state[_PENDING] else None
    if wanted != pace:
        st.session_state[f"_pace_{key}"] = wanted
        st.rerun()  # begins or ends the looking
