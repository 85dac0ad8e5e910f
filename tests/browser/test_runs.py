"""The page of all runs in a real Chromium: a run is opened again where it was trained."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.waiting import address_holds, until
from tlcore.gallery import recorded

pytestmark = pytest.mark.browser
TRAINS = False
PRESET = "domain-adversarial/moons"


@pytest.mark.skipif(recorded(PRESET) is None, reason="no recorded runs in this checkout")
def test_a_run_is_opened_on_its_page(page: Any, app_server: Callable[..., str]) -> None:
    run = next(run for run in recorded(PRESET).runs() if run.arm == "dann" and run.spec.seed == 0)
    page.goto(f"{app_server()}/runs?run={run.id}&only_arm=dann&metric_shown=source_accuracy")
    page.locator(".st-key-card-runs-detail").wait_for()
    page.get_by_text("Open on its page").click()
    page.get_by_role("heading", name="Domain-adversarial training").wait_for()
    page.locator(".tl-player").first.wait_for()
    assert address_holds(page, "preset=moons")
    until(lambda: not re.search("only_arm|metric_shown", page.evaluate("location.search")), "the filters stay behind")
