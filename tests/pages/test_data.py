"""The Data page as a visitor finds it, run without a browser; what is asked of other processes is really asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.data.own.conftest import classes, fill
from tests.pages.test_pages import button, open_page
from tlcore.catalogue import ENTRIES
from tlcore.catalogue.samples import picture_samples
from tlcore.execution.questions import ask
from tlcore.specs import Digits, DomainPair, Moons, OwnPictures, Shifted
from tlcore.specs.own_data import ImportOwn, ListOwn
from tlcore.specs.questions import LookAtData, LookAtPair, MeasureShift
from ui import data_catalogue, domain_choice
from ui.background import background
from ui.data_pieces import plain_label, spec_code, spec_names

PATIENCE_SECONDS = 60


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty data folder of its own, no folders that may be read."""
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TLCORE_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("TLCORE_FOLDERS", raising=False)
    monkeypatch.delenv("TLCORE_FETCH", raising=False)
    st.cache_resource.clear()
    yield tmp_path / "data"
    st.cache_resource.clear()


def said_by(test: AppTest) -> str:
    """All the page says, its HTML and its code too."""
    texts = [str(element.proto.body) for element in test.get("html")]
    for kind in (test.markdown, test.caption, test.warning, test.error, test.code):
        texts += [str(element.value) for element in kind]
    return "\n".join(texts)


def labels_of(test: AppTest) -> list[str]:
    return [element.label for element in test.expander]


