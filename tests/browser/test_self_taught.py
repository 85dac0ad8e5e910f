"""The self-taught page in a real Chromium: train a little, watch it collapse, change what stands side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import store_of
from tests.browser.waiting import address_holds, until

pytestmark = pytest.mark.browser

TINY = "preset=collapse&set=budget.steps=6&set=budget.batch_size=16&set=budget.evaluations=2&set=budget.frames=2"
CARD = ".st-key-card-rank .js-plotly-plot"


def open_page(page: Any, address: str, query: str = "") -> None:
    page.goto(f"{address}/self_taught?{query}")
    page.get_by_role("heading", name="Self-taught learning", exact=True).wait_for()
    page.get_by_role("button", name="Parameters").wait_for()


def test_three_runs_are_trained_and_seen_without_a_label(page: Any, app_server: Callable[..., str]) -> None:
    address = app_server()
    open_page(page, address, TINY)
    button = page.get_by_role("button", name="Train", exact=True)
    until(button.is_enabled, "Train can be pressed")
    button.click()
    store = store_of(address)
    until(lambda: len(store.runs(["finished"])) == 3, "all three arms have finished")
    page.locator(".st-key-card-rank .tl-live-chart").scroll_into_view_if_needed()  # drawn when it is near
    until(lambda: page.locator(f"{CARD} .points path").count() >= 9, "each arm has a rank at each look")
    until(lambda: page.locator(".tl-sheet img").count() == 1, "the pairs of views are shown")
    seen = "image => image.complete && image.naturalWidth > 0"
    until(lambda: page.locator(".tl-sheet img").evaluate(seen), "they are seen")
    runs = page.locator(".tl-runs")
    until(lambda: "Agreement alone" in runs.inner_text(), "the runs side by side are named")

    left = page.get_by_role("combobox", name="Left")
    left.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # an open list closes when the page is scrolled
    left.click()
    page.get_by_role("option", name="Without covariance").click()
    until(lambda: "Without covariance" in runs.inner_text(), "another run stands on the left")
    assert address_holds(page, "arms=no_covariance")
    page.reload()
    until(lambda: "Without covariance" in runs.inner_text(), "and brings it back")


def test_a_narrow_window_scrolls_downwards_only(page: Any, app_server: Callable[..., str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, app_server())
    until(lambda: page.get_by_text("What to look for").first.is_visible(), "the page is drawn")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
