"""Cut off and back again, in a real Chromium: the view catches up in one step and says what happened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.load.crowds import moons, submit
from benchmarks.load.served import Served
from benchmarks.load.wire import Wire
from tests.browser.conftest import visitor
from tests.browser.waiting import until

pytestmark = pytest.mark.browser

LONG = 900_000  # however slow the page is, it still trains


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A lab whose web server may be killed and started again."""
    served = Served(tmp_path_factory.mktemp("cut-off"))
    served.start()
    yield served
    served.close()


def line(page: Any) -> str:
    """What is said about the connection."""
    found = page.locator(".connection")
    return found.inner_text() if found.count() and found.is_visible() else ""


@pytest.fixture
def wire(served: Served) -> Iterator[Wire]:
    """A wire to the lab that can be cut."""
    wire = Wire(served.port)
    yield wire
    wire.close()


def open_page(page: Any, served: Served, seed: int, address: str | None = None) -> str:
    """Open the page of a run that trains."""
    run = submit(served, seed, LONG)
    until(lambda: served.store.require(run).step > 0, "the run trains")
    page.goto(f"{address or served.address}/domain_adversarial?{moons(seed, LONG)}")
    page.get_by_text("Losses of DANN").wait_for()
    return run


def watch(page: Any, served: Served, seed: int, address: str | None = None) -> str:
    """Open the page of a run that trains, and wait until it is seen to train."""
    run = open_page(page, served, seed, address)
    until(lambda: page.evaluate("window.pulses ?? 0") > 1, "the view refreshes itself")
    return run


@pytest.fixture
def counted(page: Any) -> Any:
    """A page that counts its refreshes."""
    page.add_init_script("document.addEventListener('tl-pulse', () => { window.pulses = (window.pulses ?? 0) + 1; });")
    return page


def steps_said(text: str) -> tuple[int, int]:
    found = re.search(r"step ([\d,]+) → ([\d,]+)", text)
    assert found, text
    before, after = (int(part.replace(",", "")) for part in found.groups())
    return before, after


def test_a_server_that_is_killed_and_comes_back_finds_the_page_again(counted: Any, served: Served):
    run = watch(counted, served, 0)
    served.kill()
    until(lambda: "Connection lost" in line(counted), "the loss is said")
    at_loss = served.store.require(run).step
    until(lambda: served.store.require(run).step > at_loss, "the run goes on without a server")
    served.start()
    said = until(lambda: (text := line(counted)).startswith("Reconnected") and text, "the return is said")
    before, after = steps_said(said)
    assert before <= at_loss < after, "one step from what was seen to what is"
    pulses = counted.evaluate("window.pulses")
    until(lambda: counted.evaluate("window.pulses") > pulses + 1, "it refreshes itself as before")
    counted.get_by_role("button", name="Stop", exact=True).click()
    until(lambda: served.store.require(run).state == "stopped", "its buttons work again at the first click")


def test_wi_fi_that_was_lost_and_came_back(counted: Any, served: Served, wire: Wire):
    run = watch(counted, served, 1, wire.address)
    wire.cut()
    until(lambda: "Connection lost" in line(counted), "the loss is said")
    at_loss = served.store.require(run).step
    wire.mend()
    said = until(lambda: (text := line(counted)).startswith("Reconnected") and text, "the return is said")
    before, after = steps_said(said)
    assert before <= at_loss <= after
    served.executor.stop(run)


def test_training_that_ended_while_nobody_could_see_it(counted: Any, served: Served, wire: Wire):
    run = watch(counted, served, 2, wire.address)
    wire.cut()
    until(lambda: "Connection lost" in line(counted), "the loss is said")
    served.executor.stop(run)
    until(lambda: served.store.require(run).state == "stopped", "it ends")
    wire.mend()
    until(lambda: "training has ended meanwhile" in line(counted), "that is said")


FED = "window.addEventListener('tl-feed', () => { window.fed = (window.fed ?? 0) + 1; });"


def charts_come(page: Any) -> bool:
    """Whether charts were brought to the page more than three times."""
    return page.evaluate("window.fed ?? 0") > 3


def test_charts_move_by_a_line_of_their_own_and_without_it(page: Any, browser: Any, served: Served):
    lines: list[Any] = []
    page.on("websocket", lambda line: lines.append(line) if "/moving/" in line.url else None)
    page.add_init_script(FED)
    run = open_page(page, served, 3)
    until(lambda: charts_come(page) and lines, "charts come by the line")
    assert len(lines) == 1 and not lines[0].is_closed(), "one for all charts, and none anew as the page is drawn again"

    context = visitor(browser)
    cut_off = context.new_page()
    cut_off.add_init_script(FED)
    cut_off.route_web_socket(re.compile("/moving/"), lambda line: line.close())
    cut_off.goto(f"{served.address}/domain_adversarial?{moons(3, LONG)}")
    until(lambda: charts_come(cut_off), "a page that gets no line asks by itself")
    context.close()
    served.executor.stop(run)