def until(test: AppTest, condition: Callable[[AppTest], Any]) -> AppTest:
    """Run the page again, as the browser does while something is under way, until the condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert not test.exception, test.exception
        if condition(test):
            return test
        time.sleep(0.3)
        test.run()
    pytest.fail(f"never happened; the page says: {said_by(test)[-2000:]}")


class TestCatalogue:
    def test_every_data_set_is_listed_with_its_state(self, data: Path) -> None:
        labels = labels_of(open_page("data.py"))
        assert len(labels) == len(ENTRIES)
        for label, entry in zip(labels, ENTRIES.values(), strict=True):
            assert plain_label(entry.title) in label
            state = "embedded" if entry.embedded else "would be downloaded" if entry.resources else "by hand"
            assert state in label

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"q": "svhn"}, ["svhn"]),
            ({"q": "TRUCK"}, ["cifar10", "cifar100", "stl10"]),
            ({"state": "embedded"}, ["moons", "digits", "photo-digits", "glyphs", "two-digits", "syn-numbers"]),
            ({"kind": "points"}, ["moons"]),
            ({"kind": "characters", "classes": "more than 100"}, ["omniglot"]),
            ({"kind": "<script>", "state": "nowhere", "classes": "-1"}, list(ENTRIES)),
        ],
    )
    def test_the_address_filters(self, data: Path, query: dict[str, str], expected: list[str]) -> None:
        labels = labels_of(open_page("data.py", **query))
        assert len(labels) == len(expected)
        for label, name in zip(labels, expected, strict=True):
            assert plain_label(ENTRIES[name].title) in label

    def test_nothing_found_is_said(self, data: Path) -> None:
        test = open_page("data.py", q="no such thing")
        assert not test.expander
        assert "No data set fits" in said_by(test)

    def test_an_embedded_set_shows_its_pictures_at_once(self, data: Path) -> None:
        page = said_by(open_page("data.py", set="digits"))
        assert page.count("data:image/png;base64,") == 20
        assert "pictures to learn from a class" in page
        assert "CC BY 4.0" in page and 'href="https://archive.ics.uci.edu/dataset/80"' in page
        assert "python -m tlcore data show digits" in page and "data = Digits()" in page

    def test_what_ships_is_what_the_data_are(self) -> None:
        for name in ("digits", "photo-digits"):
            assert data_catalogue.shipped_samples(name) == picture_samples(name, data_catalogue.PICTURES)
        seen = ask(LookAtData(data=Moons()))
        shipped = data_catalogue.shipped_samples("moons")
        assert shipped["points"] == seen["points"] and shipped["counts"]["train"] == seen["counts"]["train"]

    def test_what_is_not_here_has_a_placeholder_and_can_be_fetched(self, data: Path) -> None:
        test = open_page("data.py", set="usps")
        assert "can be seen once it is on this machine" in said_by(test)
        assert button(test, "Fetch (8.41 MB)")

    def test_a_download_that_fails_is_a_sentence_and_the_page_lives_on(
        self, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A proxy that nobody answers at stands for a machine without internet.
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        test = open_page("data.py", set="usps")
        button(test, "Fetch (8.41 MB)").click().run()
        until(test, lambda test: "USPS could not be downloaded" in said_by(test))
        assert button(test, "Try again")
        assert len(test.expander) == len(ENTRIES)

    def test_a_hosted_lab_offers_no_downloads(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TLCORE_FETCH", "0")
        test = open_page("data.py", set="usps")
        assert "Downloads are switched off" in said_by(test)
        assert not [found for found in test.button if found.label.startswith("Fetch")]
        data_catalogue.fetch("usps")
        assert background().peek("fetch usps") is None

    def test_what_must_be_brought_by_hand_says_how(self, data: Path) -> None:
        test = open_page("data.py", set="celeba")
        assert "cannot be downloaded" in said_by(test)
        assert not [found for found in test.button if found.label.startswith("Fetch")]


class TestOwn:
    def test_an_empty_place_says_what_to_do(self, data: Path) -> None:
        page = said_by(open_page("data.py", view="yours"))
        assert "Nothing of your own is here yet" in page

    def test_a_folder_is_previewed_imported_checked_and_removed(
        self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        allowed = tmp_path / "allowed"
        fill(allowed / "pets", [f"{domain}/{name}" for domain in ("photo", "sketch")
                                for name in classes("Kätzchen", "<b>dog", count=5)])  # fmt: skip
        (allowed / "pets" / "photo" / "Kätzchen" / "broken.png").write_bytes(b"<svg onload=alert(1)>")
        (tmp_path / "secret").mkdir()
        monkeypatch.setenv("TLCORE_FOLDERS", str(allowed))
        test = open_page("data.py", view="yours")
        next(element for element in test.get("button_group") if "A folder of this server" in str(element.proto))
        test.session_state["own-way"] = "A folder of this server"
        until(test.run(), lambda test: test.selectbox)
        choices = test.selectbox[0].options
        assert "allowed/pets" in choices and not any("secret" in choice for choice in choices)

        test.selectbox[0].select_index(choices.index("allowed/pets")).run()
        until(test, lambda test: any(found.label == "Import" for found in test.button))
        page = said_by(test)
        assert "21 pictures · 2 classes · 2 domains" in page
        assert "&lt;b&gt;dog" in page and "<b>dog" not in page
        assert "photo/Kätzchen/broken.png: it is an SVG drawing, not pixels" in page
        assert "Split by seed" in page
        assert not (data / "own").exists(), "a preview writes nothing"

        name = next(found for found in test.text_input if found.label == "Name")
        assert name.value == "own-pets", "pets is a data set of the catalogue"
        name.set_value("Pets!").run()
        assert button(test, "Import").disabled
        next(found for found in test.text_input if found.label == "Name").set_value("my-pets").run()
        button(test, "Import").click().run()
        until(test, lambda test: "my-pets is imported: 20 examples; 1 file could not be read." in said_by(test))
        until(test, lambda test: any("my\\-pets" in label for label in labels_of(test)))
        assert [one["name"] for one in ask(ListOwn())] == ["my-pets"]
        until(test, lambda test: said_by(test).count("data:image/png;base64,") > 8)
        assert 'data = OwnPictures(dataset="my-pets")' in said_by(test)

        button(test, "Check").click().run()
        until(test, lambda test: "my-pets is complete and readable." in said_by(test))
        button(test, "Yes, remove it").click().run()
        until(test, lambda test: "my-pets is removed." in said_by(test))
        until(test, lambda test: "Nothing of your own is here yet" in said_by(test))
        assert ask(ListOwn()) == []
        assert (allowed / "pets" / "photo" / "Kätzchen" / "0.png").is_file()

    def test_a_taken_name_must_be_confirmed(self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        allowed = fill(tmp_path / "allowed", [f"beasts/{name}" for name in classes("cat", "dog", count=4)])
        ask(ImportOwn(path=str(allowed / "beasts"), dataset="beasts", side=16), owner=True)
        monkeypatch.setenv("TLCORE_FOLDERS", str(allowed))
        test = open_page("data.py", view="yours")
        test.session_state["own-way"] = "A folder of this server"
        until(test.run(), lambda test: test.selectbox)
        test.selectbox[0].select_index(test.selectbox[0].options.index("allowed/beasts")).run()
        until(test, lambda test: test.checkbox)
        assert button(test, "Import").disabled
        test.checkbox[0].check().run()
        assert not button(test, "Import").disabled

    def test_a_damaged_set_is_named(self, data: Path) -> None:
        (data / "own" / "spoilt").mkdir(parents=True)
        (data / "own" / "spoilt" / "manifest.json").write_text("{")
        test = open_page("data.py", view="yours")
        until(test, lambda test: any("damaged" in label for label in labels_of(test)))
        assert "remove it and import it again" in said_by(test)


class TestPair:
    def test_both_domains_are_shown_with_the_distance(self, data: Path) -> None:
        test = open_page("data.py", view="pair", source="digits", target="digits", shift="contrast", strength="0.8")
        until(test, lambda test: said_by(test).count("data:image/png;base64,") == 40)
        page = said_by(test)
        assert 'data-role="source"' in page and 'data-role="target"' in page
        pair = DomainPair(source=Digits(), target=Shifted(base=Digits(), shift="contrast", strength=0.8))
        assert f"{ask(LookAtPair(pair=pair))['distance']:.2f}<small>of 2" in page
        assert 'target=Shifted(shift="contrast", strength=0.8, base=Digits())' in page

    def test_the_slider_measures_what_the_pair_does(self, data: Path) -> None:
        base = DomainPair(source=Digits(renderings=1), target=Digits(renderings=1))
        rows = ask(MeasureShift(pair=base, shift="noise", strengths=(0.0, 0.6), pictures=3))
        for row in rows:
            target = Shifted(base=Digits(renderings=1), shift="noise", strength=row["strength"])
            seen = ask(LookAtPair(pair=DomainPair(source=base.source, target=target), pictures=3))
            assert row["distance"] == seen["distance"]
            assert row["pictures"] == seen["target"]["pictures"]
        assert rows[1]["distance"] > rows[0]["distance"] + 1

    def test_classes_are_mapped_and_dropped_by_name(self, data: Path, tmp_path: Path) -> None:
        for name, labels in (("one", ("car", "cat", "<i>fox")), ("two", ("automobile", "Cat", "owl"))):
            fill(tmp_path / name, classes(*labels, count=8), first=100 * len(name))
            ask(ImportOwn(path=str(tmp_path / name), dataset=name, side=16), owner=True)
        test = open_page("data.py", view="pair")
        until(test, lambda test: "own:two" in domain_shift_options(test))
        test.session_state["pair-source"], test.session_state["pair-target"] = "own:one", "own:two"
        test.session_state["pair-shift"] = "none"
        until(test.run(), lambda test: "car = automobile" in said_by(test))
        page = said_by(test)
        assert "cat = Cat" in page
        assert "<span data-out title=\"owl\">" in page and "&lt;i&gt;fox" in page and "<i>fox" not in page  # fmt: skip

    def test_what_cannot_be_paired_is_a_sentence(self, data: Path) -> None:
        test = open_page("data.py", view="pair", source="digits", target="moons", shift="none")
        until(test, lambda test: "cannot be paired" in said_by(test))
        test = open_page("data.py", view="pair", source="moons", target="moons", shift="noise")
        assert "Points and features cannot be shifted here" in said_by(test)

    def test_an_impossible_address_falls_back(self, data: Path) -> None:
        test = open_page("data.py", view="pair", source="<b>", target="own:nothing", shift="magic", strength="1e99x")
        assert not test.exception
        assert test.session_state["pair-source"] == "digits"
        assert test.session_state["pair-shift"] == "none"
        assert test.session_state["pair-strength"] == 0.5


def domain_shift_options(test: AppTest) -> list[str]:
    """The names of everything that can be paired."""
    return ["own:two" for found in test.selectbox if "two" in found.options]


def test_every_shift_has_words() -> None:
    assert set(domain_choice.SHIFT_WORDS) == set(domain_choice.SHIFTS)


def test_code_to_copy_gives_the_same_spec() -> None:
    from tlcore import specs

    pair = DomainPair(
        source=OwnPictures(dataset="a", domain='quo"te\\ é'), target=Shifted(base=Digits(), shift="blur", strength=0.3)
    )
    names = {name: getattr(specs, name) for name in spec_names(pair)}
    assert eval(spec_code(pair), names) == pair  # noqa: S307 (our own text)


def test_plain_labels_say_what_they_are_given() -> None:
    assert plain_label("a_b *c* :red[x]") == r"a\_b \*c\* \:red\[x\]"
