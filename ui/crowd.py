"""How many people watch runs train, and how often a page may therefore be drawn anew.

One processor draws the pages of all viewers, and a page that is drawn whole costs it some 30 ms, most of them in the
messages of Streamlit itself. The more people watch, the more seldom each page is drawn; what moves reaches them all the
same in time, by `ui.channel`.
"""

from __future__ import annotations

import random
import threading
import time

from streamlit.runtime.scriptrunner import get_script_run_ctx

HERE_SECONDS = 30.0  # who has not been seen for longer has gone; longer than the slowest pace
REDRAW_SECONDS = 0.7  # between two drawings of a page that few watch
REDRAWS_A_SECOND = 4.0  # of all pages together, about an eighth of a processor
FEED_SECONDS = 0.3  # between two looks for what moves
FEEDS_A_SECOND = 125.0  # of all pages together that have no channel, about two fifths of a processor


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
    """Seconds until the page that is being drawn is drawn again; by chance, so that a crowd does not ask in waves."""
    wanted = watching() / REDRAWS_A_SECOND
    return REDRAW_SECONDS if wanted <= REDRAW_SECONDS else wanted * random.uniform(0.8, 1.2)


def feed_seconds() -> float:
    """Seconds until the page that is being drawn looks again for what moves."""
    return max(FEED_SECONDS, watching() / FEEDS_A_SECOND)
