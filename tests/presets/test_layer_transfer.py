"""The arms of layer transfer: what starts from what, for as long as the base, and what the paper calls it."""

from __future__ import annotations

import pytest

from tlcore.presets import find_preset, presets_of
from tlcore.presets.layer_transfer import (
    BASE,
    BASE_A,
    CURVES,
    LAYERS,
    PRESETS,
    arm_name,
    split_arm,
    textbook_arm,
)
from tlcore.specs import LayerTransfer, RunStart, override, with_seed

CURVE_PRESETS = [preset for preset in PRESETS if preset.name != "first-or-last"]
GLYPHS = find_preset("layer-transfer/glyphs")
KEPT = find_preset("layer-transfer/first-or-last")
FIRST_THREE = {"copied": (1, 2, 3), "frozen": (1, 2, 3)}


def test_the_default_comes_first():
    assert [preset.name for preset in presets_of("layer-transfer")] == [
        "glyphs", "dissimilar", "first-or-last", "cifar10",
    ]  # fmt: skip


@pytest.mark.parametrize("preset", CURVE_PRESETS, ids=lambda preset: preset.name)
class TestCurves:
    def test_every_curve_has_every_number_of_layers(self, preset):
        expected = {arm_name(curve, count) for curve in CURVES for count in range(1, LAYERS + 1)}
        assert set(preset.arms) == {BASE, BASE_A} | expected
        assert {split_arm(arm) for arm in expected} == {(c, n) for c in CURVES for n in range(1, LAYERS + 1)}

    def test_what_is_copied_comes_from_a_base_that_is_an_arm(self, preset):
        for arm, spec in preset.arms.items():
            origin = {"B": BASE, "A": BASE_A}.get(arm[0])
            if origin is None:
                assert spec.start.kind == "random" and spec.method.copied == ()
            else:
                assert spec.start.spec == preset.arms[origin]

    def test_all_learn_b_as_long_as_the_base(self, preset):
        assert preset.arms[BASE_A].data.half == "A"
        for arm, spec in preset.arms.items():
            assert spec.data.half == ("A" if arm == BASE_A else "B")
            assert spec.budget == preset.arms[BASE].budget
            assert spec.optimisation == preset.arms[BASE].optimisation
            assert spec.network == preset.arms[BASE].network

    def test_arms_are_called_what_the_paper_calls_them(self, preset):
        for arm, spec in preset.arms.items():
            assert textbook_arm(spec) == arm


def test_changes_and_seeds_reach_the_bases_that_layers_are_copied_from():
    arms = with_seed(override(GLYPHS.arms, {"steps": 40, "data.target.pictures": 20}), 3)
    for arm, spec in arms.items():
        assert (spec.seed, spec.budget.steps, spec.data.target.pictures) == (3, 40, 20)
        if isinstance(spec.start, RunStart):
            assert spec.start.spec == arms[BASE if arm[0] == "B" else BASE_A]


def test_base_networks_are_shared_by_all_that_copy_from_them():
    origins = {spec.start.spec.content_hash for spec in GLYPHS.arms.values() if isinstance(spec.start, RunStart)}
    assert origins == {GLYPHS.arms[BASE].content_hash, GLYPHS.arms[BASE_A].content_hash}


class TestTextbook:
    def changed(self, **method):
        return GLYPHS.arms["AnB@3"].model_copy(update={"method": LayerTransfer(**method)})

    def test_of_a_choice_of_layers(self):
        assert textbook_arm(self.changed(**FIRST_THREE)) == "AnB@3"
        assert textbook_arm(self.changed(copied=(1, 2, 3))) == "AnB+@3"
        assert textbook_arm(self.changed(frozen=(1, 2))) == "random@2"
        assert textbook_arm(self.changed()) == BASE

    @pytest.mark.parametrize(
        ("copied", "frozen"), [((2, 3), (2, 3)), ((1, 2), (1,)), ((1, 3), (1, 3)), ((), (2,)), ((1,), (1, 2))]
    )
    def test_what_the_paper_does_not_have_has_no_name(self, copied, frozen):
        assert textbook_arm(self.changed(copied=copied, frozen=frozen)) is None

    def test_the_other_direction_has_its_own(self):
        spec = GLYPHS.arms["AnB@3"]
        turned = spec.model_copy(update={"data": GLYPHS.arms[BASE_A].data, "start": RunStart(spec=GLYPHS.arms[BASE])})
        assert textbook_arm(turned) == "BnA@3"

    def test_runs_of_other_experiments_have_none(self):
        assert textbook_arm(find_preset("domain-adversarial/photo-digits").arms["dann"]) is None
        assert textbook_arm(KEPT.arms["input:first@2"]) is None


class TestFirstOrLast:
    @pytest.mark.parametrize("change", ["labels", "input"])
    def test_one_thing_changes(self, change):
        origin, task = KEPT.arms[BASE_A].data, KEPT.arms[f"{change}:base"].data
        assert (task.half != origin.half) == (change == "labels")
        assert (task.sensor != origin.sensor) == (change == "input")

    @pytest.mark.parametrize("count", range(1, LAYERS))
    def test_as_many_of_the_first_are_kept_as_of_the_last(self, count):
        for change in ("labels", "input"):
            first, last = (KEPT.arms[f"{change}:{end}@{count}"].method for end in ("first", "last"))
            assert first.copied == first.frozen == tuple(range(1, count + 1))
            assert last.copied == last.frozen
            assert last.copied[:count] == tuple(range(LAYERS - count + 1, LAYERS + 1))
            # The label predictor is of use only where the labels are the same.
            assert last.copied[count:] == ((LAYERS + 1,) if change == "input" else ())

    def test_everything_is_kept_from_the_same_run(self):
        origins = {spec.start.spec for spec in KEPT.arms.values() if isinstance(spec.start, RunStart)}
        assert origins == {KEPT.arms[BASE_A]}
