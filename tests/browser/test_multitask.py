"""The multitask page in a real Chromium: somebody's own table with several columns, from upload to compared tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import store_of
from tests.browser.waiting import until
from tests.data.own.conftest import pack, picture

pytestmark = pytest.mark.browser

TINY = "set=budget.steps=2&set=budget.evaluations=1&set=budget.frames=1&set=budget.batch_size=8&set=network.channels=4"
COUNT = 40


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Pictures with a class, a second class that is not known of all, and a quantity."""
    rows = "file,label,Mood,weight\n"
    for number in range(COUNT):
        mood = ("calm", "wild", "")[number % 3]
        rows += f"{number}.png,{'cat' if number % 2 else 'dog'},{mood},{number}.5\n"
    members = {f"{number}.png": picture(number) for number in range(COUNT)}
    return pack(tmp_path / "zoo.zip", {**members, "labels.csv": rows.encode()})


def test_columns_of_an_own_table_are_learned_together_and_colour_the_player(
    page: Any, app_server: Callable[..., str], table: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    address = app_server(TLCORE_DATA=str(tmp_path_factory.mktemp("data")), TLCORE_FOLDERS="", TLCORE_FETCH="0")
    page.goto(f"{address}/data?view=yours")
    page.locator("input[type=file]").set_input_files(str(table))
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("zoo is imported: 40 examples").wait_for()

    page.goto(f"{address}/multitask?preset=your-table")
    card = page.locator(".st-key-card-own-table")
    card.get_by_text("1 data sets of your own").wait_for()
    card.get_by_role("combobox", name="Data").click()
    page.get_by_role("option", name="zoo").click()
    card.get_by_text("Mood (2 classes, 27 of 40 known)").wait_for()
    card.get_by_text("weight (a quantity)").wait_for()
    card.get_by_role("button", name="Learn these").click()
    page.wait_for_url("**preset=your-table*zoo*label*Mood*weight*")

    page.goto(f"{address}/multitask?preset=your-table@zoo,label,Mood,weight&arm=shared&{TINY}")
    train = page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Train", exact=True)
    train.wait_for()
    until(train.is_enabled, "Train can be pressed")
    train.click()
    store = store_of(address)
    for arm in ("single_task", "single_task_Mood", "single_task_weight", "shared"):  # each with patience of its own
        until(lambda arm=arm: any(run.arm == arm for run in store.runs(["finished"])), f"{arm} is trained")
    shared = next(run for run in store.runs() if run.arm == "shared")
    assert {"accuracy.label", "accuracy.Mood", "r2.weight"} <= set(shared.summary)
    until(lambda: store.require(shared.id).projected, "its film is laid out")
    page.reload()  # a page where nothing changes any more
    page.locator(".st-key-card-gradients .tl-live-chart").first.scroll_into_view_if_needed()  # drawn when it is near
    page.locator(".st-key-card-gradients .js-plotly-plot .heatmaplayer image").wait_for()

    colours = page.locator(".colours button:visible")
    until(lambda: {"label", "Mood", "weight"} <= set(colours.all_inner_texts()), "every task can colour the points")
    page.locator(".colours button", has_text="Mood").click()
    legend = page.locator(".words .extra")
    until(lambda: legend.inner_text().split() == ["calm", "wild"], "the legend names the other task's classes")
