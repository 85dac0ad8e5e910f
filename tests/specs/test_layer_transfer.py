"""Which layers are copied and frozen, as a spec says it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tlcore.errors import InvalidRequest
from tlcore.specs import ClassHalf, LayerTransfer, RunSpec, RunStart, parameters, validate
from tlcore.specs.layer_transfer import ranges

BASE = RunSpec(method=LayerTransfer(), data=ClassHalf(half="A"))


def transfer(**method: Any) -> RunSpec:
    return RunSpec(method=LayerTransfer(**method), data=ClassHalf(half="B"), start=RunStart(spec=BASE))


def test_the_order_in_which_layers_are_named_makes_no_other_run():
    one, other = transfer(copied=(3, 1, 3), frozen=(2, 1)), transfer(copied=(1, 3), frozen=(1, 2))
    assert one == other
    assert one.content_hash == other.content_hash
    assert one.content_hash != transfer(copied=(1, 2), frozen=(1, 3)).content_hash


def test_a_run_survives_its_json():
    spec = transfer(copied=(1, 2), frozen=(2, 4))
    assert validate(json.loads(spec.canonical_json())) == spec


@pytest.mark.parametrize("numbers", [[0], [-1], [True], [1.5], ["1"], [201], 3])
def test_what_is_no_layer_is_refused_in_a_sentence(numbers: Any):
    document = transfer(copied=(1,)).model_dump(mode="json")
    document["method"]["frozen"] = numbers
    with pytest.raises(InvalidRequest, match=r"^method\.frozen.*\.$"):
        validate(document)


def test_layers_are_copied_from_somewhere():
    with pytest.raises(InvalidRequest, match="copied layers need a run to be copied from"):
        validate({"method": {"name": "layer_transfer", "copied": [1]}, "data": {"kind": "class_half"}})
    frozen = {"method": {"name": "layer_transfer", "frozen": [1]}, "data": {"kind": "class_half"}}
    assert validate(frozen).method.frozen == (1,)


def test_method_and_data_belong_together():
    with pytest.raises(InvalidRequest, match="layer_transfer does not fit data of the kind domain_pair"):
        validate({"method": {"name": "layer_transfer"}})
    with pytest.raises(InvalidRequest, match="source_only does not fit data of the kind class_half"):
        validate({"data": {"kind": "class_half"}})


def test_nobody_changes_for_all_arms_what_tells_them_apart():
    paths = {one.path for one in parameters(transfer(copied=(1,)))}
    assert "data.target.pictures" in paths
    assert paths.isdisjoint({"method.copied", "method.frozen", "data.half", "data.division", "data.sensor"})


@pytest.mark.parametrize(
    ("copied", "frozen", "title"),
    [
        ((), (), "Base network"),
        ((1, 2, 3), (1, 2, 3), "Layers 1–3 copied and frozen"),
        ((1, 2, 3), (), "Layers 1–3 copied"),
        ((), (1,), "Layer 1 random and frozen"),
        ((1, 2, 4, 6), (1, 3), "Layers 1 copied and frozen; 2, 4, 6 copied; 3 random and frozen"),
    ],
)
def test_titles_say_what_is_done(copied: tuple[int, ...], frozen: tuple[int, ...], title: str):
    assert LayerTransfer(copied=copied, frozen=frozen).title == title


def test_neighbours_are_written_as_a_range():
    assert ranges([5, 1, 2, 3, 7, 8]) == "1–3, 5, 7–8"
    assert ranges([]) == ""
