"""The components as a person meets them, in a real Chromium."""

from __future__ import annotations

import re
import time

import pytest

from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser
TRAINS = False
MOVES = True
DEMO = "tests/browser/component_demo.py"


def opened(page, app_server, mode):
    """The demo in one of its modes, with its player."""
    page.goto(f"{app_server(DEMO)}/?mode={mode}")
    player = page.locator(".tl-player")
    player.wait_for()
    return player


def fact(player, name):
    return player.get_attribute(f"data-{name}")


def picture(player, panel=0):
    """The pixels of a panel."""
    return player.locator(".stage > canvas").nth(panel).evaluate("canvas => canvas.toDataURL()")


def more(page):
    page.get_by_role("button", name="More").click()


def test_a_recorded_film_plays_by_itself_and_pauses(page, app_server):
    player = opened(page, app_server, "film")
    wait_for(lambda: fact(player, "playing"), "true")
    before = picture(player), player.locator(".step").inner_text()
    wait_for(lambda: int(fact(player, "step")) >= 20)
    assert picture(player) != before[0]
    assert player.locator(".step").inner_text() != before[1]
    player.get_by_role("button", name="Pause").click()
    wait_for(lambda: fact(player, "playing"), "false")
    step = int(fact(player, "step"))
    page.get_by_text(re.compile(r"state umap domain \d+")).wait_for()
    assert step < 300


def test_keyboard_steps_and_jumps(page, app_server):
    player = opened(page, app_server, "film")
    canvas = player.locator(".stage > canvas").first
    canvas.focus()
    wait_for(lambda: fact(player, "playing"), "true")
    page.keyboard.press("Space")
    wait_for(lambda: fact(player, "playing"), "false")
    page.keyboard.press("Home")
    wait_for(lambda: fact(player, "position"), "0.000")
    page.keyboard.press("ArrowRight")
    wait_for(lambda: fact(player, "position"), "1.000")
    assert player.locator(".step").inner_text() == "step 10 / 400"
    page.keyboard.press("ArrowLeft")
    wait_for(lambda: fact(player, "position"), "0.000")
    page.keyboard.press("End")
    wait_for(lambda: fact(player, "step"), "300")


def test_scrubbing_moves_through_the_film(page, app_server):
    player = opened(page, app_server, "film")
    track = player.locator(".track input")
    box = track.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    wait_for(lambda: fact(player, "step"), "160")
    wait_for(lambda: fact(player, "position"), "16.000")
    page.get_by_text("state umap domain 160").wait_for()


def test_live_frames_are_followed_until_one_goes_back(page, app_server):
    player = opened(page, app_server, "live")
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    assert fact(player, "following") == "true"
    more(page)
    wait_for(lambda: fact(player, "step"), "40")
    player.locator(".stage > canvas").first.focus()
    page.keyboard.press("Home")
    wait_for(lambda: fact(player, "position"), "0.000")
    more(page)
    wait_for(lambda: fact(player, "frame-count"), "6,5")
    assert fact(player, "step") == "0"
    player.get_by_role("button", name="back to live").click()
    wait_for(lambda: fact(player, "step"), "50")


def test_zoom_survives_a_new_frame_and_a_double_click_resets_it(page, app_server):
    player = opened(page, app_server, "live")
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    canvas = player.locator(".stage > canvas").first
    canvas.click()
    page.mouse.wheel(0, -400)
    wait_for(lambda: fact(player, "zoom").split(",")[0] != "1.00")
    zoom = fact(player, "zoom")
    canvas.evaluate("node => { node.marked = true }")
    more(page)
    wait_for(lambda: fact(player, "frame-count"), "5,4")
    assert fact(player, "zoom") == zoom
    assert canvas.evaluate("node => node.marked")
    canvas.dblclick()
    wait_for(lambda: fact(player, "zoom"), "1.00,1.00")


