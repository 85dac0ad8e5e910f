"""The experiments that ship with the lab."""

from __future__ import annotations

import json

import pytest

from tlcore.errors import InvalidRequest
from tlcore.presets import Preset, all_presets, find_preset, named_starts, presets_of
from tlcore.specs import SourceOnly, override, validate, with_seed

PRESETS = list(all_presets().values())
each_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.identity)
each_pair_of_domains = pytest.mark.parametrize(
    "preset", [one for one in PRESETS if one.page == "domain-adversarial"], ids=lambda preset: preset.identity
)


@each_preset
def test_every_arm_is_a_run_that_can_be_asked_for(preset: Preset):
    for arm, spec in preset.arms.items():
        assert spec.seed == 0
        assert arm == arm.strip() != ""
        assert validate(json.loads(spec.canonical_json())) == spec


@each_preset
def test_no_two_arms_are_the_same_run(preset: Preset):
    assert len({spec.content_hash for spec in preset.arms.values()}) == len(preset.arms)


@each_pair_of_domains
def test_arms_differ_in_the_method_alone(preset: Preset):
    shared = {spec.model_copy(update={"method": SourceOnly()}).model_dump_json() for spec in preset.arms.values()}
    assert len(shared) == 1
    assert list(preset.arms) == [spec.method.name for spec in preset.arms.values()]


@each_preset
def test_what_an_arm_starts_from_is_an_arm(preset: Preset):
    for spec in preset.arms.values():
        assert set(spec.dependencies()) <= set(preset.arms.values())


def test_what_a_run_starts_from_is_known_by_its_arm_whatever_was_changed():
    preset = find_preset("multitask/progressive")
    arms = override(preset.arms, {"budget.steps": 60})
    after = next(arm for arm, spec in with_seed(arms, 3).items() if spec.dependencies())
    spec = with_seed(arms, 3)[after]
    found = named_starts(arms, spec)
    assert [one for _, one in found][-1:] == list(spec.dependencies())
    assert all(with_seed(arms, 3)[arm] == one for arm, one in found)
    assert named_starts(preset.arms, spec) == [], "that of other parameters is another run"
    assert named_starts(arms, found[0][1]) == []


@each_preset
def test_everything_a_page_shows_is_there(preset: Preset):
    assert preset.identity == f"{preset.page}/{preset.name}"
    for text in (preset.title, preset.lead, preset.explanation, *preset.look_for):
        assert text == text.strip() != ""
    assert 3 <= len(preset.look_for) <= 4
    assert 2 <= len(preset.side_by_side) <= 3  # as many panels as the player has
    assert set(preset.side_by_side) <= set(preset.arms)


@each_preset
def test_published_figures_carry_their_source(preset: Preset):
    for figure in preset.published:
        assert figure.arm in preset.arms
        assert 0 <= figure.value < 1
        assert figure.source and figure.difference
        assert figure.tolerance is None or 0 < figure.tolerance <= 0.1


@each_preset
def test_seeds_change_the_seed_alone(preset: Preset):
    runs = preset.specs([0, 7])
    assert [(arm, seed) for arm, seed, _ in runs] == [(arm, seed) for seed in (0, 7) for arm in preset.arms]
    for arm, seed, spec in runs:
        alone = preset.arms[arm].model_copy(update={"seed": seed})
        # What it starts from is of the same seed.
        assert spec.model_copy(update={"start": alone.start}) == alone
        assert all(before.seed == seed for before in spec.dependencies())
    assert len({spec.content_hash for _, _, spec in runs}) == len(runs)


def test_changes_apply_before_seeds():
    runs = find_preset("domain-adversarial/photo-digits").specs([3], {"lambda_max": 0.5, "steps": 10})
    assert {spec.budget.steps for _, _, spec in runs} == {10}
    assert next(spec for arm, _, spec in runs if arm == "dann").method.lambda_max == 0.5
    assert {spec.seed for _, _, spec in runs} == {3}


def test_a_change_that_is_not_possible_is_refused():
    with pytest.raises(InvalidRequest, match="less than or equal to 20"):
        find_preset("domain-adversarial/photo-digits").specs([0], {"lambda_max": 21})
    with pytest.raises(InvalidRequest, match="seed"):
        find_preset("domain-adversarial/photo-digits").specs([-1])


def test_presets_of_a_page_begin_with_its_default():
    found = presets_of("domain-adversarial")
    assert found[0].name == "photo-digits"
    assert [preset.identity for preset in found] == [name for name in all_presets() if name.startswith("domain-")]
    assert presets_of("nowhere") == []


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(InvalidRequest, match="did you mean domain-adversarial/photo-digits"):
        find_preset("domain-adversarial/photodigits")
    with pytest.raises(InvalidRequest, match=r"there are .*domain-adversarial/photo-digits, "):
        find_preset("xyz")
