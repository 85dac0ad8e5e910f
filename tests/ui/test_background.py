"""Work that pages ask for: done once, refused for a while, tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import streamlit as st

from tests.browser.waiting import until
from tests.ui.clock import Clock
from tlcore.errors import InvalidRequest, LabError
from tlcore.runs.visitors import Visitor
from tlcore.specs.hosting import Hosting, Limits
from ui import background as module
from ui.background import BUSY, IN_TURN, PASSING_SECONDS, Background, look

ANN, BEN = "a" * 32, "b" * 32


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    """The work of a hosted lab in which a visitor may ask for two things at once."""
    monkeypatch.setattr(module, "hosted", lambda: Hosting(limits=Limits(questions_per_visitor=2)))
    monkeypatch.setattr(st, "session_state", {})
    as_visitor(monkeypatch, ANN)
    work = Background()
    monkeypatch.setattr(module, "background", lambda: work)
    yield work


def as_visitor(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    monkeypatch.setattr(module, "visitor", lambda: Visitor(who))
    monkeypatch.setattr(module, "scope", lambda: who)


def answered(work: Background, key: str) -> object:
    return until(lambda: (found := work.peek(key)) and found.done and found, f"{key} is answered")


def test_an_answer_is_kept_until_it_is_forgotten(work: Background) -> None:
    calls: list[int] = []
    for _ in range(3):
        work.start("one", lambda report: calls.append(1) or [1])
        assert answered(work, "one").answer == [1]
    assert len(calls) == 1
    work.forget("one")
    assert work.peek("one") is None


def test_what_is_wrong_with_the_question_stays_wrong(work: Background, clock: Clock) -> None:
    calls: list[int] = []

    def refuse(report: module.Report) -> None:
        calls.append(1)
        raise InvalidRequest("There is no such class.")

    for _ in range(3):
        work.start("one", refuse)
        assert answered(work, "one").error == "There is no such class."
        clock.now += 10 * PASSING_SECONDS
    assert len(calls) == 1


@pytest.mark.parametrize(
    "error, words",
    [
        (LabError("There was no answer within 120 seconds."), "There was no answer within 120 seconds."),
        (ZeroDivisionError(), "This could not be done (ZeroDivisionError)."),
    ],
)
def test_what_may_pass_is_tried_again_by_whoever_asks_after_a_while(
    work: Background, clock: Clock, error: Exception, words: str
) -> None:
    answers: list[Exception | int] = [error, 7]

    def attempt(report: module.Report) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    work.start("one", attempt)
    assert answered(work, "one").error == words
    work.start("one", attempt)
    assert answered(work, "one").error == words, "not at once again"
    clock.now += PASSING_SECONDS
    assert work.peek("one").error == words, "who only looks is told how it ended"
    work.start("one", attempt)
    assert until(lambda: work.peek("one").answer, "it was tried again") == 7


def test_whoever_asks_for_too_much_waits_for_a_turn(work: Background, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    try:
        for key in ("one", "two"):
            work.start(key, lambda report: done.wait(60))
        assert look("three", lambda report: 3).text == IN_TURN
        assert look("catalogue samples x", lambda report: 4).text == IN_TURN
        assert st.session_state == {module._PENDING: True}, "the page looks again"
        work.start("four", lambda report: 4)
        assert work.peek("four").error == BUSY, "what was begun by a button says so"
        as_visitor(monkeypatch, BEN)
        look("catalogue samples x", lambda report: 4)
    finally:
        done.set()
    assert answered(work, "catalogue samples x").answer == 4, "what is everybody's was refused to nobody else"
    as_visitor(monkeypatch, ANN)
    for key in ("one", "two"):
        answered(work, key)
    look("three", lambda report: 3)
    assert until(lambda: work.peek("three").answer, "its turn has come") == 3
