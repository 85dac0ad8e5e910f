"""The card by which a visitor chooses pictures and a network, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import ui.own_choice
from tlcore.specs import OwnPictures
from ui.own_choice import NETWORK, PHOTOGRAPH_SIDE, PICTURES

SCRIPT = """
from ui.experiment import from_address
from ui.own_choice import own_choice
own_choice(from_address("fine-tuning")[0])
"""
LONG = "a-name-as-long-as-a-name-can-be-a-name-l"


class OwnSets:
    """Stands for what is on the machine."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def __call__(self) -> list[dict[str, Any]]:
        classes = {"four": ["a", "b", "c", "d"]}
        pictures = [{"name": name, "kind": "pictures", "classes": classes.get(name, ["a", "b"])} for name in self.names]
        return [*pictures, {"name": "vectors", "kind": "features", "classes": ["a", "b"]}]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TLCORE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(ui.own_choice, "bring", lambda **_: None)
    monkeypatch.setattr("ui.experiment.ask", lambda question: [])
    st.cache_data.clear()
    monkeypatch.setattr(ui.own_choice, "own_sets", OwnSets("cats", LONG))
    return tmp_path


def draw(preset: str = "your-images") -> AppTest:
    test = AppTest.from_string(SCRIPT, default_timeout=60)
    test.query_params["preset"] = preset
    test.run()
    assert not test.exception
    return test


def said_by(test: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in test.get("html"))


def box(test: AppTest, label: str) -> Any:
    return next(found for found in test.selectbox if found.label == label)


def changes(test: AppTest) -> list[str]:
    found = test.query_params.get("set", [])
    return [found] if isinstance(found, str) else list(found)


def test_presets_on_other_data_have_no_such_card() -> None:
    assert not draw("few-shot-digits").selectbox


def test_a_preset_on_other_data_can_offer_sets_of_enough_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.own_choice, "own_sets", OwnSets("cats", "four"))
    script = SCRIPT.replace(
        'from_address("fine-tuning")[0]', 'from_address("layer-transfer")[0], offer="Yours", fewest_classes=4'
    )
    test = AppTest.from_string(script, default_timeout=60).run()
    assert not test.exception
    assert test.expander[0].label == "Yours" and box(test, "Pictures to learn from").options == ["four"]
    box(test, "Pictures to learn from").select("four").run()
    assert not test.exception
    assert changes(test) == [f"{PICTURES}={OwnPictures(dataset='four').canonical_json()}"]
    assert "Yours" not in [expander.label for expander in test.expander], "its own card now"


def test_pictures_that_are_chosen_are_in_the_address_and_stay_chosen() -> None:
    test = draw()
    assert box(test, "Pictures to learn from").options == ["cats", LONG]
    box(test, "Pictures to learn from").select(LONG).run()
    assert not test.exception
    assert changes(test) == [f"{PICTURES}={OwnPictures(dataset=LONG).canonical_json()}"]
    assert box(test, "Pictures to learn from").value == LONG
    assert "Train shows the curve on them" in said_by(test)


def test_a_network_is_picked_for_all_arms_and_those_on_this_machine_come_first(machine: Path) -> None:
    weights = machine / "torch" / "hub" / "checkpoints"
    weights.mkdir(parents=True)
    (weights / "resnet18-f37072fd.pth").touch()
    test = draw()
    networks = box(test, "Network that reads them")
    assert networks.options[0] == "resnet18 · here · 70% on ImageNet" and networks.value == "squeezenet1_0"
    networks.select("resnet18").run()
    assert not test.exception
    assert changes(test) == [f"{NETWORK}=resnet18"]
    assert box(test, "Network that reads them").value == "resnet18"


def test_where_there_are_none_the_way_to_bring_them_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.own_choice, "own_sets", OwnSets())
    test = draw()
    assert box(test, "Pictures to learn from").disabled
    assert "There are none on this machine yet" in said_by(test)
    assert test.expander[0].proto.expanded


def test_a_folder_beside_the_data_is_told_of(machine: Path) -> None:
    (machine / "data" / "hymenoptera").mkdir(parents=True)
    assert "The folder “hymenoptera” in the data folder is taken over" in said_by(draw("ants-and-bees"))


def test_what_has_been_imported_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = ["mine"]

    def bring(*, usual_side: int, imported: Any, once: list[str] = imported) -> None:
        assert usual_side == PHOTOGRAPH_SIDE
        if once:
            imported(once.pop())

    monkeypatch.setattr(ui.own_choice, "bring", bring)
    monkeypatch.setattr(ui.own_choice, "own_sets", OwnSets("cats", "mine"))
    test = draw()
    assert changes(test) == [f"{PICTURES}={OwnPictures(dataset='mine').canonical_json()}"]
    assert box(test, "Pictures to learn from").value == "mine"