def test_the_wheel_scrolls_the_page_until_the_picture_is_clicked(page, app_server):
    player = opened(page, app_server, "live")
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    hint = player.locator(".hint").first
    hint.evaluate(  # it goes by itself after a moment
        "node => new MutationObserver(() => { node.seen ||= node.classList.contains('on') })"
        ".observe(node, {attributes: true})"
    )
    player.locator(".stage > canvas").first.hover()
    page.mouse.wheel(0, -200)
    wait_for(lambda: hint.evaluate("node => node.seen"))
    assert fact(player, "zoom") == "1.00,1.00"


def test_only_new_frames_travel(page, app_server):
    sizes = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: sizes.append(len(data))))
    player = opened(page, app_server, "live")
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    more(page)
    wait_for(lambda: fact(player, "frame-count"), "5,4")
    sizes.clear()
    more(page)
    wait_for(lambda: fact(player, "frame-count"), "6,5")
    assert max(sizes) < 12_000
    assert fact(player, "resends") is None


def test_after_a_remount_the_frames_are_asked_for_again(page, app_server):
    player = opened(page, app_server, "live")
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    toggle = page.get_by_text("Show", exact=True)
    toggle.click()
    player.wait_for(state="detached")
    toggle.click()
    player.wait_for()
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    assert fact(player, "resends") == "1"


def test_colours_and_projection_change(page, app_server):
    player = opened(page, app_server, "live")
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    before = picture(player)
    player.get_by_role("button", name="class", exact=True).click()
    wait_for(lambda: fact(player, "colour-by"), "class")
    wait_for(lambda: picture(player) != before)
    page.get_by_text(re.compile("state umap class")).wait_for()
    player.get_by_label("Projection").select_option("pca")
    wait_for(lambda: fact(player, "projection"), "pca")
    page.get_by_text(re.compile("state pca class")).wait_for()
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    assert fact(player, "step") == "30"


def test_names_are_text_and_never_executed(page, app_server):
    player = opened(page, app_server, "moons")
    wait_for(lambda: fact(player, "frame-count"), "5,4")
    player.get_by_role("button", name="class", exact=True).click()
    wait_for(lambda: "<img" in player.locator(".extra").inner_text())
    assert "<img" in player.locator(".head b").first.inner_text()
    assert page.evaluate("window.executed") is None
    assert player.locator("img").count() == 0


def test_hover_tells_what_a_point_is(page, app_server):
    player = opened(page, app_server, "moons")
    wait_for(lambda: fact(player, "frame-count"), "5,4")
    box = player.locator(".stage > canvas").nth(1).bounding_box()
    tip = player.locator(".tip").nth(1)
    for across in range(5, 96, 3):
        for down in range(10, 91, 8):
            page.mouse.move(box["x"] + box["width"] * across / 100, box["y"] + box["height"] * down / 100)
            if tip.is_visible():
                assert "predicted" in tip.inner_text()
                return
    raise AssertionError("no point was found under the pointer")


def test_before_the_first_frame_it_waits(page, app_server):
    player = opened(page, app_server, "empty")
    player.get_by_text("Waiting for the first frame").first.wait_for()
    more(page)
    wait_for(lambda: fact(player, "frame-count"), "1,0")
    wait_for(lambda: player.get_by_text("Waiting for the first frame").first.is_visible(), False)


def test_diagram_changes_its_numbers_in_place(page, app_server):
    opened(page, app_server, "live")
    number = page.locator(".tl-diagram svg.wide [data-slot=class_loss]")
    number.evaluate("node => { node.marked = true }")
    wait_for(number.text_content, "0.40")
    assert page.locator(".tl-diagram svg.wide [data-slot=domain_loss]").text_content() == "–"
    more(page)
    wait_for(number.text_content, "0.50")
    assert number.evaluate("node => node.marked")


