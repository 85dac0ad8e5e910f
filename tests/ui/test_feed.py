"""Charts that move: read and drawn once for all who watch the same runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import plotly.graph_objects as go
import pytest

from tests.ui.clock import Clock
from tlcore.errors import StoreError
from tlcore.presets import all_presets
from tlcore.runs import Series, Store
from ui import feed
from ui.channel import _Line
from ui.feed import FRESH_SECONDS, Moving
from ui.library import RunView


def drawn(metrics: Mapping[str, Mapping[str, Series]]) -> go.Figure:
    lines = [arm["loss"] for arm in metrics.values() if "loss" in arm]
    return go.Figure([go.Scatter(x=line.steps.tolist(), y=line.values.tolist()) for line in lines])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(feed, "time", clock)
    return clock


@pytest.fixture
def chart(tmp_path: Path) -> Moving:
    """A chart of one run that trains, as a page drew it at step 1."""
    store = Store(tmp_path)
    run = store.add(all_presets()["domain-adversarial/moons"].arms["dann"], arm="dann")
    store.change(run, state="running", step=1, heartbeat=1.0)
    store.record_metrics(run, [(1, {"loss": 2.0})])
    return Moving({"dann": RunView(store.require(run), store, False)}, drawn, "loss", ())


def go_on(chart: Moving) -> None:
    """The run of a chart trains one step, then pauses."""
    view = chart.views["dann"]
    view.store.record_metrics(view.run.id, [(2, {"loss": 1.0})])
    view.store.change(view.run.id, step=2, heartbeat=2.0, paused=True)


def steps_of(message: str) -> list[int]:
    return json.loads(message)["figure"]["data"][0]["x"]


def test_a_chart_is_made_once_for_all_who_ask_at_about_the_same_time(chart: Moving, clock: Clock) -> None:
    board = feed._Board()
    first = board.of(chart)
    assert steps_of(first.message) == [1]
    go_on(chart)
    clock.now += FRESH_SECONDS / 2
    assert board.of(replace(chart, draw=drawn)) is first, "another viewer's page has functions of its own"
    clock.now += FRESH_SECONDS
    assert steps_of(board.of(chart).message) == [1, 2]


def test_it_tells_how_its_runs_stand_now(chart: Moving) -> None:
    board = feed._Board()
    run = chart.views["dann"].run.id
    assert board.of(chart).states == {run: ("running", False)} == feed._states(chart.views)
    go_on(chart)
    assert feed._Board().of(chart).states == {run: ("running", True)} != feed._states(chart.views)


def test_a_page_hears_of_its_charts_and_when_it_has_to_be_drawn_again(
    chart: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_FRESH", feed._Board())
    monkeypatch.setattr(feed, "FRESH_SECONDS", -1.0)
    page = feed.Movement()
    assert page.news() == {"look": ""}, "nothing is drawn yet"
    page.add(chart)
    before = page.news()
    assert (steps_of(before["loss"]), before["look"]) == ([1], "")
    go_on(chart)
    after = page.news()
    assert (steps_of(after["loss"]), json.loads(after["look"])) == ([1, 2], {"look": ANY})


def test_a_second_change_is_told_of_although_the_first_was_a_moment_ago(
    tmp_path: Path, chart: Moving, clock: Clock
) -> None:
    first = chart.views["dann"]
    other = first.store.add(all_presets()["domain-adversarial/moons"].arms["source_only"], arm="source_only")
    first.store.change(other, state="running", step=1, heartbeat=1.0)

    def draw(page: feed.Movement) -> None:
        page.begin()
        views = {"dann": first.run.id, "source_only": other}
        page.add(
            replace(
                chart, views={arm: RunView(first.store.require(run), first.store, False) for arm, run in views.items()}
            )
        )

    page, line = feed.Movement(), _Line(lambda: None)
    draw(page)
    line.take(page.news())
    first.store.change(first.run.id, state="finished")
    clock.now += FRESH_SECONDS * 1.1
    line.take(page.news())
    told = line.waiting.pop("look")
    draw(page)
    first.store.change(other, state="finished")  # before anybody has looked for news again
    clock.now += FRESH_SECONDS * 1.1
    line.take(page.news())
    assert line.waiting.pop("look") != told
    clock.now += feed.LOOK_AGAIN_SECONDS / 100
    line.take(page.news())
    assert "look" not in line.waiting, "not twice for the same, unless"
    clock.now += feed.LOOK_AGAIN_SECONDS
    line.take(page.news())
    assert "look" in line.waiting, "the page was not drawn for long"


def test_what_a_part_of_the_page_knows_already_the_whole_page_is_told_of(chart: Moving) -> None:
    page = feed.Movement()
    page.begin()
    page.add(chart)
    view = chart.views["dann"]
    view.store.change(view.run.id, state="finished")
    page.add(replace(chart, views={"dann": replace(view, run=view.store.require(view.run.id))}))  # drawn by itself
    assert page.news()["look"], "the rest of the page does not know that the run has ended"
    page.begin()
    page.add(replace(chart, views={"dann": replace(view, run=view.store.require(view.run.id))}))
    assert page.news() == {"look": ""}


def test_a_run_that_may_no_longer_be_seen_is_no_longer_told_of(chart: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "SIGHT_SECONDS", -1.0)
    page = feed.Movement()
    page.add(chart)
    assert "loss" in page.news()
    view = chart.views["dann"]
    view.store.change(view.run.id, state="stopped")
    view.store.discard([view.run.id])
    news = page.news()
    assert news.keys() == {"look"} and news["look"]


def test_a_store_that_cannot_be_read_leaves_the_page_as_it_is(chart: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: feed._Board, chart: Moving) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(feed._Board, "of", unreadable)
    page = feed.Movement()
    page.add(chart)
    assert page.news() == {}


def test_charts_of_other_runs_or_titles_are_others(chart: Moving, clock: Clock) -> None:
    board = feed._Board()
    board.of(chart)
    view = chart.views["dann"]
    other = view.store.add(all_presets()["domain-adversarial/moons"].arms["source_only"], arm="source_only")
    charts = [chart, replace(chart, about=("title",)), replace(chart, key="accuracy")]
    charts.append(replace(chart, views={"dann": RunView(view.store.require(other), view.store, False)}))
    assert len({one.identity for one in charts}) == 4
    assert json.loads(board.of(charts[-1]).message) == {"chart": "loss", "figure": {"data": [], "layout": ANY}}


def test_old_charts_are_let_go(chart: Moving, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_KEPT", 2)
    board = feed._Board()
    for name in ("a", "b", "c"):
        board.of(replace(chart, key=name))
    assert [identity[0] for identity in board._made] == ["b", "c"]
