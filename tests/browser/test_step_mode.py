"""Step mode in a real Chromium: pause, step, walk through the phases, step on from the diagram, resume."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import let_move, store_of
from tests.browser.test_domain_adversarial import LONG, button_of, open_page, press, run_of, until
from ui.step_words import words_of

pytestmark = pytest.mark.browser

NAMES = ["1 Forward", "2 Class gradient", "3 Domain gradient", "4 Reversal", "5 Update"]


def current(page: Any) -> str:
    """The phase shown."""
    return page.locator(".phase[aria-current=step]").inner_text()


def words(page: Any) -> str:
    return page.locator(".stepper .words[aria-live=polite]").inner_text()


def lit(page: Any) -> set[str]:
    """The parts of the network that are lit, where those can be seen."""
    return set(page.eval_on_selector_all(".tl-diagram svg.wide .part.lit", "nodes => nodes.map(n => n.dataset.part)"))


def shown(page: Any, slot: str) -> str:
    return page.locator(f".tl-diagram svg.wide [data-slot={slot}]").text_content()


def numbers_of(address: str) -> dict[str, dict[str, float]]:
    """The last step of DANN that was taken apart, as the store has it."""
    store = store_of(address)
    return {name: dict(values) for name, values in store.anatomy(run_of(address, "dann").id).phases}


def test_a_step_is_taken_apart_before_ones_eyes(page: Any, app_server: Callable[..., str]) -> None:
    address = app_server()
    open_page(page, address, LONG)
    assert not page.locator(".stepper").is_visible()
    press(page, "Train")
    until(lambda: (run := run_of(address, "dann")) and run.step > 0, "DANN trains")
    press(page, "Pause")
    until(lambda: (run := run_of(address, "dann")) and run.paused, "DANN is paused")
    until(lambda: "Training waits" in words(page), "the diagram invites to a step")

    press(page, "Step")
    page.locator(".phase").first.wait_for()
    until(lambda: page.locator(".phase").all_inner_texts() == NAMES, "the phases stand in order")
    assert current(page) == NAMES[0], "the first shows by itself"
    step = run_of(address, "dann").step
    assert page.locator(".step-title").inner_text() == f"Step {step:,}"
    numbers = numbers_of(address)
    assert float(shown(page, "class_loss")) == pytest.approx(numbers["forward"]["class_loss"], abs=0.0051)
    assert words(page) == words_of("forward", numbers)
    assert {"source", "target", "extractor", "label", "domain", "flow-label"} <= lit(page)

    # The page goes on looking at the store meanwhile: the phase that was chosen stays.
    page.locator(".tl-diagram").focus()
    page.keyboard.press("n")
    assert current(page) == NAMES[1]
    assert "label" in lit(page) and not lit(page) & {"source", "target", "domain", "extractor", "flow-label"}
    page.locator(".phase").first.evaluate("node => { node.marked = true }")
    page.wait_for_timeout(2500)
    assert current(page) == NAMES[1]
    assert page.locator(".phase").first.evaluate("node => node.marked"), "nothing was drawn anew"
    page.keyboard.press("ArrowRight")
    assert current(page) == NAMES[2] and "domain" in lit(page)
    page.keyboard.press("b")
    assert current(page) == NAMES[1]
    page.get_by_role("button", name="Next", exact=True).click()
    page.keyboard.press("ArrowRight")
    assert current(page) == NAMES[3] and "return-to-extractor" in lit(page)
    assert "×" in shown(page, "reversal") and "λ" in words(page)
    page.get_by_role("button", name="Back", exact=True).click()
    page.get_by_role("button", name=NAMES[4]).click()
    assert {"extractor", "label", "domain"} <= lit(page)
    assert re.search(r"\d → \d", shown(page, "class_loss"))
    assert words(page) == words_of("update", numbers)

    page.get_by_role("button", name="Next step", exact=True).click()
    until(lambda: run_of(address, "dann").step == step + 1, "Next after the last phase makes a step")
    until(lambda: page.locator(".step-title").inner_text() == f"Step {step + 1:,}", "and shows it")
    assert current(page) == NAMES[0]
    assert run_of(address, "dann").paused

    page.set_viewport_size({"width": 400, "height": 900})
    until(lambda: page.locator(".tl-diagram svg.narrow").is_visible(), "the narrow drawing")
    diagram = page.locator(".tl-diagram")
    assert diagram.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert page.locator(".stepper").evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    page.set_viewport_size({"width": 1280, "height": 1000})

    moving = "nodes => nodes.filter(node => getComputedStyle(node).animationName !== 'none').length"
    assert page.eval_on_selector_all(".tl-diagram .part", moving) == 0
    let_move(page)
    until(lambda: page.eval_on_selector_all(".tl-diagram .part", moving) > 0, "the signal moves for others")

    press(page, "Resume")
    page.locator(".stepper").wait_for(state="hidden")
    assert not lit(page) and not page.locator(".tl-diagram.stepping").count()
    press(page, "Stop")
    until(lambda: all(not run.live for run in store_of(address).runs()), "every run has ended")
    until(button_of(page, "Continue").is_enabled, "the page offers to continue")
