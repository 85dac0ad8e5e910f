"""The player as a person uses it in a real Chromium: reading, selecting, comparing, lecturing, and odd films."""

from __future__ import annotations

import pytest

from tests.browser.test_components import fact, picture
from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser
TRAINS = False
MOVES = True
DEMO = "tests/browser/player_demo.py"


def opened(page, app_server, film="plain", more=""):
    page.goto(f"{app_server(DEMO)}/?film={film}{more}")
    player = page.locator(".tl-player")
    player.wait_for()
    wait_for(lambda: fact(player, "frame-count") is not None)
    return player


def button(player, name):
    return player.get_by_role("button", name=name, exact=True)


def at_rest(player):
    """Nothing glides any more: what is seen at a place stays there."""
    wait_for(lambda: fact(player, "moving"), "false")


def draw_around(page, player, panel, left, top, right, bottom):
    """Hold Shift and draw a rectangle; the edges are shares of the panel."""
    at_rest(player)
    box = player.locator(".stage > canvas").nth(panel).bounding_box()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.keyboard.down("Shift")
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")


def click_a_point(page, player, panel=1):
    """Search the panel with the pointer until a point answers, and click there."""
    at_rest(player)
    box = player.locator(".stage > canvas").nth(panel).bounding_box()
    tip = player.locator(".tip").nth(panel)
    for across in range(10, 91, 3):
        for down in range(10, 91, 6):
            place = box["x"] + box["width"] * across / 100, box["y"] + box["height"] * down / 100
            page.mouse.move(*place)
            if tip.is_visible():
                page.mouse.click(*place)
                return
    raise AssertionError("no point was found under the pointer")


def test_a_lasso_selects_the_same_points_in_pictures_table_and_confusion(page, app_server):
    player = opened(page, app_server)
    draw_around(page, player, 1, 0.02, 0.02, 0.98, 0.98)
    wait_for(lambda: fact(player, "selected"), "400")
    draw_around(page, player, 1, 0.02, 0.02, 0.5, 0.98)
    wait_for(lambda: 0 < int(fact(player, "selected")) < 400)
    count = int(fact(player, "selected"))
    assert player.locator(".count").inner_text() == f"{count} points selected"
    wait_for(lambda: player.locator(".tile").count(), min(count, 96))
    button(player, "Table").click()
    wait_for(lambda: player.locator(".content tr").count(), 1 + min(count, 60))
    button(player, "Confusion").click()
    marked = player.locator(".matrix").nth(1).locator("button.on")
    wait_for(lambda: marked.count() > 0)
    page.keyboard.press("Escape")
    wait_for(lambda: fact(player, "selected"), "0")
    wait_for(marked.count, 0)


def test_a_cell_of_the_confusion_selects_its_points(page, app_server):
    player = opened(page, app_server)
    button(player, "Confusion").click()
    cell = player.locator(".matrix").first.locator("td button:not(.right):not(:disabled)").first
    wait_for(lambda: cell.is_visible())
    count = int(cell.inner_text())
    label, predicted = cell.get_attribute("title").split(":")[0].split(" taken for ")
    cell.click()
    wait_for(lambda: fact(player, "selected"), str(count))
    button(player, "Table").click()
    rows = player.locator(".content tr").filter(has=page.locator("td")).all()
    assert len(rows) == min(count, 60)
    for row in rows:
        cells = [cell.inner_text() for cell in row.locator("td").all()]
        assert (cells[1], cells[2], cells[3]) == ("target", label, predicted)


def test_a_click_in_another_matrix_of_the_page_selects_points_too(page, app_server):
    player = opened(page, app_server)
    page.evaluate(
        "window.dispatchEvent(new CustomEvent('tl:select-cell', "
        "{detail: {run: 'two', domain: 'source', label: 1, predicted: 1}}))"
    )
    wait_for(lambda: int(fact(player, "selected")) > 20)
    button(player, "Table").click()
    wait_for(lambda: player.locator(".content td.source").count() > 0)
    assert player.locator(".content td.target").count() == 0