def test_chart_keeps_its_node_and_its_zoom(page, app_server):
    opened(page, app_server, "live")
    plot = page.locator(".tl-live-chart .tl-plot")
    page.locator(".tl-live-chart[data-draws]").wait_for()
    plot.evaluate("node => { node.marked = true; return Plotly.relayout(node, {'xaxis.range': [1, 2]}) }")
    draws = int(page.locator(".tl-live-chart").get_attribute("data-draws"))
    more(page)
    wait_for(lambda: int(page.locator(".tl-live-chart").get_attribute("data-draws")) > draws)
    assert plot.evaluate("node => node.marked")
    wait_for(lambda: plot.evaluate("node => node.data[0].x.length ?? 0"), 5)
    assert plot.evaluate("node => [...node.layout.xaxis.range]") == [1, 2]


def test_a_chart_is_not_drawn_while_nobody_can_see_it(page, app_server):
    page.set_viewport_size({"width": 1280, "height": 300})
    player = opened(page, app_server, "live")
    chart = page.locator(".tl-live-chart")
    chart.scroll_into_view_if_needed()
    page.locator(".tl-live-chart[data-draws]").wait_for()
    button = page.get_by_role("button", name="More")
    button.scroll_into_view_if_needed()
    assert chart.bounding_box()["y"] > 700, "far below what is seen"
    time.sleep(0.5)
    draws, frames = int(chart.get_attribute("data-draws")), fact(player, "frame-count")
    button.click()
    wait_for(lambda: fact(player, "frame-count") != frames)
    time.sleep(0.5)
    assert int(chart.get_attribute("data-draws")) == draws
    chart.scroll_into_view_if_needed()
    wait_for(lambda: int(chart.get_attribute("data-draws")) > draws)


def test_plotly_is_fetched_once(page, app_server):
    fetched = []
    page.on("request", lambda request: fetched.append(request.url) if "plotly.min.js" in request.url else None)
    opened(page, app_server, "live")
    page.locator(".tl-live-chart[data-draws]").wait_for()
    more(page)
    page.locator(".tl-live-chart[data-draws='2']").wait_for()
    assert len(fetched) == 1


def test_a_changed_theme_recolours_what_is_drawn(page, app_server):
    player = opened(page, app_server, "live")
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    page.locator(".tl-live-chart[data-draws]").wait_for()
    before = picture(player)
    page.emulate_media(color_scheme="dark")
    for part in (".tl-player", ".tl-diagram", ".tl-live-chart"):
        wait_for(lambda part=part: page.locator(part).get_attribute("data-scheme"), "dark")
    wait_for(lambda: picture(player) != before)
    line = page.locator(".tl-live-chart .scatterlayer .js-line").first
    wait_for(lambda: line.evaluate("node => getComputedStyle(node).stroke"), "rgb(255, 171, 74)")


def test_whoever_wants_less_motion_gets_no_autoplay(page, app_server):
    page.emulate_media(reduced_motion="reduce")
    player = opened(page, app_server, "film")
    wait_for(lambda: fact(player, "step"), "300")
    time.sleep(1)
    assert (fact(player, "playing"), fact(player, "step")) == ("false", "300")


def test_nothing_is_wider_than_a_telephone(page, app_server):
    page.set_viewport_size({"width": 390, "height": 844})
    player = opened(page, app_server, "live")
    wait_for(lambda: fact(player, "frame-count"), "4,3")
    page.locator(".tl-live-chart").scroll_into_view_if_needed()
    page.locator(".tl-live-chart[data-draws]").wait_for()
    for part in (".tl-player", ".tl-diagram", ".tl-live-chart"):
        assert page.locator(part).evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert page.locator(".tl-diagram svg.narrow").is_visible()
    assert not page.locator(".tl-diagram svg.wide").is_visible()
    boxes = [player.locator(".card").nth(index).bounding_box() for index in range(2)]
    assert boxes[1]["y"] > boxes[0]["y"] + boxes[0]["height"]
