"""Charts that move while runs train, sent by themselves, so that a hall of viewers gets them at once.

A page draws its charts with `moving_chart`; what the runs record from then on comes through the page's `Channel`, made
once for everybody who watches the same runs. The page itself is drawn anew more seldom (`ui.crowd`). Where there is no
channel, a small fragment beside the page, `feed`, is asked for the same again and again.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from tlcore.errors import LabError
from tlcore.runs import Series
from ui.channel import Channel, News, is_served
from ui.components import mount
from ui.crowd import feed_seconds
from ui.library import RunView, metrics_of, shown_of
from ui.live_chart import live_chart
from ui.remembered import remembered

State = tuple[str, bool]  # how a run stands, and whether it is paused
Draw = Callable[[Mapping[str, Mapping[str, Series]]], go.Figure]

FRESH_SECONDS = 0.1  # within them all viewers are given the same
MOST_KEPT = 200
LOOK_AGAIN_SECONDS = 3.0  # after which it is said again that the page has to be drawn, if it has not been
SIGHT_SECONDS = 2.0  # between two looks whether a viewer may still see the runs: for each viewer apart
_MOVING = "_moving_charts"
_LOOK = "look"  # the subject of whether the page has to be drawn again


@dataclass(frozen=True)
class Moving:
    """A chart of runs: how it is drawn, and of what. about: what decides how it looks besides the runs' metrics."""

    views: Mapping[str, RunView]
    draw: Draw
    key: str
    about: Hashable

    @property
    def identity(self) -> Hashable:
        """Alike for everybody who is shown the same."""
        return self.key, self.about, tuple((arm, view.run.id) for arm, view in self.views.items())

    def specification(self) -> dict[str, Any]:
        """The chart as it is now, for `live_chart`."""
        metrics = {arm: metrics_of(view) for arm, view in self.views.items()}
        shown = (self.key, self.about, *((arm, shown_of(lines)) for arm, lines in metrics.items()))
        return remembered(shown, lambda: self.draw(metrics))


@dataclass(frozen=True)
class Fresh:
    """A moving chart at one moment: the message that brings it to a browser, and how its runs stand."""

    message: str
    states: Mapping[str, State]


class Movement:
    """The moving charts of one session's page."""

    def __init__(self) -> None:
        self.charts: dict[str, Moving] = {}
        self._drawn: dict[str, State] = {}  # of each run, when the whole page was drawn last
        self._drawings = 0  # how often the whole page was drawn
        self.channel = Channel(self.news)
        self._sight: tuple[float, frozenset[str], bool] = (-SIGHT_SECONDS, frozenset(), False)

    def begin(self) -> None:
        """The whole page is about to be drawn, and all its charts with it."""
        self.charts, self._drawn = {}, {}
        self._drawings += 1

    def add(self, chart: Moving) -> None:
        """A chart was drawn, with the whole page or by a part of it that is drawn more often."""
        self.charts[chart.key] = chart
        for run, state in _states(chart.views).items():
            self._drawn.setdefault(run, state)

    def fresh(self) -> tuple[dict[str, Fresh], bool]:
        """Each chart that still moves as it is now, and whether a run has begun, paused or ended since the whole page
        was drawn: a part of the page that is drawn more often may know already, but the rest does not.

        Raises:
            LabError: the store cannot be read.
        """
        charts = dict(self.charts)  # the page may be about to be drawn
        live = {key: chart for key, chart in charts.items() if any(view.run.live for view in chart.views.values())}
        if not self._in_sight(live.values()):
            return {}, True
        fresh = {key: _FRESH.of(chart) for key, chart in live.items()}
        now = {run: state for chart in charts.values() for run, state in _states(chart.views).items()}
        now |= {run: state for found in fresh.values() for run, state in found.states.items()}
        return fresh, now != self._drawn

    def _in_sight(self, charts: Iterable[Moving]) -> bool:
        """Whether whoever looks may still see all of these runs: one may have been deleted, or a link taken back."""
        views = {view.run.id: view for chart in charts for view in chart.views.values() if not view.is_recorded}
        asked, runs, answer = self._sight
        if runs != views.keys() or time.monotonic() - asked > SIGHT_SECONDS:
            stores = {id(view.store): view.store for view in views.values()}.values()
            found = {run for store in stores for run in store.several([*views])}
            runs, answer = frozenset(views), views.keys() <= found
            self._sight = time.monotonic(), runs, answer
        return answer

    def news(self) -> News:
        """The same for a browser that listens. That the page has to be drawn again is said in other words after each
        time it was, and from time to time: it is sent once in the same words, and what has changed since the browser
        was told, while the page was being drawn, would be lost."""
        try:
            fresh, look = self.fresh()
        except LabError:  # the page says it, where it is drawn next
            return {}
        moment = f"{self._drawings}.{time.monotonic() // LOOK_AGAIN_SECONDS:.0f}"
        return {key: found.message for key, found in fresh.items()} | {
            _LOOK: json.dumps({_LOOK: moment}) if look else ""
        }


