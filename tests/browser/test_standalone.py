"""The film in one file, opened from disk in a real Chromium: no server, no internet."""

from __future__ import annotations

import pytest

from tests.browser.standalone_film import FRAMES, NAMES, write_film
from tests.browser.test_components import fact
from tests.browser.test_player import click_a_point
from tests.browser.waiting import wait_for
from tlcore.exports import View, content_of

pytestmark = pytest.mark.browser
TRAINS = False
MOVES = True


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """The same film as files: side by side with two projections, by class, and alone."""
    folder = tmp_path_factory.mktemp("films")
    pair = write_film(folder / "store")
    wishes = {
        "both": (pair, View()),
        "classes": (pair[1:], View(colour_by="class", step=3000, projection="pca")),
        "dark": (pair[1:], View(theme="dark")),
    }
    for name, (sources, view) in wishes.items():
        (folder / f"{name}.html").write_bytes(content_of(sources, "html", view))
    return folder


def opened(page, films, name="both"):
    """Open a file and note whatever it asks for and whatever goes wrong."""
    seen = {"requests": [], "errors": []}
    page.on("request", lambda request: seen["requests"].append(request.url))
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    page.on("console", lambda line: seen["errors"].append(line.text) if line.type == "error" else None)
    page.goto((films / f"{name}.html").as_uri())
    page.locator("#player[data-ready]").wait_for()
    return page.locator(".tl-player"), seen


def test_a_large_film_is_a_small_file(films):
    for path in films.glob("*.html"):
        assert path.stat().st_size < 3_000_000
    assert (films / "both.html").read_text().count('<script type="application/octet-stream"') == 2


def test_it_opens_plays_and_asks_for_nothing(page, films):
    player, seen = opened(page, films)
    wait_for(lambda: fact(player, "frame-count"), f"{FRAMES},{FRAMES}")
    wait_for(lambda: fact(player, "playing"), "true")
    wait_for(lambda: int(fact(player, "step")) >= 300)
    assert page.locator("#trouble").inner_text() == ""
    assert [url for url in seen["requests"] if not url.startswith("file:")] == [] and len(seen["requests"]) == 1
    assert seen["errors"] == []
    assert page.title() == page.locator("h1").inner_text() == "Digits on black → digits over photographs"
    lead = page.locator(".lead").inner_text()
    for words in ("Source only (seed 0): target accuracy 0.90", "DANN", "2 CPU cores", "2026"):
        assert words in lead
    assert "UMAP" in page.locator("footer").inner_text()


def test_the_keyboard_works_without_a_click(page, films):
    player, _ = opened(page, films, "classes")
    wait_for(lambda: fact(player, "step"), "3000")
    wait_for(player.locator(".value").inner_text, "target accuracy 0.65")  # at this step, not at the end
    assert fact(player, "playing") == "false"
    page.keyboard.press("ArrowRight")
    wait_for(lambda: fact(player, "step"), "3100")
    page.keyboard.press("Home")
    wait_for(lambda: fact(player, "step"), "0")
    page.keyboard.press("Space")
    wait_for(lambda: fact(player, "playing"), "true")
    page.keyboard.press("Space")
    wait_for(lambda: fact(player, "playing"), "false")
    page.keyboard.press("End")
    wait_for(lambda: fact(player, "step"), str(100 * (FRAMES - 1)))
    page.keyboard.press("l")
    wait_for(lambda: fact(player, "lecture"), "true")
    page.keyboard.press("Escape")
    wait_for(lambda: fact(player, "lecture"), "false")


def test_names_are_shown_as_text(page, films):
    player, seen = opened(page, films, "classes")
    for name in (NAMES[0], NAMES[1], NAMES[3]):
        player.get_by_text(name, exact=True).first.wait_for()
    box = player.locator(".stage > canvas").bounding_box()
    tip = player.locator(".tip")
    for across in range(10, 91, 2):  # hover over what there is until a point answers
        page.mouse.move(box["x"] + box["width"] * across / 100, box["y"] + box["height"] * (0.3 + across % 7 / 14))
        if tip.is_visible():
            break
    assert tip.is_visible() and tip.locator(".thumbnail").is_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0 and seen["errors"] == []
    assert [url for url in seen["requests"] if not url.startswith("file:")] == []


def test_zoom_and_projection_and_colour(page, films):
    player, seen = opened(page, films)
    page.keyboard.press("End")
    box = player.locator(".stage > canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    wait_for(lambda: float(fact(player, "zoom").split(",")[0]) > 1.05)
    assert fact(player, "projection") == "umap"
    player.get_by_label("Projection").select_option("pca")
    wait_for(lambda: fact(player, "projection"), "pca")
    wait_for(lambda: fact(player, "frame-count"), f"{FRAMES},{FRAMES}")
    click_a_point(page, player, 0)  # the neighbours of a point are known in every projection
    wait_for(lambda: fact(player, "selected"), "1")
    player.get_by_text("Nearest in the full feature space of DANN, step 5,900").wait_for()
    player.get_by_label("Projection").select_option("umap")
    wait_for(lambda: fact(player, "projection"), "umap")
    player.get_by_role("button", name="correctness", exact=True).click()
    wait_for(lambda: player.get_by_text("wrong", exact=True).first.is_visible())
    assert seen["errors"] == []


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_light_and_dark_follow_the_reader_unless_one_was_chosen(page, films):
    player, _ = opened(page, films)
    wait_for(lambda: fact(player, "scheme"), "light")
    assert ground(page) == "rgb(250, 250, 250)"
    step = fact(player, "frame-count")
    page.emulate_media(color_scheme="dark")
    wait_for(lambda: fact(player, "scheme"), "dark")
    assert ground(page) == "rgb(14, 17, 23)" and fact(player, "frame-count") == step
    page.emulate_media(color_scheme="light")
    page.goto((films / "dark.html").as_uri())
    wait_for(lambda: fact(page.locator(".tl-player"), "scheme"), "dark")
    assert ground(page) == "rgb(14, 17, 23)"


def test_a_narrow_window_holds_it_whole(page, films):
    page.set_viewport_size({"width": 390, "height": 844})
    player, _ = opened(page, films)
    wait_for(lambda: fact(player, "frame-count"), f"{FRAMES},{FRAMES}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_file_that_was_cut_short_says_so(page, films):
    text = (films / "dark.html").read_text()
    start = text.index('data-projection="umap">') + 400
    (films / "cut.html").write_text(text[:start] + text[start + 4000 :])
    page.goto((films / "cut.html").as_uri())
    page.get_by_text("The film in this file cannot be read").wait_for()


def test_a_notebook_shows_it_in_a_frame_of_its_own(page, films, tmp_path):
    from tlcore.exports.film_page import Player

    film = object.__new__(Player)
    film.html, film.height = (films / "dark.html").read_text(), 640
    (tmp_path / "notebook.html").write_text(f"<!doctype html><body>{film._repr_html_()}</body>")
    page.goto((tmp_path / "notebook.html").as_uri())
    player = page.frame_locator("iframe").locator(".tl-player")
    wait_for(lambda: fact(player, "frame-count"), str(FRAMES))
    wait_for(lambda: fact(player, "playing"), "true")
