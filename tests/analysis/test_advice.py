"""The adviser's rules: each of the four cases, what tips them, and the sentences that say why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlcore.analysis.advice import (
    ADVISED,
    CAUGHT_UP,
    FAR_DISTANCE,
    MUCH,
    NAMES,
    TEXTBOOK,
    Measurements,
    advise,
    evidence_of_nearness,
)
from tlcore.analysis.advice_check import case_sentence, check_advice

NEAR = Measurements(
    labels=100, classes=10, labels_per_class=10, distance=1.5, separable=0.7, plain_separable=0.5, logme=0.1,
    plain_logme=-0.1, leep=-0.9, source_head=True,
)  # fmt: skip
FAR = replace(NEAR, distance=2.0, separable=0.35, plain_separable=0.55, logme=-0.2, leep=-2.1)


def much(measured: Measurements) -> Measurements:
    return replace(measured, labels=500, labels_per_class=50)


@pytest.mark.parametrize(
    ("measured", "size", "distance"),
    [(NEAR, "little", "near"), (FAR, "little", "far"), (much(NEAR), "much", "near"), (much(FAR), "much", "far")],
)
def test_the_four_cases_are_told_apart(measured: Measurements, size: str, distance: str) -> None:
    advice = advise(measured)
    assert (advice.size, advice.distance) == (size, distance)
    assert advice.textbook == TEXTBOOK[size, distance][1]
    assert advice.arm == advice.order[0] and sorted(advice.order) == sorted(NAMES)
    assert 2 <= len(advice.words) <= 4
    assert all(sentence.endswith(".") and not sentence[0].islower() for sentence in advice.words)
    assert NAMES[advice.arm] in advice.words[-1]


def test_every_order_names_every_arm_once() -> None:
    assert all(sorted(order) == sorted(NAMES) for order in ADVISED.values())
    assert set(TEXTBOOK) == set(ADVISED)


def test_much_data_means_tuning_only_while_the_features_lead() -> None:
    leading = replace(much(NEAR), separable=0.5 + CAUGHT_UP + 0.01, plain_separable=0.5)
    level = replace(leading, separable=0.5 + CAUGHT_UP - 0.01)
    assert advise(leading).arm == "fine_tune"
    assert advise(level).arm == "scratch"
    assert advise(replace(level, labels_per_class=MUCH - 1)).arm == "l2_sp"


def test_features_that_settle_it_need_no_more_than_a_classifier() -> None:
    settled = advise(replace(NEAR, separable=0.97))
    assert settled.arm == "fixed_features" and "takes seconds" in settled.words[-1]
    assert advise(replace(FAR, separable=0.92, plain_separable=0.99)).arm != "fixed_features", "pixels do as well"


def test_without_the_sources_head_its_answers_cannot_be_held() -> None:
    assert "output_matching" in advise(NEAR).order
    assert "output_matching" not in advise(replace(NEAR, source_head=False)).order


def test_only_arms_that_are_there_are_advised() -> None:
    fewer = advise(FAR, ("scratch", "l2_sp", "fine_tune"))
    assert fewer.order == ("l2_sp", "scratch", "fine_tune")
    assert "of the ways to choose from here" in fewer.words[-1]
    assert advise(replace(NEAR, separable=0.97), ("scratch", "l2_sp")).arm == "l2_sp"
    with pytest.raises(ValueError, match="no arm to advise"):
        advise(NEAR, ("magic",))


def test_the_lead_counts_by_its_standard_error() -> None:
    lead = replace(NEAR, labels=20, labels_per_class=2, separable=0.45, plain_separable=0.35)
    error = (0.45 * 0.55 / 20 + 0.35 * 0.65 / 20) ** 0.5
    assert lead.chance_of_lead == pytest.approx(error)
    evidence = evidence_of_nearness(lead)
    assert evidence["lead"] == pytest.approx(0.1 / (2 * error))
    assert "logme" not in evidence, "with two labels a class it says the same of near and far"
    assert "much of that is chance" in " ".join(advise(lead).words)
    assert evidence_of_nearness(replace(lead, labels=20_000))["lead"] == 1.0


def test_the_distance_counts_from_its_threshold() -> None:
    alone = replace(NEAR, separable=None, plain_separable=None, logme=None, plain_logme=None)
    at = [evidence_of_nearness(replace(alone, distance=value)) for value in (FAR_DISTANCE, 1.573, 1.973, 0.0)]
    assert [found["distance"] for found in at] == pytest.approx([0.0, 1.0, -1.0, 1.0], abs=1e-9)
    assert advise(replace(alone, distance=1.0)).distance == "near"
    assert advise(replace(alone, distance=1.99)).distance == "far"


def test_confidence_rises_with_agreement() -> None:
    split = replace(NEAR, separable=0.45)  # the pixels are ahead, the rest speaks for near
    assert advise(split).distance == "near"
    assert 0.5 <= advise(split).confidence < advise(NEAR).confidence <= 0.9
    nothing = Measurements(3, 3, 1, None, None, None, None, None, None, False)
    assert advise(nothing).confidence == 0.5
    assert "cannot be measured" in advise(nothing).words[0]


def test_one_label_a_class_is_judged_by_the_distance() -> None:
    one = replace(NEAR, labels=10, labels_per_class=1, separable=None, plain_separable=None, leep=-0.27)
    advice = advise(one)
    assert advice.arm == "l2_sp" and "LEEP" in advice.words[1] and "−2.30" in advice.words[1]
    assert advice.confidence < 0.65, "one kind of evidence alone"
    assert advise(replace(one, distance=2.0)).arm == "early_features"


def test_a_case_that_most_evidence_overrules_says_so() -> None:
    words = " ".join(advise(replace(FAR, distance=1.4)).words)
    assert "lies near" in words and "nevertheless speaks for a far source" in words


class TestCheck:
    def test_right_wrong_and_by_how_much(self) -> None:
        found = check_advice("a", {"a": [0.7, 0.72], "b": [0.5, 0.52], "c": []})
        assert found is not None and found.right and found.short_by == 0 and found.best == "a"
        wrong = check_advice("b", {"a": [0.7, 0.72], "b": [0.5, 0.52]})
        assert wrong is not None and not wrong.right and wrong.short_by == pytest.approx(0.2)

    def test_what_lies_within_chance_is_a_tie(self) -> None:
        close = {"a": [0.70], "b": [0.71]}
        one_error = (0.7 * 0.3 / 400 + 0.71 * 0.29 / 400) ** 0.5
        assert one_error > 0.01
        told, untold = check_advice("a", close, tested=400), check_advice("a", close)
        assert told is not None and told.tie and told.right and told.best == "b"
        assert untold is not None and not untold.tie and not untold.right
        apart = check_advice("a", {"a": [0.70, 0.70], "b": [0.71, 0.71]})
        assert apart is not None and not apart.tie

    def test_nothing_is_said_before_there_is_anything_to_compare(self) -> None:
        assert check_advice("a", {"a": [0.5], "b": []}) is None
        assert check_advice("a", {"a": [], "b": [0.5]}) is None


class TestFourCases:
    def test_the_textbook_comes_out(self) -> None:
        said = case_sentence(("little", "far"), {"early_features": [0.4], "l2_sp": [0.3], "scratch": [0.2]})
        assert said.startswith("As the textbook says, 0.100 ahead of the next best") and NAMES["l2_sp"] in said

    def test_a_narrow_lead_is_called_chance(self) -> None:
        close = {"early_features": [0.40, 0.30], "l2_sp": [0.34, 0.33], "scratch": [0.2, 0.2]}
        said = case_sentence(("little", "far"), close)
        assert "0.015 ahead of the next best" in said and said.endswith("that is no more than chance.")

    def test_it_does_not_and_the_reason_is_made_of_the_numbers(self) -> None:
        case = ("much", "far")
        said = case_sentence(case, {"fine_tune": [0.8], "scratch": [0.9], "l2_sp": [0.85]})
        assert said.startswith("Not as the textbook says, +0.100 against the textbook's 0.800")
        assert "these labels alone reach 0.900" in said
        below = case_sentence(case, {"fine_tune": [0.5], "scratch": [0.6], "l2_sp": [0.85]})
        assert "even below learning from scratch (0.600)" in below
        above = case_sentence(case, {"fine_tune": [0.7], "scratch": [0.6], "l2_sp": [0.85]})
        assert "although that too is above learning from scratch (0.600)" in above

    def test_a_tie_and_a_gap(self) -> None:
        tie = case_sentence(("much", "near"), {"fine_tune": [0.80], "l2_sp": [0.805], "scratch": [0.6]}, tested=359)
        assert "no more than chance" in tie
        assert case_sentence(("much", "near"), {"scratch": [0.6]}) == ""
