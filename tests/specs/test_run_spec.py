"""A spec is the identity of a run: its JSON is stable, its hash moves with every parameter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tlcore.errors import InvalidRequest
from tlcore.specs import (
    Autoencoder,
    BlockCnn,
    Budget,
    CatalogueSet,
    CheckpointStart,
    Contrastive,
    Dann,
    Digits,
    DomainPair,
    FineTune,
    FixedFeatures,
    Glyphs,
    L2Sp,
    LearnedFeatures,
    LinearMap,
    Mnist,
    MnistM,
    Moons,
    Optimisation,
    OutputMatching,
    PaperMnist,
    PaperSvhn,
    Parameter,
    Perceptron,
    PhotoDigits,
    Pretrain,
    Pretrained,
    PrincipalComponents,
    RandomStart,
    RunSpec,
    RunStart,
    Scratch,
    Shifted,
    SmallCnn,
    SourceOnly,
    SourceTask,
    Spec,
    SynNumbers,
    TaskPair,
    TrainOnTarget,
    UnlabelledTask,
    VarianceRegularised,
    override,
    parameters,
    validate,
)

PICTURES = [Digits(), PhotoDigits(), Mnist(), MnistM(), CatalogueSet(), SynNumbers(), Shifted(), Glyphs()]
SPECS = [
    *[RunSpec(method=method) for method in (SourceOnly(), Dann(), TrainOnTarget())],
    *[RunSpec(network=network) for network in (SmallCnn(), PaperMnist(), PaperSvhn(), Pretrained())],
    *[RunSpec(data=DomainPair(source=data, target=data)) for data in PICTURES],
    RunSpec(network=Perceptron(), data=DomainPair(source=Moons(), target=Moons(rotation=35))),
    RunSpec(method=Pretrain(), data=SourceTask(), network=BlockCnn()),
    *[
        RunSpec(method=method, data=TaskPair(source=None))
        for method in (Scratch(), FixedFeatures(), FineTune(), L2Sp(), OutputMatching())
    ],
    RunSpec(method=PrincipalComponents(), data=UnlabelledTask(), network=LinearMap()),
    *[
        RunSpec(method=method, data=UnlabelledTask(), network=BlockCnn())
        for method in (Autoencoder(), Contrastive(), VarianceRegularised())
    ],
    RunSpec(
        method=LearnedFeatures(),
        data=TaskPair(source=None),
        network=BlockCnn(),
        start=RunStart(spec=RunSpec(method=Contrastive(), data=UnlabelledTask(), network=BlockCnn())),
    ),
]


def all_parameters() -> list[Any]:
    """Every parameter of every spec, once."""
    found = {}
    for spec in SPECS:
        for one in parameters(spec):
            *place, leaf = one.path.split(".")
            owner: Any = spec
            for part in place:
                owner = getattr(owner, part)
            found.setdefault((type(owner).__name__, leaf), (spec, one))
    return [pytest.param(spec, one, id=f"{owner}.{leaf}") for (owner, leaf), (spec, one) in found.items()]


def other_value(one: Parameter) -> Any:
    """A value in range that is not the present one."""
    if one.kind == "choice":
        return next(choice for choice in one.choices if choice != one.value)
    if one.kind == "switch":
        return not one.value
    assert one.minimum is not None and one.maximum is not None
    if one.kind == "int":
        return one.value + 1 if one.value + 1 <= one.maximum else one.value - 1
    return (one.value + one.maximum) / 2 if one.value < one.maximum else (one.value + one.minimum) / 2


@pytest.mark.parametrize(("spec", "one"), all_parameters())
def test_every_parameter_explains_itself(spec: RunSpec, one: Parameter):
    assert one.help.endswith("."), "one line of help, a sentence"
    assert "\n" not in one.help
    assert one.label
    assert one.kind != "text", "nothing is free text"
    if one.kind in ("int", "float"):
        assert one.minimum is not None and one.maximum is not None, "explicit bounds"
        assert one.minimum <= one.default <= one.maximum
    if one.kind == "choice":
        assert one.default in one.choices


@pytest.mark.parametrize(("spec", "one"), all_parameters())
def test_hash_moves_with_every_parameter(spec: RunSpec, one: Parameter):
    changed = override({"arm": spec}, {one.path: other_value(one)})["arm"]
    assert changed != spec
    assert changed.content_hash != spec.content_hash


@pytest.mark.parametrize(("spec", "one"), all_parameters())
def test_values_beyond_the_bounds_are_refused(spec: RunSpec, one: Parameter):
    wrong: list[Any] = ["NaN", "Infinity", "-Infinity", "1e999", "nonsense", "", "null", "[1]", None]
    if one.kind in ("int", "float"):
        assert one.minimum is not None and one.maximum is not None
        wrong += [one.minimum - 1, one.maximum + 1, "true", False]
    for value in wrong:
        with pytest.raises(InvalidRequest) as refused:
            override({"arm": spec}, {one.path: value})
        assert one.leaf in str(refused.value)
        assert "\n" not in str(refused.value)


def shuffled(document: Any) -> Any:
    """The same document with every key order reversed."""
    if isinstance(document, dict):
        return {key: shuffled(document[key]) for key in reversed(document)}
    return document


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.method.name}-{spec.network.name}")
def test_canonical_json_ignores_the_order_of_keys(spec: RunSpec):
    document = json.loads(spec.canonical_json())
    assert validate(shuffled(document)).canonical_json() == spec.canonical_json()
    assert validate(document) == spec


def test_defaults_left_out_make_the_same_run():
    assert validate({}).content_hash == RunSpec().content_hash
    assert validate({"budget": {"steps": 4000}}).content_hash == RunSpec().content_hash


def test_equal_specs_have_equal_hashes_whatever_the_spelling_of_numbers():
    moons = {"network": {"name": "perceptron"}}
    hashes = {
        validate(
            moons | {"data": {"source": {"name": "moons", "rotation": zero}, "target": {"name": "moons"}}}
        ).content_hash
        for zero in (0, 0.0, -0.0, "-0.0", "0")
    }
    assert len(hashes) == 1


def test_canonical_json_is_sorted_and_compact():
    text = RunSpec().canonical_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert len(RunSpec().content_hash) == 16
    assert int(RunSpec().content_hash, 16) > 0


def test_specs_are_frozen_and_closed():
    with pytest.raises(ValidationError):
        RunSpec().seed = 3  # type: ignore[misc]
    with pytest.raises(InvalidRequest, match="there is no such parameter"):
        validate({"method": {"name": "dann", "lamda_max": 1.0}})


@st.composite
def specs_in_range(draw: st.DrawFn) -> RunSpec:
    """Any spec that can be asked for: every parameter of every kind drawn from its range."""
    spec = draw(st.sampled_from(SPECS))
    changes: dict[str, Any] = {}
    for one in parameters(spec):
        if one.path.startswith("augmentation.") and spec.network.name == "perceptron":
            continue  # points cannot be varied as pictures are
        if one.kind == "choice":
            changes[one.path] = draw(st.sampled_from(one.choices))
        elif one.kind == "switch":
            changes[one.path] = draw(st.booleans())
        elif one.kind == "int":
            assert one.minimum is not None and one.maximum is not None
            changes[one.path] = draw(st.integers(int(one.minimum), int(one.maximum)))
        else:
            # The open ends of `gt` and `lt` are left out.
            changes[one.path] = draw(st.floats(one.minimum, one.maximum, exclude_min=True, exclude_max=True))
    return override({"arm": spec}, changes)["arm"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # of a busy machine, nothing of the specs
@given(specs_in_range())
def test_round_trip_through_json(spec: RunSpec):
    again = validate(json.loads(spec.canonical_json()))
    assert again == spec
    assert again.content_hash == spec.content_hash


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["method", "data", "network", "start", "seed", "name", "kind", "source", "spec", "x"]), inner,
        max_size=4,
    ),
    max_leaves=8,
))  # fmt: skip
def test_anything_else_is_refused_in_one_sentence(document: Any):
    try:
        validate(document)
    except InvalidRequest as refused:
        assert "\n" not in str(refused)
        assert str(refused).endswith(".")
        assert len(str(refused)) < 1000


class TestStart:
    def test_a_run_may_start_from_another(self):
        first = RunSpec(seed=1)
        second = RunSpec(method=Dann(), start=RunStart(spec=first))
        assert second.dependencies() == (first,)
        assert validate(json.loads(second.canonical_json())) == second
        assert second.content_hash != RunSpec(method=Dann()).content_hash

    def test_what_it_starts_from_is_part_of_its_identity(self):
        hashes = {RunSpec(start=RunStart(spec=RunSpec(seed=seed))).content_hash for seed in range(3)}
        assert len(hashes) == 3

    def test_other_starts_depend_on_nothing(self):
        assert RunSpec(start=RandomStart()).dependencies() == ()
        assert RunSpec(start=CheckpointStart(run="0" * 16, step=3)).dependencies() == ()

    @pytest.mark.parametrize("identity", ["", "zz", "../../etc/passwd", "0" * 15, "0" * 16 + "\n", "A" * 16])
    def test_no_path_passes_for_a_run(self, identity: str):
        with pytest.raises(InvalidRequest, match=r"start\.run"):
            validate({"start": {"kind": "checkpoint", "run": identity, "step": 1}})

    def test_its_parameters_are_not_this_run_s(self):
        spec = RunSpec(start=RunStart(spec=RunSpec(method=Dann())))
        assert not any(one.path.startswith("start") for one in parameters(spec))

    def test_a_tower_of_starts_is_refused(self):
        document: Any = {"seed": 0}
        for _ in range(2000):
            document = {"start": {"kind": "run", "spec": document}}
        with pytest.raises(InvalidRequest):
            validate(document)


class TestNetworkFitsData:
    @pytest.mark.parametrize(
        ("document", "sentence"),
        [
            ({"network": {"name": "perceptron"}}, "network perceptron does not fit data digits"),
            ({"data": {"source": {"name": "moons"}}}, "moons can only be paired with moons"),
            (
                {"data": {"source": {"name": "moons"}, "target": {"name": "moons"}}},
                "network small-cnn does not fit data moons",
            ),
        ],
    )
    def test_what_does_not_fit_is_refused(self, document: dict, sentence: str):
        with pytest.raises(InvalidRequest) as refused:
            validate(document)
        assert str(refused.value) == f"The run is not possible: {sentence}."


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"seed": True}, "The run is not possible: seed must be a number, not true."),
        ({"seed": -1}, "seed = -1 is not possible: input should be greater than or equal to 0."),
        (
            {"method": {"name": "dann", "lambda_max": 99}},
            "method.lambda_max = 99 is not possible: input should be less than or equal to 20.",
        ),
        (
            {"start": {"kind": "run", "spec": {"method": {"name": "dann", "lambda_max": "NaN"}}}},
            "start.spec.method.lambda_max = 'NaN' is not possible: input should be a finite number.",
        ),
        (
            {"data": {"source": {"name": "digits", "renderings": 0}}},
            "data.source.renderings = 0 is not possible: input should be greater than or equal to 1.",
        ),
        ({"budget": {"step": 3}}, "budget.step = 3 is not possible: there is no such parameter."),
        ({"start": {"kind": "checkpoint", "run": "0" * 16}}, "start.step: field required."),
    ],
)  # fmt: skip
def test_the_sentence_names_the_field(document: dict, sentence: str):
    with pytest.raises(InvalidRequest) as refused:
        validate(document)
    assert str(refused.value) == sentence


def test_a_long_value_is_not_repeated_whole():
    with pytest.raises(InvalidRequest) as refused:
        validate({"budget": {"steps": "9" * 100_000}})
    assert len(str(refused.value)) < 300


def test_a_bare_spec_has_an_identity_too():
    class Small(Spec):
        value: float = 0.0

    assert Small(value=-0.0).content_hash == Small().content_hash
    assert Small(value=1).content_hash != Small().content_hash


def test_optimisation_and_budget_are_part_of_the_run():
    assert RunSpec(optimisation=Optimisation(optimiser="adam")).content_hash != RunSpec().content_hash
    assert RunSpec(budget=Budget(steps=10)).content_hash != RunSpec().content_hash
