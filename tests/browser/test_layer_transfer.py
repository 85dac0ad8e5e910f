"""The layer transfer page in a real Chromium: a network is put together, trained, and lands in the figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import store_of
from tests.browser.waiting import address_holds, until

pytestmark = pytest.mark.browser

TINY = (
    "set=data.target.pictures=5&set=budget.steps=3&set=budget.evaluations=1&set=budget.frames=2"
    "&set=budget.probe_points=48&set=budget.batch_size=16"
)
POINTS = ".st-key-card-transfer .js-plotly-plot .points path"


def test_the_bench_trains_a_network_and_its_point_appears(page: Any, app_server: Callable[..., str]) -> None:
    address = app_server()
    page.goto(f"{address}/layer_transfer?{TINY}")
    bench = page.locator(".st-key-card-bench")
    bench.get_by_text("This is AnB@3").wait_for()
    until(lambda: page.locator(".st-key-card-transfer .js-plotly-plot").count(), "the figure is drawn")
    assert page.locator(POINTS).count() == 0

    # By keyboard: the second layer is no longer frozen, so that no arm of the paper is left.
    second = page.locator(".st-key-bench-frozen-2 button:visible")
    until(lambda: second.count() == 1, "the page is drawn")
    second.focus()
    page.keyboard.press("Enter")
    bench.get_by_text("No arm of the paper").wait_for()
    until(lambda: second.inner_text() == "trained", "the button says what it is now")
    assert address_holds(page, "bench=A.1-2-3.1-3.base")

    bench.get_by_role("button", name="Train this").click()
    store = store_of(address)
    built = until(lambda: next((run for run in store.runs(["finished"]) if run.arm == "bench"), None), "it is trained")
    assert built.spec.method.copied == (1, 2, 3) and built.spec.method.frozen == (1, 3)
    until(lambda: page.locator(POINTS).count() == 1, "its star is in the figure")
    bench.get_by_text("Its star is in the figure").wait_for()
    assert address_holds(page, f"built={built.id}")
    page.reload()
    until(lambda: page.locator(POINTS).count() == 1, "the address brings it back")
