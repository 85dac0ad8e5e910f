"""Which runs a page shows, and what it says of those that did not finish."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tlcore.gallery import recorded
from ui.library import RunView
from ui.shown_runs import MOST_ENDED, ended_notices, run_lines


def view_of(number: int, **changes: Any) -> RunView:
    shipped = recorded("domain-adversarial/moons")
    return RunView(replace(shipped.runs()[0], id=f"run{number}", **changes), shipped, False)


def test_runs_that_ended_early_are_told_with_their_reason_and_once_each() -> None:
    full = view_of(1, state="failed", step=30, reason="the disk is full")
    views = {
        "a": full,
        "the same": full,
        "b": view_of(2, state="stopped"),
        "c": view_of(3, state="finished"),
        "d": None,
    }
    told = [(one.level, one.code, one.text) for one in ended_notices(views, str.upper)]
    assert told == [
        ("error", "failed-a", "A failed: the disk is full"),
        ("info", "stopped-b", "B was stopped; Train goes on from its last checkpoint."),
    ]
    many = {f"arm{number}": view_of(number, state="stopped") for number in range(MOST_ENDED + 4)}
    notices = ended_notices(many, str)
    assert len(notices) == MOST_ENDED + 1 and notices[-1].text == "4 more runs stopped as well."


def test_the_line_of_runs_links_those_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr("ui.shown_runs.st.html", written.append)
    here = view_of(1, state="running", seconds=0.0)
    shipped = replace(view_of(2, seconds=12.4), is_recorded=True)
    run_lines({"<a>": here, "b": shipped}, str, missing=["c"], seed="split")
    [line] = written
    assert "c: not trained yet" in line and "&lt;a&gt;: run" in line and "<a>" not in line
    assert 'href="runs?run=run1"' in line and "run2" in line and 'href="runs?run=run2"' not in line
    assert f"split {shipped.run.spec.seed}, recorded, 12 s" in line and "split 0, running" in line
    run_lines({}, str, missing=["c"])
    assert len(written) == 1, "without any run nothing is said"