def test_one_point_shows_its_neighbours_in_the_full_feature_space(page, app_server):
    player = opened(page, app_server)
    click_a_point(page, player)
    wait_for(lambda: fact(player, "selected"), "1")
    player.get_by_text("Nearest in the full feature space").first.wait_for()
    tiles = player.locator(".tiles")
    wait_for(lambda: tiles.nth(1).locator(".tile").count(), 3)
    # The demo's neighbours are of the same class.
    assert {tile.inner_text().strip(" ✕\n") for tile in tiles.nth(1).locator("small").all()} == {
        tiles.first.locator("small").inner_text().strip(" ✕\n")
    }


def test_legend_words_hide_and_show(page, app_server):
    player = opened(page, app_server)
    everything = picture(player)
    button(player, "source").click()
    wait_for(lambda: picture(player) != everything)
    draw_around(page, player, 1, 0.02, 0.02, 0.98, 0.98)
    wait_for(lambda: fact(player, "selected"), "200")
    page.keyboard.press("Escape")
    button(player, "source").click()
    page.mouse.move(0, 0)
    wait_for(lambda: picture(player) == everything)
    button(player, "class").click()
    player.locator(".extra button").nth(1).dblclick()
    pressed = [key.get_attribute("aria-pressed") for key in player.locator(".extra button").all()]
    assert pressed == ["false", "true", "false", "false"]


def test_names_and_density_are_drawn_at_request(page, app_server):
    player = opened(page, app_server)
    plain = picture(player)
    button(player, "names").click()
    wait_for(lambda: picture(player) != plain)
    named = picture(player)
    button(player, "density").click()
    wait_for(lambda: picture(player) not in (plain, named))


def test_difference_tells_what_the_other_run_changed(page, app_server):
    player = opened(page, app_server)
    button(player, "change").click()
    wait_for(lambda: fact(player, "colour-by"), "change")
    for word in ("put right", "got wrong"):
        button(player, word).wait_for()
    for word in ("as before", "got wrong", "wrong otherwise"):
        button(player, word).click()
    draw_around(page, player, 1, 0.02, 0.02, 0.98, 0.98)
    wait_for(lambda: int(fact(player, "selected")) > 0)
    button(player, "Table").click()
    for row in player.locator(".content tr").filter(has=page.locator("td")).all():
        cells = [cell.inner_text() for cell in row.locator("td").all()]
        assert cells[3] != cells[2] == cells[4]  # the first run was wrong, the second is right


def test_in_space_dragging_turns_both_panels(page, app_server):
    player = opened(page, app_server)
    player.get_by_label("Projection").select_option("umap-3d")
    wait_for(lambda: fact(player, "dimensions"), "3")
    before = picture(player, 0), picture(player, 1)
    box = player.locator(".stage > canvas").nth(1).bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 130, steps=4)
    page.mouse.up()
    wait_for(lambda: picture(player, 0) != before[0] and picture(player, 1) != before[1])
    draw_around(page, player, 1, 0.02, 0.02, 0.98, 0.98)
    wait_for(lambda: int(fact(player, "selected")) > 300)


def test_keys_change_the_speed(page, app_server):
    player = opened(page, app_server)
    player.locator(".stage > canvas").first.focus()
    speed = player.locator(".speed")
    page.keyboard.press("+")
    wait_for(speed.inner_text, "2×")
    page.keyboard.press("-")
    page.keyboard.press("-")
    wait_for(speed.inner_text, "0.5×")
    page.keyboard.press("-")
    assert speed.inner_text() == "0.5×"


