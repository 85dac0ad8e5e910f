"""How often pages are drawn anew while many people look."""

from __future__ import annotations

import pytest

from ui import crowd
from ui.crowd import FEED_SECONDS, HERE_SECONDS, REDRAW_SECONDS, Crowd


def test_who_has_not_been_seen_for_a_while_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, 2.0, HERE_SECONDS + 1.5])
    monkeypatch.setattr("ui.crowd.time.monotonic", lambda: next(moments))
    people = Crowd()
    assert [people.note(name) for name in ("first", "second", "first")] == [1, 2, 2]
    assert people.note("third") == 2, "the second has gone, the first was seen once more"


def test_few_are_drawn_as_often_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "watching", lambda: 2)
    assert (crowd.redraw_seconds(), crowd.feed_seconds()) == (REDRAW_SECONDS, FEED_SECONDS)


@pytest.mark.parametrize("people", [50, 400])
def test_a_crowd_asks_for_no_more_than_a_server_can_draw(people: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "watching", lambda: people)
    paces = [crowd.redraw_seconds() for _ in range(200)]
    assert people / (sum(paces) / len(paces)) == pytest.approx(crowd.REDRAWS_A_SECOND, rel=0.1)
    assert max(paces) > 1.1 * min(paces), "not all at the same moment"
    assert people / crowd.feed_seconds() <= crowd.FEEDS_A_SECOND
