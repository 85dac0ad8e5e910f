"""The Data page in a real Chromium: filter, look, import a zip, find it among the pairs, remove it."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from tests.browser.conftest import visitor
from tests.browser.waiting import until
from tests.data.own.conftest import classes, pack, picture, zipped
from tlcore.catalogue import ENTRIES
from tlcore.specs import Dann, DomainPair, Moons, Perceptron, RunSpec, override

pytestmark = pytest.mark.browser
TRAINS = False


@pytest.fixture
def address(app_server: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The lab with a data folder of its own."""
    return app_server(TLCORE_DATA=str(tmp_path_factory.mktemp("data")), TLCORE_FOLDERS="", TLCORE_FETCH="0")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two domains of two classes, one broken file, names that are markup in other places."""
    names = [f"{domain}/{name}" for domain in ("photo", "sketch") for name in classes("Kätzchen", "<b>dog", count=5)]
    members = {name: picture(number) for number, name in enumerate(names)}
    return pack(tmp_path / "Meine Tiere.zip", members | {"photo/Kätzchen/broken.png": b"no picture"})


def open_page(page: Any, address: str, query: str = "") -> None:
    page.goto(f"{address}/data?{query}")
    page.get_by_role("heading", name="Data", exact=True).wait_for()


def bring(page: Any, address: str, *paths: Path) -> None:
    """Upload these files on a page that is opened anew."""
    open_page(page, address, "view=yours")
    page.locator("input[type=file]").set_input_files([str(path) for path in paths])


def remove(page: Any, address: str, name: str) -> None:
    """Remove an own data set, so that the next test finds the place as it was."""
    open_page(page, address, f"view=yours&own={name}")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Yes, remove it").click()
    page.get_by_text(f"{name} is removed.").wait_for()


def test_search_and_open_a_data_set(page: Any, address: str) -> None:
    open_page(page, address)
    count = len(ENTRIES)
    page.get_by_text(f"{count} of {count} data sets").wait_for()
    page.get_by_label("Search").fill("handwritten photographs")
    page.get_by_text(f"1 of {count} data sets").wait_for()
    page.get_by_text("Handwritten digits over photographs").click()
    pictures = page.locator(".tl-strip img")
    until(lambda: pictures.count() == 20, "its pictures are there")
    every = "[...document.querySelectorAll('.tl-strip img')].every(i => i.complete && i.naturalWidth > 0)"
    until(lambda: page.evaluate(every), "they are seen")
    page.wait_for_function("/set=photo-digits/.test(location.search) && /q=handwritten/.test(location.search)")
    page.reload()
    until(lambda: pictures.count() == 20, "the address brings it back")


def test_a_zip_is_previewed_imported_paired_and_removed(page: Any, address: str, archive: Path) -> None:
    open_page(page, address, "view=yours")
    page.locator("input[type=file]").set_input_files(str(archive))
    page.get_by_text("21 pictures · 2 classes · 2 domains").wait_for()
    page.get_by_text("photo/Kätzchen/broken.png").wait_for()
    assert page.locator("td", has_text="<b>dog").count() == 1, "markup in a name stays text"
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("meine-tiere is imported: 20 examples").wait_for()
    until(lambda: page.locator(".tl-strip img").count() > 8, "its pictures are there")

    page.get_by_text("A pair", exact=True).click()
    page.get_by_text("How far apart").wait_for()
    open_page(page, address, "view=pair&source=own:meine-tiere:photo&target=own:meine-tiere:sketch&shift=none")
    for role in ("source", "target"):
        pictures = page.locator(f".tl-strip[data-role={role}] img")
        until(lambda pictures=pictures: pictures.count() > 5, f"the {role} is shown")
    assert 0 <= float(page.locator(".tl-figure").inner_text().split()[0].removesuffix("of")) <= 2

    open_page(page, address, "view=yours&own=meine-tiere")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Yes, remove it").click()
    page.get_by_text("meine-tiere is removed.").wait_for()
    page.get_by_text("Nothing of your own is here yet").wait_for()


def test_a_file_that_is_no_zip_is_a_sentence(page: Any, address: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 nothing more")
    open_page(page, address, "view=yours")
    page.locator("input[type=file]").set_input_files(str(broken))
    page.get_by_role("alert").get_by_text("broken.zip cannot be read").wait_for()
    assert page.get_by_text("Bring your own").is_visible()


def bad_uploads(folder: Path) -> list[tuple[Path, str]]:
    """Three files that must not be read, each with its sentence."""
    good = {name: picture(number) for number, name in enumerate(classes("cat", "dog"))}
    bomb = pack(folder / "bomb.zip", {"cat/1.png": b"\0" * 40 * 2**20}, compression=zipfile.ZIP_DEFLATED)
    leaving = pack(folder / "leaving.zip", good | {"../../outside.png": b"x"})
    alone = folder / "alone.csv"
    alone.write_text("file,label\ncat/1.png,cat\ndog/1.png,dog\n")
    return [
        (bomb, "The archive bomb.zip would unpack to more than 100 times its own size, and is not read."),
        (leaving, "The archive leaving.zip has a member that leaves its folder, ../../outside.png, and is not read."),
        (alone, "bring table and pictures together, in one zip or folder, or chosen at once."),
    ]


def test_what_must_not_be_read_is_a_sentence_and_changes_nothing(page: Any, address: str, tmp_path: Path) -> None:
    kept = zipped(tmp_path / "kept.zip", classes("cat", "dog", count=5))
    bring(page, address, kept)
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("kept is imported: 10 examples").wait_for()
    for path, sentence in bad_uploads(tmp_path):
        bring(page, address, path)
        page.get_by_role("alert").get_by_text(sentence).wait_for()
        assert page.get_by_role("alert").count() == 1, "one sentence"
        assert page.get_by_test_id("stException").count() == 0
        assert page.get_by_role("button", name="Import", exact=True).count() == 0
        assert page.get_by_text("1 on this machine").is_visible() and page.get_by_text("10 pictures").is_visible()
    remove(page, address, "kept")


def test_two_people_import_at_once(browser: Any, address: str, tmp_path: Path) -> None:
    people = [visitor(browser) for _ in range(2)]
    pages = [context.new_page() for context in people]
    try:
        for number, page in enumerate(pages):  # the same name for different pictures
            path = tmp_path / str(number) / "beasts.zip"
            path.parent.mkdir()
            names = classes("cat", "dog", count=4 + number)
            pack(path, {name: picture(100 * number + at) for at, name in enumerate(names)})
            bring(page, address, path)
            page.get_by_text(f"{8 + 2 * number} pictures · 2 classes").wait_for()
        for page in pages:
            page.get_by_role("button", name="Import", exact=True).click()
        refused = "There is already an own data set “beasts” with other content: remove it or choose another name."
        imported = re.compile(r"beasts is imported: (8|10) examples")

        def outcome(page: Any) -> str:
            if page.get_by_text(imported).count():
                return "imported"
            return "refused" if page.get_by_role("alert").get_by_text(refused).count() else ""

        found = until(lambda: [one for page in pages if (one := outcome(page))][1:] and [*map(outcome, pages)], "both")
        assert sorted(found) == ["imported", "refused"], "one was first, and the other is told"
        second = pages[found.index("refused")]
        second.get_by_role("textbox", name="Name").fill("beasts-too")
        second.get_by_role("textbox", name="Name").press("Enter")
        second.get_by_role("button", name="Import", exact=True).click()
        second.get_by_text("beasts-too is imported").wait_for()
        first = pages[found.index("imported")]
        open_page(first, address, "view=yours")
        for name, count in (
            ("beasts", 8 + 2 * found.index("imported")),
            ("beasts-too", 8 + 2 * found.index("refused")),
        ):
            row = first.locator(f".st-key-own-{name} summary")
            until(lambda row=row, count=count: f"{count} pictures" in row.inner_text(), f"{name} is what was brought")
    finally:
        for context in people:
            context.close()


def test_features_that_were_brought_lead_to_their_training(page: Any, address: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels, domains = np.arange(120) % 3, np.arange(120) // 3 % 2
    features = np.eye(3)[labels] @ random.normal(size=(3, 8)) * 3 + random.normal(size=(120, 8)) + domains[:, None]
    path = tmp_path / "numbers.csv"
    lines = ["label,domain," + ",".join(f"f{at}" for at in range(8))]
    lines += [
        f"{label},{'here' if domain else 'there'}," + ",".join(f"{value:.4f}" for value in row)
        for label, domain, row in zip(labels, domains, features, strict=True)
    ]
    path.write_text("\n".join(lines))
    bring(page, address, path)
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("numbers is imported: 120 examples").wait_for()
    open_page(page, address, "view=pair&source=own:numbers:here&target=own:numbers:there&shift=none")
    link = page.get_by_role("link", name="Train DANN on this pair")
    link.wait_for()
    address_of_training = link.get_attribute("href")
    parameters = dict(part.split("=", 1) for part in parse_qs(urlsplit(address_of_training).query)["set"])
    moons = DomainPair(source=Moons(), target=Moons())
    arms = override({"dann": RunSpec(method=Dann(), data=moons, network=Perceptron())}, parameters)
    assert arms["dann"].data.source.domain == "here" and arms["dann"].network.hidden_units == 100


def test_the_slider_moves_the_pictures_and_the_distance(page: Any, address: str) -> None:
    open_page(page, address, "view=pair&source=digits&target=digits&shift=noise&strength=0")
    figure = page.locator(".tl-figure")
    figure.wait_for()
    near = float(figure.inner_text().split("of")[0])
    page.get_by_role("slider").press("End")
    page.wait_for_function("location.search.includes('strength=1')")
    until(lambda: figure.count() == 1 and float(figure.inner_text().split("of")[0]) > near + 1, "it lies further away")
    # While the pictures of another strength are fetched none may be there for a moment.
    pictures = page.locator(".tl-strip[data-role=target] img")
    colour = "picture => getComputedStyle(picture).borderTopColor"
    until(lambda: pictures.count() and pictures.first.evaluate(colour) == "rgb(239, 138, 23)", "they have their frame")


def test_a_pair_leads_to_its_training(page: Any, address: str) -> None:
    open_page(page, address, "view=pair&source=digits&target=digits&shift=contrast&strength=0.7")
    link = page.get_by_role("link", name="Train DANN on this pair")
    link.wait_for()
    link.click()
    page.get_by_role("heading", name="Domain-adversarial training").wait_for()
    chosen = page.get_by_role("combobox", name="Experiment")
    until(lambda: chosen.count() and chosen.input_value() == "digits → digits, contrast 0.7", "the pair is named")
    page.get_by_text("No run with these parameters yet").wait_for()


@pytest.mark.parametrize("view", ["catalogue&set=digits", "yours", "pair"])
def test_nothing_is_wider_than_a_telephone(page: Any, address: str, view: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    open_page(page, address, f"view={view}")
    if view == "pair":
        page.locator(".tl-figure").wait_for()
    else:
        page.get_by_text("Your own", exact=True).first.wait_for()
        time.sleep(1.0)
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390
