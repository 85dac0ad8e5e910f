"""The home page in a real Chromium: the map moves, leads to pages, and the questions lead to presets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import let_move, store_of, visitor
from tests.browser.waiting import address_holds, until
from tlcore.execution.local import LocalExecutor
from tlcore.presets import all_presets
from tlcore.specs import override

pytestmark = pytest.mark.browser


def open_home(page: Any, address: str, query: str = "") -> None:
    page.goto(f"{address}/?{query}")
    page.locator("a.tile").first.wait_for()


def test_the_map_moves_and_a_click_opens_the_method(page: Any, app_server: Callable[..., str]) -> None:
    let_move(page)
    open_home(page, app_server())
    canvas = page.locator('a.tile[data-preset="domain-adversarial/photo-digits"] canvas')
    first = until(lambda: canvas.get_attribute("data-position"), "a film has begun")
    until(lambda: canvas.get_attribute("data-position") != first, "it moves by itself")
    page.locator('a.tile[data-preset="domain-adversarial/photo-digits"]').click()
    page.get_by_role("heading", name="Domain-adversarial training").wait_for()
    assert address_holds(page, "preset=photo-digits")


def test_whoever_wants_less_motion_sees_the_last_frame(browser: Any, app_server: Callable[..., str]) -> None:
    context = visitor(browser, reduced_motion="reduce")
    page = context.new_page()
    open_home(page, app_server())
    canvas = page.locator("a.tile canvas").first
    at = until(lambda: canvas.get_attribute("data-position"), "a frame is shown")
    assert float(at) > 3
    page.wait_for_timeout(500)
    assert canvas.get_attribute("data-position") == at
    context.close()


def test_the_questions_lead_to_a_preset_and_stay_in_the_address(page: Any, app_server: Callable[..., str]) -> None:
    open_home(page, app_server())
    classes = page.locator(".st-key-classes")
    classes.get_by_text("no", exact=True).click()
    page.get_by_role("link", name="Seen and unseen together").wait_for()
    assert address_holds(page, "classes=no")
    page.reload()
    page.get_by_role("link", name="Seen and unseen together").wait_for()
    page.get_by_role("link", name="Seen and unseen together").click()
    page.get_by_role("heading", name="Zero-shot learning").wait_for()
    assert address_holds(page, "preset=generalised")


def test_what_trains_now_is_shown_and_leads_to_its_page(page: Any, app_server: Callable[..., str]) -> None:
    address = app_server()
    preset = all_presets()["domain-adversarial/moons"]
    executor = LocalExecutor(store_of(address))
    spec = override(preset.arms, {"budget.steps": 900_000})["dann"]  # it trains whatever the machine is busy with
    run = executor.submit(spec, preset=preset.identity, arm="dann")
    until(lambda: executor.store.require(run).state == "running", "it trains")
    open_home(page, address)
    page.get_by_text("1 run trains, none waits.").wait_for()
    page.get_by_role("progressbar", name="DANN").wait_for()
    page.get_by_role("link", name="DANN").click()
    page.get_by_role("heading", name="Domain-adversarial training").wait_for()
    assert address_holds(page, "preset=moons")
    executor.stop(run)