def moving_chart(
    views: Mapping[str, RunView],
    draw: Draw,
    *,
    key: str,
    about: Hashable = (),
    height: int = 260,
    description: str = "",
) -> None:
    """Show a chart of the metrics of some runs, by arm, which follows while they train.

    draw: the figure of the metrics of every arm. about: whatever else decides how it looks, for example titles.
    """
    chart = Moving(dict(views), draw, key, about)
    live_chart(chart.specification(), key=key, height=height, description=description)
    _movement().add(chart)


def feed(moves: bool) -> None:
    """Keep the moving charts of this page up to date. moves: whether anything of the page still changes by itself."""
    _movement().begin()
    with st.container(key="feed"):  # also when nothing moves: what stands below keeps its place in the page
        if moves:
            st.fragment(_send)()


def _movement() -> Movement:
    if _MOVING not in st.session_state:
        st.session_state[_MOVING] = Movement()
    movement: Movement = st.session_state[_MOVING]
    return movement


def _send() -> None:
    movement = _movement()
    try:
        fresh, look = movement.fresh()
    except LabError:  # the page says it, where it is drawn next
        fresh, look = {}, False
    if look:
        st.rerun()  # that concerns the whole page
    mount(
        "feed", script="feed.js", style="visitor.css", key="feed-mark",
        data={
            "pace": feed_seconds(), "moment": time.time(),
            "channel": movement.channel.name if is_served() else None,
            "messages": [found.message for found in fresh.values()],
        },
        on_look_change=lambda: None,
    )  # fmt: skip


def _states(views: Mapping[str, RunView]) -> dict[str, State]:
    return {view.run.id: (view.run.state, view.run.paused) for view in views.values()}


class _Board:
    """What was made a moment ago, for all viewers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, tuple[float, Fresh]] = OrderedDict()

    def of(self, chart: Moving) -> Fresh:
        """The chart as its runs stand now, or stood within `FRESH_SECONDS`."""
        identity = chart.identity
        with self._lock:  # who comes while it is made waits for it: reading and drawing are all computing
            found = self._made.get(identity)
            if found is None or time.monotonic() - found[0] > FRESH_SECONDS:
                found = (time.monotonic(), _made(chart))
                self._made[identity] = found
                self._made.move_to_end(identity)
                while len(self._made) > MOST_KEPT:
                    self._made.popitem(last=False)
            return found[1]


_FRESH = _Board()


def _made(chart: Moving) -> Fresh:
    views = {}
    for arm, view in chart.views.items():
        now = view.store.several([view.run.id]).get(view.run.id) if view.run.live else view.run
        views[arm] = replace(view, run=now or view.run)
    message = {"chart": chart.key, "figure": replace(chart, views=views).specification()}
    return Fresh(json.dumps(message, separators=(",", ":")), _states(views))
