"""A hosted lab in a real browser: two visitors and an owner, each in a browser of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import store_of
from tests.browser.waiting import until
from tlcore.presets import all_presets
from tlcore.runs.identity import owner_key, signing_key, visitor_of_pass
from tlcore.runs.service import Service
from tlcore.runs.visitors import Visitor, VisitorStore
from tlcore.specs import override

pytestmark = pytest.mark.browser
COOKIE = "tlcore_visitor"
PATIENCE = 90_000


@pytest.fixture
def people(browser: Any) -> Iterator[Callable[[], Any]]:
    """Fresh browsers, as so many people would have them."""
    contexts = []

    def come() -> Any:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        contexts[-1].set_default_timeout(PATIENCE)
        return contexts[-1].new_page()

    yield come
    for context in contexts:
        context.close()


def pass_of(page: Any) -> str:
    """The pass that the browser keeps, once it does."""
    return until(
        lambda: next((one["value"] for one in page.context.cookies() if one["name"] == COOKIE), None), "a pass is kept"
    )


def test_two_visitors_and_the_owner(people, app_server):
    from playwright.sync_api import expect  # only where a browser is: without one this test is skipped

    address = app_server(TLCORE_HOSTED="1")
    store = store_of(address)
    key = signing_key(store.folder)
    ann, ben = people(), people()
    for page in (ann, ben):
        page.goto(f"{address}/runs")
        expect(page.locator(".tl-head h1")).to_be_visible(timeout=PATIENCE)
    kept = pass_of(ann)
    assert kept != pass_of(ben)

    # The same visitor after a reload; a forged pass is replaced by that of a stranger.
    run = VisitorStore(store, Visitor(visitor_of_pass(kept, key))).add(
        override(all_presets()["domain-adversarial/moons"].arms, {"seed": 7})["dann"]
    )
    store.change(run, state="finished", summary={"target_accuracy": 0.5})
    ann.goto(f"{address}/runs?run={run}")
    expect(ann.get_by_text(f"tlcore show {run}").first).to_be_visible(timeout=PATIENCE)
    assert pass_of(ann) == kept
    forged = f"{kept[:32]}.{'0' * 64}"
    ben.context.add_cookies([{"name": COOKIE, "value": forged, "url": address}])
    ben.goto(f"{address}/runs?run={run}")
    expect(ben.get_by_text("Mark one run to see")).to_be_visible(timeout=PATIENCE)
    until(lambda: pass_of(ben) not in (forged, kept), "a forged pass is put out of use")

    # A link shows the run, and leaves the address.
    token = VisitorStore(store, Visitor(visitor_of_pass(kept, key))).share([run])
    ben.goto(f"{address}/runs?share={token}")
    expect(ben.get_by_text(f"tlcore show {run}").first).to_be_visible(timeout=PATIENCE)
    assert token not in ben.url

    # The owner's page stands in the navigation once the key was given, and its button acts.
    owner = people()
    owner.goto(f"{address}/owner")
    owner.locator(".st-key-owner-key input").fill(owner_key(key))
    owner.get_by_role("button", name="Open").click()
    owner.get_by_role("button", name="Drain for maintenance").first.click()
    until(lambda: Service(store.database).draining, "the server is drained")
    expect(owner.get_by_role("button", name="End maintenance").first).to_be_visible(timeout=PATIENCE)
    expect(owner.get_by_role("link", name="This server")).to_be_visible(timeout=PATIENCE)
    ann.reload()
    expect(ann.get_by_text("readied for maintenance").first).to_be_visible(timeout=PATIENCE)
    expect(ann.get_by_role("link", name="This server")).to_have_count(0)
