"""What a visitor takes along from the page, as the browser receives it."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.browser.conftest import let_move
from tests.browser.test_components import fact
from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser


def test_film_picture_and_data_of_what_is_shown(page, app_server, tmp_path):
    page.goto(f"{app_server()}/domain_adversarial?preset=moons&projection=pca&colour=class&step=750")
    card = page.locator(".st-key-card-take-along")
    player = page.locator(".tl-player")
    wait_for(lambda: (fact(player, "projection"), fact(player, "frame-count")), ("pca", "21,21"))

    def take(name: str):
        with page.expect_download() as download:
            card.get_by_role("button", name=name, exact=True).first.click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    film = take("HTML")
    assert film.name == "moons-source_only-dann-film.html"
    assert Image.open(take("PNG")).width == 2384
    drawn = take("SVG").read_text()
    assert "PCA of features" in drawn and "upper moon" in drawn and "step 750 / 1,500" in drawn
    assert take("frames (Parquet)").read_bytes()[:4] == b"PAR1"

    let_move(page)
    page.goto(film.as_uri())
    wait_for(lambda: fact(page.locator(".tl-player"), "projection"), "pca")
    film = page.locator(".tl-player")
    wait_for(lambda: fact(film, "playing") == "true" or fact(film, "step") == "1500")  # it plays, or has played
