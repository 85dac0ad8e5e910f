"""Waiting for what a page will do some time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

PATIENCE_SECONDS = 120


def until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of the condition; fails after long patience."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    pytest.fail(f"never happened: {what}")


def address_holds(page: Any, part: str) -> bool:
    """Whether the address of a page comes to hold a text: `page.url` alone never hears of a new one while asked."""
    from playwright.sync_api import TimeoutError as Late

    try:
        page.wait_for_url(lambda address: part in address)
    except Late:
        return False
    return True


def wait_for(question: Callable[[], Any], expected: Any = True) -> None:
    """Ask until the answer is as expected, and show the last answer if it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    answer = None
    while time.monotonic() < deadline:
        answer = question()
        if answer == expected:
            return
        time.sleep(0.05)
    assert answer == expected
