"""The zero-shot page in a real Chromium: train a little, look into a run, change a description."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import store_of
from tests.browser.waiting import until

pytestmark = pytest.mark.browser

# Few pictures and steps: this is about the page, not about what is learned.
SMALL = "&".join(
    f"set={change}"
    for change in (
        "budget.steps=12",
        "budget.batch_size=32",
        "budget.frames=2",
        "budget.evaluations=2",
        "budget.probe_points=240",
        "data.source.pictures=10",
        "data.source.test_pictures=5",
        "data.source.side=16",
        "method.head_rate=0.1",  # so few steps are too few for a rate that rises to its full height
    )
)


def png_of(colour: tuple[int, int, int]) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(written, "PNG")
    return written.getvalue()


def test_train_look_into_a_run_and_change_a_description(
    page: Any, app_server: Callable[..., str], tmp_path: Any
) -> None:
    address = app_server(TLCORE_DATA=str(tmp_path))
    page.goto(f"{address}/zero_shot?preset=collapse&{SMALL}")
    page.get_by_role("heading", name="Zero-shot learning").wait_for()
    page.get_by_text("No run with these parameters yet").wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    until(lambda: [run.state for run in store_of(address).runs()] == ["finished"] * 2, "both arms have finished")

    page.get_by_text("Edit a description").wait_for()
    page.locator("[data-frame-count]").first.wait_for()
    table = page.locator("table", has_text="Among unseen classes")
    until(lambda: table.get_by_text("Joint space, margin").count() == 1, "both are compared")
    drawing = page.locator(".st-key-card-edit img").first
    before = until(lambda: drawing.get_attribute("src"), "the animal is drawn")
    said = page.get_by_text("test pictures fall to it").inner_text()
    assert re.match(r"\d+ of \d+ test pictures fall to it rather than to one of its rivals, the 17 other unseen", said)
    slider = page.locator(".st-key-card-edit").get_by_role("slider").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowLeft")
    until(lambda: drawing.get_attribute("src") != before, "the changed animal is drawn")

    card = page.locator(".st-key-card-ask")
    card.get_by_text("yours", exact=True).click()
    card.locator("input[type=file]").wait_for(state="attached")
    card.locator("input[type=file]").set_input_files(
        {"name": "own.png", "mimeType": "image/png", "buffer": png_of((170, 110, 60))}
    )
    card.get_by_alt_text("the picture as the network sees it").wait_for()
    until(lambda: card.locator("table tr").count() == 6, "a head and five classes, the likeliest first")
    assert page.locator("[data-testid=stException]").count() == 0
