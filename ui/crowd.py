"""How many people watch runs train, and how often a page may therefore be drawn anew.

One processor draws the pages of all viewers, and a page that is drawn whole costs it some 30 ms, most of them in the
messages of Streamlit itself. The more people watch, the more seldom each page is drawn; what moves reaches them all the
same in time, by `ui.feed`.
"""

from __future__ import annotations

import threading
import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

HERE_SECONDS = 30.0  # who has not been seen for longer has gone; longer than the slowest pace
REDRAW_PACES = (0.7, 1.5, 3.0, 6.0, 12.0, 24.0)  # seconds between two drawings of a page
REDRAWS_A_SECOND = 10.0  # of all pages together, about a third of a processor
FEED_PACES = (0.3, 0.6, 1.2, 2.4)  # seconds between two looks for what moves
FEEDS_A_SECOND = 170.0  # of all pages together, about half a processor
CALM = 0.3  # by what share a crowd has to outgrow a pace, or to shrink below it, before the pace changes
_REDRAW, _FEED = "_crowd_redraw_pace", "_crowd_feed_pace"


class Crowd:
    """Who watches, by session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, float] = {}

    def note(self, session: str) -> int:
        """This session watches now. Gives how many do."""
        now = time.monotonic()
        with self._lock:
            self._seen[session] = now
            self._seen = {name: at for name, at in self._seen.items() if now - at < HERE_SECONDS}
            return len(self._seen)


_CROWD = Crowd()


def watching() -> int:
    """Note that the session that is being drawn watches; how many do, this one with them."""
    context = get_script_run_ctx(suppress_warning=True)
    return _CROWD.note(context.session_id if context is not None else "")


def redraw_seconds() -> float:
    """Seconds between two drawings of the page that is being drawn."""
    return _steady(_REDRAW, watching(), REDRAW_PACES, REDRAWS_A_SECOND)


def feed_seconds() -> float:
    """Seconds between two looks for what moves on the page that is being drawn."""
    return _steady(_FEED, watching(), FEED_PACES, FEEDS_A_SECOND)


def _steady(name: str, people: int, paces: tuple[float, ...], a_second: float) -> float:
    """The pace for so many people; that of before, as long as it nearly fits: to change it draws the whole page."""
    before = st.session_state.get(name)
    st.session_state[name] = pace = pace_for(people, paces, a_second, before)
    return pace


def pace_for(people: int, paces: tuple[float, ...], a_second: float, before: float | None = None) -> float:
    """The shortest of some paces, in seconds, at which so many people ask for no more than so much a second.

    before: the pace that holds now; it is kept while the crowd is within a share `CALM` of where it would be chosen.
    """
    fits = next((pace for pace in paces if people <= pace * a_second), paces[-1])
    if before in paces and before != fits:
        most = before * a_second * (1 + CALM)
        shorter = [pace for pace in paces if pace < before]
        least = shorter[-1] * a_second * (1 - CALM) if shorter else 0
        if least < people <= most:
            return before
    return fits
