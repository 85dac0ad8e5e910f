"""The fine-tuning page in a real Chromium: train a little, watch the curve grow, open a point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from tests.browser.conftest import store_of
from tests.browser.waiting import until

pytestmark = pytest.mark.browser

TINY = "preset=easy-target&set=budget.steps=4&set=budget.evaluations=2&set=budget.frames=2"
POINTS = ".st-key-card-curve .js-plotly-plot .points path"


def open_page(page: Any, address: str, query: str = "") -> None:
    page.goto(f"{address}/fine_tuning?{query}")
    page.get_by_role("heading", name="Fine-tuning", exact=True).wait_for()
    page.get_by_role("button", name="Parameters").wait_for()


def press(page: Any, name: str) -> None:
    button = page.get_by_test_id("stMainBlockContainer").get_by_role("button", name=name, exact=True)
    until(button.is_enabled, f"{name} can be pressed")
    button.click()


def chart_of(page: Any) -> Any:
    return page.locator(".st-key-card-curve .js-plotly-plot")


def opened_by_a_click(page: Any) -> bool:
    """Click the first point of the curve as a person does, who clicks again where the page was just being drawn."""
    box = page.locator(POINTS).first.bounding_box()
    if box is None:  # the chart is just being drawn
        return False
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 40, y - 40)
    page.mouse.move(x, y)
    page.wait_for_timeout(500)
    if not chart_of(page).locator(".hoverlayer").text_content():  # it has moved on under the mouse
        return False
    page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(2000)
    return "@1" in unquote(page.evaluate("location.search"))


def test_the_curve_grows_in_place_and_a_click_on_a_point_opens_its_run(
    page: Any, app_server: Callable[..., str]
) -> None:
    address = app_server()
    open_page(page, address, TINY)
    press(page, "Train")
    store = store_of(address)
    finished = lambda: [run.arm for run in store.runs(["finished"])]  # noqa: E731
    until(lambda: "scratch@1" in finished(), "the first point is measured")
    until(lambda: page.locator(POINTS).count() > 0, "a point is drawn")
    chart_of(page).evaluate("node => { node.marked = true }")
    until(lambda: "fixed_features@1" in finished(), "a second one is measured")
    press(page, "Stop")
    until(lambda: not any(run.live for run in store.runs()), "everything has ended")
    until(lambda: "runs are done" not in page.locator(".st-key-card-curve").inner_text(), "the page knows")
    assert chart_of(page).evaluate("node => node.marked") is True, "the chart was updated, not built anew"

    shown = page.locator(".tl-runs")
    # A page that is drawn as a whole in the moment of the click may take it back: a person clicks again.
    until(lambda: opened_by_a_click(page) and "1 per class" in shown.inner_text(), "its run is opened and shown below")
    identities = {run.id for run in store.runs(["finished"])}
    assert any(identity in shown.inner_text() for identity in identities)
    page.reload()
    until(lambda: "1 per class" in shown.inner_text(), "the address brings it back")


def test_a_narrow_window_scrolls_downwards_only(page: Any, app_server: Callable[..., str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, app_server())
    until(lambda: page.get_by_text("What to look for").first.is_visible(), "the page is drawn")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390

    chart = chart_of(page)
    chart.scroll_into_view_if_needed()
    legend = chart.locator("g.legend rect.bg")
    until(lambda: legend.count() > 0, "the legend is drawn")
    until(
        lambda: chart.bounding_box()["height"] - legend.bounding_box()["height"] > 250,
        "it leaves room for the curves, however many lines it has",
    )
    fades = "node => [getComputedStyle(node).maskImage.includes('28px'), node.scrollWidth > node.clientWidth]"
    net = page.locator(".tl-net")
    assert net.evaluate(fades) == [True, True], "what is wider than the window fades where there is more of it"
