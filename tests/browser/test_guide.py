"""Tours and explanations in a real Chromium: every place exists, one tour is walked to its end, a term is explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.waiting import until
from tlcore.presets import presets_of
from ui.tours import tours

pytestmark = pytest.mark.browser
TRAINS = False


def beginning(page: Any, address: str, name: str, preset: str = "") -> Any:
    page.goto(f"{address}/{'' if name == 'home' else name}?tour=1{'&preset=' * bool(preset)}{preset}")
    card = page.locator(".tl-tour")
    card.wait_for()
    return card


def tours_by_preset() -> list[tuple[str, str]]:
    """Each tour with a preset it is for: the page's first, and every other for which it is another tour."""
    found = []
    for name, tour in sorted(tours().items()):
        presets = [preset.name for preset in presets_of(name.replace("_", "-"))] or [""]
        found += [(name, preset) for preset in presets if preset == presets[0] or tour.on(preset) != tour]
    return found


@pytest.mark.parametrize(("name", "preset"), tours_by_preset())
def test_every_step_points_at_something(
    name: str, preset: str, page: Any, app_server: Callable[..., str], tmp_path: Any
) -> None:
    address = app_server(TLCORE_DATA=str(tmp_path))
    card = beginning(page, address, name, preset)
    for number, step in enumerate(tours()[name].on(preset).steps, 1):
        until(lambda n=number: card.get_attribute("data-step") == str(n), f"step {number} is shown")
        assert card.locator("b").inner_text() == step.title
        until(lambda: card.locator(".tl-tour-state").inner_text() != "not on the page now", f"{step.at} is there")
        until(lambda: page.locator(".tl-ring").is_visible(), "a ring stands around it")
        if step.condition in ("press", "points"):  # what is to be pressed is there, and what is to change
            until(lambda s=step: page.locator(s.where).count(), f"{step.where} is there")
        elif step.condition == "changes":
            until(lambda s=step: page.locator(s.where.split("@")[0]).count(), f"{step.where} is there")
        card.locator(".tl-tour-next").click()
    until(card.is_hidden, "the tour is over")
    until(lambda: "tour=" not in page.evaluate("location.href"), "the address knows")
    assert page.locator("[data-testid=stException]").count() == 0


def test_a_tour_is_walked_to_its_end(page: Any, app_server: Callable[..., str], tmp_path: Any) -> None:
    """The person does what each step says, and each is ticked; it stays where it is over a reload."""
    address = app_server(TLCORE_DATA=str(tmp_path))
    card = beginning(page, address, "domain_adversarial")
    page.locator("[data-frame-count]").wait_for()

    def done() -> bool:
        return card.get_attribute("data-done") == "true"

    def go_on() -> None:
        until(done, "the step is ticked")
        card.locator(".tl-tour-next").click()

    player = page.locator(".tl-player")
    assert not done()
    player.locator(".play").click()
    go_on()
    assert not done()
    player.get_by_role("button", name="class", exact=True).click()
    go_on()
    player.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    go_on()
    page.locator(".st-key-card-confusion-DANN").click()
    until(done, "the step is ticked")
    page.reload()
    card.wait_for()
    until(lambda: card.get_attribute("data-step") == "4" and done(), "the tour remembers where it was")
    go_on()
    player.locator(".tool-screen").click()
    until(done, "the lecture view is open")
    page.keyboard.press("Escape")
    go_on()
    page.locator(".st-key-train button").first.click()
    until(done, "Train was pressed")
    page.locator(".st-key-stop button:enabled").first.click()
    card.focus()
    page.keyboard.press("ArrowLeft")
    until(lambda: card.get_attribute("data-step") == "5", "the arrow keys turn the cards")
    page.keyboard.press("Escape")
    until(card.is_hidden, "Escape closes it")
    button = page.locator(".tl-tour-button")
    until(lambda: button.evaluate("node => node === document.activeElement"), "its button has the focus again")


def test_a_term_explains_itself_to_the_mouse_and_to_the_keyboard(
    page: Any, app_server: Callable[..., str], tmp_path: Any
) -> None:
    address = app_server(TLCORE_DATA=str(tmp_path))
    page.goto(f"{address}/domain_adversarial")
    heading = page.locator(".st-key-card-comparison .tl-term", has_text="proxy A-dist.")
    heading.wait_for()
    page.locator(".tl-tour-button").wait_for()  # by then somebody listens
    tip = page.locator("#tl-tip")

    def pointed_at() -> bool:
        page.mouse.move(0, 0)  # the heading may have been drawn anew under a pointer that rested
        heading.hover()
        page.wait_for_timeout(500)
        return tip.is_visible()

    until(pointed_at, "the explanation opens")
    assert "2 without an error" in tip.inner_text() and "d = 2 (1 − 2 ε)" in tip.inner_text()
    page.keyboard.press("Escape")
    until(tip.is_hidden, "Escape closes it")
    heading.focus()
    page.keyboard.press("Enter")
    until(tip.is_visible, "Enter opens it")
    link = tip.locator("a")
    assert link.evaluate("node => node === document.activeElement")
    assert link.get_attribute("href").endswith("/glossary?term=proxy-a-distance")
    page.goto(link.get_attribute("href"))
    page.locator("article.on", has_text="Proxy A-distance").wait_for()
    page.get_by_placeholder("A word or a symbol").fill("harmonic")
    page.keyboard.press("Enter")
    page.locator("article", has_text="Harmonic mean, H").wait_for()
    until(lambda: page.locator("article").count() < 5, "only what was looked for is left")
    until(lambda: "q=harmonic" in page.evaluate("location.href"), "the search is in the address")