def test_a_lecture_begins_and_ends_with_one_key_and_says_what_happens(page, app_server):
    player = opened(page, app_server)
    page.keyboard.press("l")
    wait_for(lambda: fact(player, "lecture"), "true")
    box = player.bounding_box()
    assert (box["x"], box["y"]) == (0, 0) and box["width"] == page.viewport_size["width"]
    assert not player.locator(".drawer").is_visible() and not player.locator("button.play").is_visible()
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    player.get_by_text("Here it begins <img").wait_for()
    wait_for(lambda: int(fact(player, "step")) >= 200)
    player.get_by_text("And here it ends").wait_for()
    assert page.evaluate("window.executed") is None
    page.keyboard.press("l")
    wait_for(lambda: fact(player, "lecture"), "false")
    assert player.locator("button.play").is_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_a_lecture_fits_a_projector_and_a_telephone(page, app_server, width, height):
    page.set_viewport_size({"width": width, "height": height})
    player = opened(page, app_server, more="&lecture=1")
    wait_for(lambda: fact(player, "lecture"), "true")
    for canvas in player.locator(".stage > canvas").all():
        box = canvas.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["height"] > 120 and box["y"] + box["height"] <= height


def test_what_the_picture_does_not_mean_is_one_click_away(page, app_server):
    player = opened(page, app_server)
    player.locator(".tool-info").click()
    info = player.locator(".info")
    assert "means little" in info.inner_text() and "0.970" in info.inner_text()


class TestOddFilms:
    def test_no_frames(self, page, app_server):
        player = opened(page, app_server, "none")
        player.get_by_text("Waiting for the first frame").first.wait_for()
        page.get_by_text("point None").wait_for()

    def test_one_frame(self, page, app_server):
        player = opened(page, app_server, "single")
        wait_for(lambda: fact(player, "frame-count"), "1,1")
        assert button(player, "target").is_visible() and not button(player, "source").is_visible(), "only what there is"
        player.locator(".stage > canvas").first.focus()
        for key in ("Space", "ArrowRight", "End", "Home"):
            page.keyboard.press(key)
        button(player, "change").click()
        wait_for(lambda: (fact(player, "step"), fact(player, "colour-by")), ("0", "change"))

    def test_three_points(self, page, app_server):
        player = opened(page, app_server, "three")
        button(player, "density").click()
        button(player, "names").click()
        draw_around(page, player, 0, 0.01, 0.01, 0.99, 0.99)
        wait_for(lambda: fact(player, "selected"), "3")

    def test_features_that_are_no_numbers(self, page, app_server):
        player = opened(page, app_server, "nan")
        player.locator(".stage > canvas").first.focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        wait_for(lambda: fact(player, "step"), "200")
        player.get_by_text("150 points have no place at step 200").first.wait_for()
        page.keyboard.press("ArrowRight")
        wait_for(lambda: player.get_by_text("have no place").first.is_visible(), False)

    def test_two_hundred_classes(self, page, app_server):
        player = opened(page, app_server, "classes")
        button(player, "class").click()
        player.get_by_text("and 176 more").wait_for()
        button(player, "Confusion").click()
        player.get_by_text("The 20 classes with the most mistakes, of 200.").wait_for()
        assert player.locator(".matrix").first.locator("td").count() == 400
        assert page.evaluate("window.executed") is None

    def test_a_frame_that_cannot_be_read_is_said_and_the_others_play_on(self, page, app_server):
        player = opened(page, app_server, "broken")
        player.locator(".stage > canvas").first.focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        player.get_by_text("The frame at step 200 cannot be read").first.wait_for()
        page.keyboard.press("ArrowRight")
        wait_for(lambda: fact(player, "step"), "300")
        wait_for(lambda: player.get_by_text("cannot be read").first.is_visible(), False)

    def test_a_run_whose_film_cannot_be_read_says_so_beside_the_other(self, page, app_server):
        player = opened(page, app_server, "problem")
        player.get_by_text("The store holds a damaged record").wait_for()
        wait_for(lambda: fact(player, "frame-count"), "6,0")
