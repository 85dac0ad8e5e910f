"""Figures that are built once for the same numbers: a page looks several times a second, its numbers change rarely."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from threading import Lock
from typing import Any

import plotly.graph_objects as go

from ui.live_chart import specification_of

# Drawing is all computing: viewers who ask for the same at the same moment wait until it has been drawn once.
_ONE_AT_A_TIME = Lock()


class _Asked:
    """What a figure shows, with the way to draw it; alike where the same is shown."""

    def __init__(self, shown: Hashable, draw: Callable[[], go.Figure]) -> None:
        self.shown = shown
        self.draw = draw

    def __hash__(self) -> int:
        return hash(self.shown)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and other.shown == self.shown


@lru_cache(maxsize=400)
def _drawn(asked: _Asked) -> dict[str, Any]:
    drawn = specification_of(asked.draw())
    del asked.draw  # with all it holds on to: what is kept is asked for what it shows alone
    return drawn


def remembered(shown: Hashable, draw: Callable[[], go.Figure]) -> dict[str, Any]:
    """What `live_chart` shows of the figure that `draw` makes, or made before for something equal to `shown`:
    everything that decides how it looks. It is shared by all viewers, so nobody changes it."""
    with _ONE_AT_A_TIME:
        return _drawn(_Asked(shown, draw))
