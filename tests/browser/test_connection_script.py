"""What the browser's side of the connection says and asks for, by a clock that is set, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser
TRAINS = False

LAB = "http://lab.test"
PAGE = """<!doctype html><div id=place></div><script type=module>
import connection from "./connection.js";
window.asked = 0;
connection({
  data: { drawn: 1 }, parentElement: document.querySelector("#place"), setTriggerValue: () => { window.asked += 1; },
});
window.ready = true;
</script>"""


class Lab:
    """The page with the script; `answers` tells whether the server does."""

    def __init__(self, page: Any) -> None:
        self.page, self.answers = page, True
        page.route(f"{LAB}/**", self._answer)
        page.clock.install(time=0)
        # How long the script waits for an answer is no matter of the clock that is set: a busy machine may take longer.
        page.add_init_script("AbortSignal.timeout = () => new AbortController().signal")
        page.goto(LAB)
        page.wait_for_function("window.ready")

    def _answer(self, route: Any) -> None:
        if route.request.url.endswith("/connection.js"):
            route.fulfill(path=ROOT / "ui/assets/connection.js")
        elif not route.request.url.endswith("/health"):
            route.fulfill(body=PAGE, content_type="text/html")
        elif self.answers:
            route.fulfill(body="ok")
        else:
            route.abort()

    def pulse(self, moment: float, step: int, live: bool = True) -> None:
        """The view is drawn: when, by the server's clock, in seconds."""
        detail = {"pace": 1.0 if live else None, "moment": moment, "step": step, "live": live}
        self.page.evaluate("detail => document.dispatchEvent(new CustomEvent('tl-pulse', { detail }))", detail)

    def go_on(self, seconds: int) -> None:
        """Let time pass, with room for what the server answers."""
        for _ in range(seconds):
            self.page.clock.run_for(1000)
            self.page.evaluate("() => fetch('favicon')")  # what was asked before has been answered by then

    def lose(self) -> None:
        """The server no longer answers, for long enough to be noticed."""
        self.answers = False
        self.go_on(12)
        assert self.said().startswith("Connection lost"), "the loss is said"

    def said(self) -> str:
        return self.page.locator(".connection").inner_text()

    def asked(self) -> int:
        """How often the page asked to be drawn again."""
        return self.page.evaluate("window.asked")


@pytest.fixture
def lab(page: Any) -> Lab:
    """A view that was drawn at second 100 of the server's clock, at step 10 of a run that trains."""
    lab = Lab(page)
    lab.pulse(100, 10)
    return lab


def test_what_the_server_had_still_to_send_is_not_taken_for_the_present(lab: Lab):
    lab.lose()
    lab.pulse(101, 12)
    assert lab.said().startswith("Connection lost"), "drawn a second after the last one, long before the loss was seen"
    lab.pulse(130, 40, live=False)
    assert lab.said() == "Reconnected; training has ended meanwhile. You last saw step 10."


@pytest.mark.parametrize("moment", [130, 7])
def test_the_first_pulse_afterwards_says_how_far_training_went(lab: Lab, moment: float):
    """Also where the server's clock was set back."""
    lab.lose()
    lab.pulse(moment, 4000)
    assert lab.said() == "Reconnected; training went on meanwhile: step 10 → 4,000."


def test_it_asks_until_it_is_answered(lab: Lab):
    """A server that so many come back to may need minutes; it is asked less often as time goes by."""
    lab.lose()
    assert lab.asked() == 0, "nobody there to be asked"
    lab.answers = True
    lab.go_on(30)
    soon = lab.asked()
    assert soon >= 6
    lab.go_on(120)
    later = lab.asked() - soon
    assert 6 <= later <= 9, "every quarter of a minute"
    lab.pulse(260, 90)
    lab.go_on(4)
    assert lab.asked() == soon + later, "it has come"
