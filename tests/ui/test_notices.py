"""Which notices a page shows, and in which order."""

from __future__ import annotations

import pytest

from tlcore.runs.records import Notice
from ui.notices import MOST_ALIKE, notice_box, notices_shown


def shown(*notices: Notice) -> list[str]:
    return [notice.text for notice in notices_shown(notices)]


def test_the_gravest_first_then_results_then_the_latest() -> None:
    told = shown(
        Notice(40, "info", "a", "info"), Notice(10, "warning", "b", "early"), Notice(0, "warning", "c", "result"),
        Notice(90, "warning", "d", "late"), Notice(5, "error", "e", "error"), Notice(1, "strange", "f", "unknown"),
    )  # fmt: skip
    assert told == ["error", "result", "late", "early", "info", "unknown"]


def test_the_same_is_said_once_as_it_was_said_last() -> None:
    assert shown(Notice(20, "info", "a", "then"), Notice(10, "info", "a", "first")) == ["then"]


def test_of_what_cannot_be_true_together_the_latest() -> None:
    aligned, apart = Notice(800, "info", "aligned", "aligned"), Notice(1300, "warning", "fooled_domain_head", "apart")
    assert shown(apart, aligned) == ["apart"]
    assert shown(apart, Notice(2000, "info", "aligned", "aligned again")) == ["aligned again"]


def test_of_many_alike_a_few_and_how_many_more() -> None:
    pairs = [Notice(10, "info", f"tasks-conflict-a-{number}", f"pair {number}") for number in range(MOST_ALIKE + 16)]
    told = shown(*pairs, Notice(5, "info", "other", "other"), Notice(20, "info", "before", "before"))
    assert told == ["before", "pair 0", "pair 1", "pair 2", "16 more pairs of tasks do so as well.", "other"]
    assert len(shown(*pairs[:MOST_ALIKE])) == MOST_ALIKE


def test_a_number_below_zero_has_a_minus_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("ui.notices.st.html", said.append)
    notice_box([Notice(3, "info", "a", "The cosine is -0.21 in a two-headed network.")])
    assert "−0.21 in a two-headed" in said[0] and "step 3" in said[0]
