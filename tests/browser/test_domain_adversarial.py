"""The domain-adversarial page in a real Chromium: open, train, pause, step, stop, come back by the address."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PROCESSES, let_move, store_of
from tests.browser.waiting import address_holds, until
from tlcore.gallery import recorded
from tlcore.runs import Run

pytestmark = pytest.mark.browser

# Long enough that it still trains whatever the machine is busy with.
LONG = "preset=moons&set=budget.steps=900000"
MARK = "nodes => nodes.map(node => { node.marked = true }).length"


def open_page(page: Any, address: str, query: str = "") -> None:
    page.goto(f"{address}/domain_adversarial?{query}")
    page.get_by_role("heading", name="Domain-adversarial training").wait_for()
    page.get_by_role("button", name="Parameters").wait_for()


def button_of(page: Any, name: str) -> Any:
    """A button of the page itself; Streamlit has a Stop of its own above it."""
    return page.get_by_test_id("stMainBlockContainer").get_by_role("button", name=name, exact=True)


def press(page: Any, name: str) -> None:
    button = button_of(page, name)
    until(button.is_enabled, f"{name} can be pressed")
    button.click()


def run_of(address: str, arm: str) -> Run | None:
    return next((run for run in store_of(address).runs() if run.arm == arm), None)


def player_of(page: Any) -> Any:
    return page.locator("[data-frame-count]").first


@pytest.mark.skipif(recorded("domain-adversarial/photo-digits") is None, reason="no recorded runs in this checkout")
def test_a_recorded_run_plays_when_the_page_is_opened(page: Any, app_server: Callable[..., str]) -> None:
    let_move(page)
    open_page(page, app_server())
    page.get_by_text("recorded run").first.wait_for()
    player = player_of(page)
    first = until(lambda: player.get_attribute("data-step"), "the player shows a step")
    until(lambda: player.get_attribute("data-step") != first, "the film moves by itself")
    assert run_of(app_server(), "dann") is None, "watching trains nothing"


def test_train_pause_step_stop_and_come_back(page: Any, app_server: Callable[..., str]) -> None:
    address = app_server()
    open_page(page, address, LONG)
    page.locator(".st-key-card-look-for").wait_for()  # the whole page is there
    parts = page.locator(".tl-diagram, .tl-live-chart, .st-key-run-bar")
    before = until(lambda: parts.count() == 6 and parts.evaluate_all(MARK), "drawing, bar and four charts")
    press(page, "Train")
    until(lambda: (run := run_of(address, "dann")) and run.step > 0, "DANN trains")
    until(lambda: page.locator(".js-plotly-plot path.js-line").count() > 0, "a curve is drawn")
    kept = parts.evaluate_all("nodes => nodes.filter(node => node.marked).length")
    assert kept == before, "nothing is built anew or shown twice because training begins"
    assert page.locator(".st-key-run-bar").count() == 1

    press(page, "Pause")
    paused = until(lambda: (run := run_of(address, "dann")) and run.paused and run, "DANN is paused")
    time.sleep(1.0)
    assert run_of(address, "dann").step == paused.step, "a paused run does not advance"

    press(page, "Step")
    until(lambda: run_of(address, "dann").step == paused.step + 1, "one step is done")
    time.sleep(1.0)
    assert run_of(address, "dann").step == paused.step + 1, "one step and no more"
    assert run_of(address, "dann").paused

    press(page, "Resume")
    until(lambda: run_of(address, "dann").step > paused.step + 1, "it goes on")

    page.reload()
    button_of(page, "Stop").wait_for()
    assert address_holds(page, "budget.steps")  # it still names the changed parameter
    press(page, "Stop")
    until(lambda: all(not run.live for run in store_of(address).runs()), "every run has ended")
    stopped = run_of(address, "dann")
    assert stopped.state == "stopped"
    assert stopped.step > paused.step
    until(button_of(page, "Continue").is_enabled, "the page offers to continue")


def test_the_films_of_both_arms_are_shown(page: Any, app_server: Callable[..., str]) -> None:
    address = app_server()
    open_page(page, address, "preset=moons&set=budget.steps=200&set=budget.frames=5&seed=0")
    press(page, "Train")
    until(lambda: [run.state for run in store_of(address).runs()].count("finished") >= 3, "three arms are trained")
    player = player_of(page)
    until(lambda: player.get_attribute("data-frame-count") == "6,6", "all frames have arrived")
    for title in ("Source only", "DANN"):
        assert page.get_by_text(title, exact=True).first.is_visible()
    until(
        lambda: "seed" in page.locator(".tl-card-head").filter(has_text="What transfer bought").inner_text(), "compared"
    )
    press(page, "Train another seed")
    assert address_holds(page, "seeds=2&seed=1")  # its runs are the ones shown
    until(lambda: [run.state for run in store_of(address).runs()].count("finished") >= 6, "six arms are trained")


def test_the_web_process_loads_no_torch(page: Any, app_server: Callable[..., str]) -> None:
    address = app_server()
    open_page(page, address)
    maps = Path(f"/proc/{PROCESSES[address]}/maps")
    if not maps.exists():
        pytest.skip("this system does not tell which libraries a process has loaded")
    loaded = maps.read_text()
    assert "streamlit" in loaded or "python" in loaded
    for library in ("libtorch", "sklearn", "llvmlite"):
        assert library not in loaded


def test_a_narrow_window_scrolls_downwards_only(page: Any, app_server: Callable[..., str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, app_server())
    until(lambda: page.get_by_text("What to look for").first.is_visible(), "the page is drawn")
    width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert width <= 390


def test_the_bar_does_not_move_when_the_drawing_above_it_comes_late(page: Any, app_server: Callable[..., str]) -> None:
    def place_of_the_bar() -> float:
        open_page(page, app_server())
        page.locator(".st-key-card-look-for").wait_for()  # the whole page is there
        return page.locator(".st-key-run-bar").evaluate("node => node.getBoundingClientRect().top")

    page.route("**/network_diagram.js*", lambda route: route.abort())
    without = place_of_the_bar()
    assert page.locator(".tl-diagram").count() == 0
    page.unroute("**/network_diagram.js*")
    place = place_of_the_bar()
    page.locator(".tl-diagram svg.wide").wait_for()
    assert abs(place - without) < 8  # pixels: a rule of three gives the height, its line and its padding are rounded


def test_the_map_leads_to_the_page(page: Any, app_server: Callable[..., str]) -> None:
    page.goto(app_server())
    page.locator('a.tile[data-preset="domain-adversarial/photo-digits"]').click()
    page.get_by_role("heading", name="Domain-adversarial training").wait_for()
    assert address_holds(page, "/domain_adversarial")
