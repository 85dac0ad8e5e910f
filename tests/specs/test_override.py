"""How a value that someone typed gets into the arms of an experiment."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.errors import InvalidRequest
from tlcore.specs import Dann, Digits, DomainPair, PhotoDigits, RunSpec, Shifted, SourceOnly, override, parameters
from tlcore.specs.parameters import parse_value


@pytest.fixture
def arms() -> dict[str, RunSpec]:
    return {"source_only": RunSpec(method=SourceOnly()), "dann": RunSpec(method=Dann())}


def test_the_whole_path_and_its_last_part_name_the_same(arms: dict[str, RunSpec]):
    assert override(arms, {"method.lambda_max": 2.0}) == override(arms, {"lambda_max": "2"})


def test_a_parameter_of_one_arm_changes_that_arm_alone(arms: dict[str, RunSpec]):
    changed = override(arms, {"lambda_max": 2.0})
    assert changed["source_only"] == arms["source_only"]
    assert changed["dann"].method == Dann(lambda_max=2.0)


def test_a_parameter_of_all_arms_changes_all(arms: dict[str, RunSpec]):
    assert {spec.budget.steps for spec in override(arms, {"steps": "100"}).values()} == {100}


def test_the_arms_handed_in_stay_as_they_were(arms: dict[str, RunSpec]):
    before = {arm: spec.content_hash for arm, spec in arms.items()}
    override(arms, {"steps": 100, "seed": 3})
    assert {arm: spec.content_hash for arm, spec in arms.items()} == before


def test_no_changes_no_change(arms: dict[str, RunSpec]):
    assert override(arms, {}) == arms


def test_an_ambiguous_name_is_refused_with_the_paths(arms: dict[str, RunSpec]):
    with pytest.raises(InvalidRequest) as refused:
        override(arms, {"renderings": 3})
    assert str(refused.value) == (
        "Parameter 'renderings' is ambiguous; write one of data.source.renderings, data.target.renderings."
    )
    assert override(arms, {"data.target.renderings": 3})["dann"].data.target.renderings == 3


def test_an_unknown_parameter_is_refused_with_those_there_are(arms: dict[str, RunSpec]):
    with pytest.raises(InvalidRequest, match=r"No parameter 'lamda' in dann, source_only; .*method\.lambda_max"):
        override(arms, {"lamda": 3})


def test_a_parameter_of_another_method_is_refused():
    with pytest.raises(InvalidRequest, match="No parameter 'lambda_max' in source_only"):
        override({"source_only": RunSpec(method=SourceOnly())}, {"lambda_max": 1.0})


@pytest.mark.parametrize("key", ["name", "method.name", "data.kind", "start.kind", "method", "", "start.spec.seed"])
def test_what_is_no_parameter_cannot_be_set(arms: dict[str, RunSpec], key: str):
    with pytest.raises(InvalidRequest, match="No parameter"):
        override(arms, {key: "dann"})


@pytest.mark.parametrize("text", ["NaN", "nan", "Infinity", "-inf", "1e400", "true", "False", "", "zwei", "[" * 10**5])
def test_what_is_no_number_is_refused(arms: dict[str, RunSpec], text: str):
    with pytest.raises(InvalidRequest, match="lambda_max"):
        override(arms, {"lambda_max": text})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_switches(arms: dict[str, RunSpec], text: str, value: bool):
    assert override(arms, {"disjoint": text})["dann"].data.disjoint is value
    assert next(one for one in parameters(arms["dann"]) if one.leaf == "disjoint").kind == "switch"


def test_numbers_of_numpy_are_numbers(arms: dict[str, RunSpec]):
    changed = override(arms, {"seed": np.int64(3), "lambda_max": np.float32(0.5)})["dann"]
    assert changed == override(arms, {"seed": 3, "lambda_max": 0.5})["dann"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("1e-3", 1e-3), ("true", True), ("ramp", "ramp"), ("", ""), ("NaN", "NaN")],
)
def test_typed_values(text: str, value: object):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


def test_parameters_come_in_the_order_of_the_fields():
    paths = [one.path for one in parameters(RunSpec(method=Dann()))]
    assert paths[0] == "method.lambda_max"
    assert paths[-1] == "seed"
    assert len(paths) == len(set(paths))


class TestOtherData:
    def test_a_whole_pair_takes_the_place_of_the_data_of_all_arms(self, arms: dict[str, RunSpec]):
        pair = DomainPair(source=Digits(), target=Shifted(base=PhotoDigits(), shift="blur", strength=0.3))
        text = override(arms, {"data": pair.model_dump_json()})
        assert text == override(arms, {"data": pair.model_dump()})
        assert {spec.data for spec in text.values()} == {pair}
        assert text["dann"].method == arms["dann"].method

    def test_changes_within_it_come_after_it(self, arms: dict[str, RunSpec]):
        data = '{"source":{"name":"digits"},"target":{"name":"shifted","base":{"name":"digits"},"shift":"noise"}}'
        changed = override(arms, {"data": data, "data.target.strength": "0.9"})
        assert changed["dann"].data.target.strength == 0.9

    @pytest.mark.parametrize(
        ("value", "sentence"),
        [
            ("digits", "data"),
            ('{"source":{"name":"no-such-set"}}', "data.source"),
            ('{"source":{"name":"moons"},"target":{"name":"digits"}}', "moons can only be paired with moons"),
            ('{"source":{"name":"moons"},"target":{"name":"moons"}}', "small-cnn does not fit data moons"),
        ],
    )
    def test_what_cannot_be_is_refused_in_a_sentence(self, arms: dict[str, RunSpec], value: str, sentence: str):
        with pytest.raises(InvalidRequest, match=sentence):
            override(arms, {"data": value})
