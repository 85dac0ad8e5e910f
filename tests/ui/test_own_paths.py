"""Where an own data set can be learned from: each address is one that its page understands."""

from __future__ import annotations

from typing import Any

import pytest

from tlcore.presets import find_preset
from tlcore.specs import override
from ui.experiment import Experiment
from ui.own_paths import PAGES, paths_of

PICTURES = {
    "name": "pets", "kind": "pictures", "classes": ["ant", "bee", "cow", "dog"], "domains": ["photo", "*sketch*"],
    "tasks": [{"name": "label"}, {"name": "age"}], "partitions": [],
}  # fmt: skip
FEATURES = PICTURES | {"kind": "features", "domains": [""], "tasks": [{"name": "label"}], "partitions": ["test_unseen"]}


@pytest.mark.parametrize(
    ("one", "pages"),
    [
        (PICTURES, ["fine_tuning", "layer_transfer", "domain_adversarial", "multitask"]),
        (PICTURES | {"classes": ["ant", "bee"], "domains": [""], "tasks": [{"name": "label"}]}, ["fine_tuning"]),
        (FEATURES, ["zero_shot"]),
        (FEATURES | {"partitions": []}, []),
    ],
)
def test_every_page_that_can_learn_from_it_is_named_and_opens_on_it(one: dict[str, Any], pages: list[str]) -> None:
    ways = list(paths_of(one))
    assert [page for page, *_ in ways] == pages
    for page, words, address in ways:
        assert (PAGES / f"{page}.py").is_file() and "*sketch*" not in words
        preset = find_preset(f"{page.replace('_', '-')}/{address['preset']}")
        arms = override(preset.arms, dict(change.split("=", 1) for change in address.get("set", [])))
        assert {getattr(data, "dataset", None) for spec in arms.values() for data in spec.datasets()} == {"pets"}


def test_what_was_published_of_other_data_does_not_stand_beside_ones_own() -> None:
    preset = find_preset("zero-shot/awa2")
    assert Experiment(preset, {}).published == Experiment(preset, {"budget.steps": "9"}).published == preset.published
    assert preset.published
    (address,) = (address for page, _, address in paths_of(FEATURES) if page == "zero_shot")
    assert Experiment(preset, dict(change.split("=", 1) for change in address["set"])).published == ()
