"""Layer transfer: which tensors are copied, which stay and which learn, for every arm of the experiment."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.data.stand_ins import cifar10
from tests.finished import finished
from tests.methods.fine_tuning_parts import events_of, pictures, weights_of
from tlcore.errors import InvalidRequest
from tlcore.methods.layer_transfer import train_arms_together
from tlcore.methods.registry import METHODS
from tlcore.presets import find_preset
from tlcore.presets.layer_transfer import BASE, BASE_A, LAYERS, Recipe, curve_arms, kept_arms, split_arm
from tlcore.runs import Store
from tlcore.specs import BlockCnn, Budget, ClassHalf, Glyphs, LayerTransfer, Optimisation, RunSpec, RunStart, override
from tlcore.training.context import Cadence, Context, TrainingData
from tlcore.training.events import Checkpoint, Metrics, Outputs

CLASSES = ("zero", "one", "two")
MODULES = {
    1: ("extractor.centre.", "extractor.conv1.", "extractor.norm1."),
    2: ("extractor.conv2.", "extractor.norm2."),
    3: ("extractor.conv3.", "extractor.norm3."),
    4: ("extractor.conv4.", "extractor.norm4."),
    5: ("extractor.dense1.",),
    6: ("predictor.output.",),
}
RECIPE = Recipe(
    BlockCnn(channels=4, features=8),
    Optimisation(learning_rate=0.05, schedule="cosine", weight_decay=5e-4),
    Budget(steps=4, batch_size=6, evaluations=2, frames=1),
)
CURVE = curve_arms(Glyphs(characters="digits", pictures=5), recipe=RECIPE)
KEPT = kept_arms(Glyphs(), Glyphs(), "inverted", recipe=RECIPE)

Weights = Mapping[str, torch.Tensor]


def context_of(spec: RunSpec, weights: Weights | None = None, **more: Any) -> Context:
    """Random pictures of the half that the spec names."""
    data = pictures(CLASSES, 8, 1 if spec.data.half == "A" else 2)
    seen = TrainingData(
        source=data.subset(torch.arange(0)),
        target=data,
        held_out={("target", "test"): data.inputs[:9]},
        probe=data.inputs[:12],
        class_count=len(CLASSES),
    )
    return Context(torch.device("cpu"), torch.float32, seen, Cadence.of(spec.budget), weights, **more)


def objective_of(spec: RunSpec, weights: Weights | None = None) -> Any:
    return inspect.getgeneratorlocals(METHODS[spec.method.name](spec, context_of(spec, weights)))["objective"]  # type: ignore[arg-type]


def state_of(objective: Any) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": tensor.clone()
        for part, module in objective.modules().items()
        for name, tensor in module.state_dict().items()
    }


def of_layers(names: Iterable[str], numbers: Iterable[int]) -> set[str]:
    prefixes = tuple(prefix for number in numbers for prefix in MODULES[number])
    return {name for name in names if name.startswith(prefixes)}


@pytest.fixture(scope="module")
def bases() -> dict[str, Weights]:
    """What the two base networks end with, by the identity of their runs."""
    torch.set_num_threads(1)
    specs = [CURVE[BASE_A], CURVE[BASE], KEPT[BASE_A]]
    return {spec.content_hash: weights_of(events_of(spec, context_of(spec))) for spec in specs}


def start_of(spec: RunSpec, bases: Mapping[str, Weights]) -> Weights | None:
    return bases[spec.start.spec.content_hash] if isinstance(spec.start, RunStart) else None


def expected_layers(arm: str) -> tuple[set[int], set[int]]:
    """The layers that an arm copies and those it freezes, by the definitions of the paper."""
    point = split_arm(arm)
    if point is None:
        return set(), set()
    curve, count = point
    first = set(range(1, count + 1))
    return set() if curve == "random" else first, set() if curve.endswith("+") else first


def check(spec: RunSpec, copied: set[int], frozen: set[int], bases: Mapping[str, Weights]) -> None:
    start = start_of(spec, bases)
    before = state_of(objective_of(spec, start))
    untouched = state_of(objective_of(CURVE[BASE]))
    from_start = of_layers(before, copied)
    if start is not None:
        for name, tensor in before.items():
            if name in from_start:
                assert torch.equal(tensor, start[name]), f"{name} is not copied"
            elif name.endswith("weight") and "norm" not in name:
                assert not torch.equal(tensor, start[name]), f"{name} is copied"
                assert not torch.equal(tensor, untouched[name]), f"{name} begins as that of the base did"
    after = weights_of(events_of(spec, context_of(spec, start)))
    still = of_layers(after, frozen)
    for name, tensor in after.items():
        stays = name in still or name == "extractor.centre.mean"
        assert torch.equal(tensor, before[name]) == stays, f"{name} {'moved' if stays else 'stayed'}"


@pytest.mark.parametrize("arm", CURVE)
def test_every_arm_copies_freezes_and_trains_what_the_paper_says(arm: str, bases: Mapping[str, Weights]) -> None:
    check(CURVE[arm], *expected_layers(arm), bases)


@pytest.mark.parametrize("arm", [arm for arm in KEPT if "@" in arm])
def test_first_and_last_layers_are_kept_as_the_arm_says(arm: str, bases: Mapping[str, Weights]) -> None:
    curve, count = split_arm(arm) or ("", 0)
    layers = set(range(1, count + 1))
    if curve.endswith("last"):
        layers = set(range(LAYERS + 1 - count, LAYERS + 1)) | ({6} if curve.startswith("input") else set())
    check(KEPT[arm], layers, layers, bases)


@pytest.mark.parametrize(
    ("copied", "frozen"), [((2, 4), (2, 5)), ((1, 6), (6,)), ((5,), (1, 2, 3, 4, 5)), ((3,), (1, 6))]
)
def test_any_choice_of_layers(copied: tuple[int, ...], frozen: tuple[int, ...], bases: Mapping[str, Weights]) -> None:
    method = LayerTransfer(copied=copied, frozen=frozen)
    check(CURVE["AnB@1"].model_copy(update={"method": method}), set(copied), set(frozen), bases)


def test_every_tensor_belongs_to_one_layer() -> None:
    names = state_of(objective_of(CURVE[BASE]))
    assert len(names) == 1 + 4 * 7 + 2 + 2
    counted = [name for number in MODULES for name in of_layers(names, [number])]
    assert sorted(counted) == sorted(names)


def test_statistics_of_batch_normalisation_are_copied_and_stay(bases: Mapping[str, Weights]) -> None:
    """Those of the run that is copied from are not the ones a fresh network has."""
    spec = CURVE["AnB@2"]
    start = start_of(spec, bases)
    assert start is not None
    ended = weights_of(events_of(spec, context_of(spec, start)))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        full = f"extractor.norm2.{name}"
        assert torch.equal(ended[full], start[full])
        assert not torch.equal(ended[full], state_of(objective_of(CURVE[BASE]))[full])
        assert not torch.equal(ended[f"extractor.norm3.{name}"], start[f"extractor.norm3.{name}"]) or (
            name == "num_batches_tracked"
        )


@pytest.mark.parametrize("arm", ["BnB@3", "AnB@5", "random@2", "AnB@1"])
def test_kept_and_recomputed_features_learn_the_same(
    arm: str, bases: Mapping[str, Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = CURVE[arm]
    kept = events_of(spec, context_of(spec, start_of(spec, bases)))
    monkeypatch.setattr("tlcore.training.freezing.MOST_KEPT", 0)
    recomputed = events_of(spec, context_of(spec, start_of(spec, bases)))
    first, second = weights_of(kept), weights_of(recomputed)
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-4, atol=1e-5)
    for one, other in zip(kept, recomputed, strict=True):
        if isinstance(one, Outputs) and isinstance(other, Outputs):
            assert (one.logits.argmax(1) == other.logits.argmax(1)).all()


def test_frozen_layers_are_computed_once(bases: Mapping[str, Weights]) -> None:
    spec = CURVE["AnB@3"]
    objective = objective_of(spec, start_of(spec, bases))
    objective.begin_step(0.0)
    calls: list[int] = []
    objective.network.extractor.conv2.register_forward_hook(lambda *_: calls.append(1))
    for step in range(3):
        objective.begin_step(step / 4)
        objective.loss(step / 4)
    assert len(calls) == 1


def test_the_same_spec_gives_the_same_run(bases: Mapping[str, Weights]) -> None:
    spec = CURVE["AnB+@2"]
    one, other = (weights_of(events_of(spec, context_of(spec, start_of(spec, bases)))) for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(bases: Mapping[str, Weights]) -> None:
    spec = CURVE["AnB@2"]
    start = start_of(spec, bases)
    whole = events_of(spec, context_of(spec, start))
    context = context_of(spec, start)
    state = None
    for event in METHODS[spec.method.name](spec, context):
        if isinstance(event, Checkpoint):
            state = event.state
            break
        context.cadence.checkpoint_requested = getattr(event, "step", 0) >= 1
    assert state is not None
    continued = events_of(spec, context_of(spec, resume_state=state))
    for name, tensor in weights_of(whole).items():
        assert torch.equal(weights_of(continued)[name], tensor), name
    changes = [
        next(event.values for event in reversed(events) if "parameter_change.conv3" in getattr(event, "values", {}))
        for events in (whole, continued)
    ]
    assert changes[0] == pytest.approx(changes[1])


def test_it_is_told_how_far_each_layer_moved(bases: Mapping[str, Weights]) -> None:
    spec = CURVE["AnB@3"]
    events = events_of(spec, context_of(spec, start_of(spec, bases)))
    told = {name: value for event in events if isinstance(event, Metrics) for name, value in event.values.items()}
    assert [told[f"parameter_change.conv{number}"] for number in (1, 2, 3)] == [0.0, 0.0, 0.0]
    assert told["parameter_change.conv4"] > 0 and told["parameter_change.dense1"] > 0
    assert [told[f"cka.conv{number}"] for number in (1, 2, 3)] == pytest.approx([1.0] * 3)


class TestRefusals:
    def refused(self, spec: RunSpec, weights: Weights | None, sentence: str) -> None:
        with pytest.raises(InvalidRequest, match=sentence):
            events_of(spec, context_of(spec, weights))

    def with_method(self, arm: str, **method: Any) -> RunSpec:
        return CURVE[arm].model_copy(update={"method": LayerTransfer(**method)})

    def test_a_layer_that_does_not_exist(self, bases: Mapping[str, Weights]) -> None:
        spec = self.with_method("AnB@1", copied=(1, 7))
        self.refused(spec, start_of(spec, bases), "There is no layer 7: this network has 5, and 6 with")

    def test_nothing_left_to_learn(self, bases: Mapping[str, Weights]) -> None:
        spec = self.with_method("AnB@1", copied=(1,), frozen=(1, 2, 3, 4, 5, 6))
        self.refused(spec, start_of(spec, bases), "nothing is left to learn")

    def test_layers_of_another_network(self, bases: Mapping[str, Weights]) -> None:
        spec = self.with_method("AnB@1", copied=(2,)).model_copy(update={"network": BlockCnn(channels=8, features=8)})
        self.refused(spec, start_of(spec, bases), "do not fit the layers to copy: of another shape: .*conv2")

    def test_a_label_predictor_of_another_number_of_classes(self, bases: Mapping[str, Weights]) -> None:
        spec = self.with_method("AnB@1", copied=(6,))
        start = dict(start_of(spec, bases) or {})
        start["predictor.output.weight"] = torch.zeros(7, 8)
        self.refused(spec, start, "predictor.output.weight is 7×8 instead of 3×8")


def test_of_the_other_half_the_method_sees_nothing() -> None:
    from tlcore.training.preparation import prepare

    spec = CURVE["AnB@2"].model_copy(update={"data": ClassHalf(target=Glyphs(characters="digits", pictures=5))})
    prepared = prepare(spec, device=torch.device("cpu"), precision=torch.float32)
    data = prepared.context.data
    assert len(data.source) == 0
    assert data.class_count == 5 and len(data.target) == 25
    assert set(data.held_out) == {("target", "test")}
    assert len(prepared.probe.class_names) == 5


def test_arms_trained_together_end_as_each_by_itself(bases: Mapping[str, Weights]) -> None:
    arms = ["AnB@2", "BnB@2", "random@2", "AnB+@3", "BnB+@1", BASE]
    specs = [CURVE[arm] for arm in arms]
    ends = train_arms_together(specs, [context_of(spec, start_of(spec, bases)) for spec in specs])
    for arm, spec, together in zip(arms, specs, ends, strict=True):
        singly = weights_of(events_of(spec, context_of(spec, start_of(spec, bases))))
        assert together.keys() == singly.keys()
        for name, tensor in singly.items():
            torch.testing.assert_close(together[name], tensor, rtol=1e-3, atol=1e-4, msg=f"{arm}: {name}")
        for name in of_layers(singly, spec.method.frozen):
            assert torch.equal(together[name], singly[name]), f"{arm}: {name}"


def test_the_arms_on_cifar10_run_on_files_in_its_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the preset has them, but for two steps: the loader, the division into five and five, and the layers."""
    cifar10(tmp_path)
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    short = {"budget.steps": "2", "budget.batch_size": "4", "budget.evaluations": "1", "budget.probe_points": "20"}
    arms = override(find_preset("layer-transfer/cifar10").arms, short)
    store = Store(tmp_path / "store")
    for arm in ("AnB@2", "random@5"):
        run = finished(store, arms[arm], arm)
        assert 0.0 <= run.summary["target_accuracy"] <= 1.0
        probe = store.probe(run.id)
        assert probe is not None and len(probe.class_names) == 5
        assert set(probe.class_names) <= {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse",
                                          "ship", "truck"}  # fmt: skip
    assert len(store.runs()) == 3, "two arms and the base of A"


def test_only_one_experiment_is_trained_together() -> None:
    longer = CURVE[BASE].model_copy(update={"budget": Budget(steps=9)})
    with pytest.raises(ValueError, match="Only runs of one experiment"):
        train_arms_together([CURVE[BASE], longer], [context_of(CURVE[BASE]), context_of(longer)])
