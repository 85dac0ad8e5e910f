"""The experiment of the four cases: which arms there are, and what they differ in."""

from __future__ import annotations

import pytest

from tlcore.presets import find_preset
from tlcore.presets.four_cases import FAR, FOUR_CASES, LITTLE, METHODS, MUCH, NEAR, SOURCES, case_arm, split_case
from tlcore.specs import FixedFeatures, RunStart, with_seed


def test_every_cell_has_every_way() -> None:
    assert find_preset("fine-tuning/four-cases") is FOUR_CASES
    for source in (NEAR, FAR):
        for count in (LITTLE, MUCH):
            for method in ("fixed_features", "early_features", "fine_tune", "l2_sp"):
                spec = FOUR_CASES.arms[case_arm(source, method, count)]
                assert isinstance(spec.start, RunStart)
                assert spec.start.spec == FOUR_CASES.arms[f"{source}:source"]
                assert spec.data.source == SOURCES[source] and spec.data.labels_per_class == count
    scratch = {FOUR_CASES.arms[case_arm("", "scratch", count)].data.labels_per_class for count in (LITTLE, MUCH)}
    assert scratch == {LITTLE, MUCH}
    assert len(FOUR_CASES.arms) == 2 + 2 + 2 * 2 * len(METHODS)


def test_earlier_and_last_features_differ_in_the_layer_alone() -> None:
    early, last = (FOUR_CASES.arms[case_arm(FAR, method, LITTLE)] for method in ("early_features", "fixed_features"))
    assert isinstance(early.method, FixedFeatures) and 0 < early.method.layer < 5
    assert early.model_copy(update={"method": last.method}) == last


def test_another_seed_is_another_source_run_too() -> None:
    other = with_seed(FOUR_CASES.arms, 3)
    for source in (NEAR, FAR):
        spec = other[case_arm(source, "l2_sp", LITTLE)]
        assert isinstance(spec.start, RunStart) and spec.start.spec == other[f"{source}:source"]
        assert spec.start.spec.seed == 3


@pytest.mark.parametrize(
    ("arm", "parts"),
    [
        ("far:early_features@2", ("far", "early_features", 2)), ("scratch@50", ("", "scratch", 50)),
        ("near:source", None), ("fine_tune@2", None), ("far:fine_tune@all", None),
    ],
)  # fmt: skip
def test_arms_are_read_as_they_are_written(arm: str, parts: tuple[str, str, int] | None) -> None:
    assert split_case(arm) == parts
    if parts:
        assert case_arm(*parts) == arm
