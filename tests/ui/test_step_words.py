"""A step taken apart, in words: the numbers of the step and no others."""

from __future__ import annotations

import re

import pytest

from tlcore.runs.records import StepAnatomy
from ui.step_words import StepMode, change, figure, words_of

NUMBERS = {
    "forward": {
        "class_loss": 0.594, "training_accuracy": 0.83, "domain_loss": 0.696, "training_domain_accuracy": 0.59,
        "source_count": 64.0, "source_feature_norm": 1.92, "target_count": 64.0, "target_feature_norm": 1.91,
    },
    "class_gradient": {"class_gradient_norm": 0.414, "predictor_gradient_norm": 0.24},
    "domain_gradient": {"domain_gradient_norm_before_reversal": 0.3, "domain_head_gradient_norm": 0.0453},
    "reversal": {
        "grl_lambda": 0.5, "domain_gradient_norm": 0.15, "domain_share_norm": 0.075, "combined_gradient_norm": 0.4,
        "cosine": -0.42,
    },
    "update": {
        "learning_rate": 0.03, "extractor_change": 0.167, "predictor_change": 0.0703, "domain_head_change": 0.0781,
        "class_loss_after": 0.565, "domain_loss_after": 0.7001,
    },
}  # fmt: skip
WORDS = {
    "forward": ["64 source and 64 target", "1.92 and 1.91", "83 %", "class loss 0.594", "59 %", "domain loss 0.696"],
    "class_gradient": ["length 0.240 at its weights", "mean length 0.414 at each source example", "no labels"],
    "domain_gradient": ["length 0.0453 at its weights", "mean length 0.300 at each example of both domains"],
    "reversal": ["0.300 × 0.500 = 0.150", "50 %, 0.0750", "against the class gradient (cosine −0.42)", "0.400 long"],
    "update": [
        "learning rate 0.0300", "extractor by 0.167", "predictor by 0.0703", "classifier by 0.0781",
        "class loss falls from 0.594 to 0.565", "domain loss rises from 0.696 to 0.700",
    ],
}  # fmt: skip


@pytest.mark.parametrize("phase", NUMBERS)
def test_each_phase_is_told_with_its_numbers(phase: str) -> None:
    words = words_of(phase, NUMBERS)
    for expected in WORDS[phase]:
        assert expected in words
    told = {float(number) for number in re.findall(r"\d+\.\d+", words)}
    known = {round(value, 3) for values in NUMBERS.values() for value in values.values()}
    assert {round(number, 3) for number in told} <= known | {0.42}, "no number comes from nowhere"


@pytest.mark.parametrize(
    ("cosine", "expected"), [(0.5, "pulls with"), (-0.5, "pulls against"), (-0.04, "right angle"), (None, "meets no")]
)
def test_how_the_two_gradients_meet(cosine: float | None, expected: str) -> None:
    reversal = {key: value for key, value in NUMBERS["reversal"].items() if key != "cosine"}
    reversal |= {} if cosine is None else {"cosine": cosine}
    assert expected in words_of("reversal", NUMBERS | {"reversal": reversal})


def test_without_lambda_nothing_passes() -> None:
    reversal = NUMBERS["reversal"] | {"grl_lambda": 0.0, "domain_gradient_norm": 0.0}
    words = words_of("reversal", NUMBERS | {"reversal": reversal})
    assert "λ is still 0" in words and "0.300" in words and "nothing passes" in words


def test_without_a_domain_classifier_no_word_is_said_about_one() -> None:
    numbers = {
        "forward": {"class_loss": 1.0, "training_accuracy": 0.5, "target_count": 32.0, "target_feature_norm": 2.0},
        "class_gradient": NUMBERS["class_gradient"],
        "update": {"learning_rate": 0.1, "extractor_change": 1.0, "predictor_change": 2.0, "class_loss_after": 0.9},
    }
    for phase in numbers:
        words = words_of(phase, numbers)
        assert "domain" not in words and "source" not in words
    assert "32 labelled target examples" in words_of("forward", numbers)


def test_the_message_belongs_to_the_step_at_which_the_run_waits() -> None:
    anatomy = StepAnatomy(8, tuple(NUMBERS.items()))
    payload = StepMode(8, anatomy).payload()
    assert [phase["title"] for phase in payload["phases"]] == [
        "Forward", "Class gradient", "Domain gradient", "Reversal", "Update",
    ]  # fmt: skip
    assert payload["step"] == 8 and payload["numbers"]["reversal"]["grl_lambda"] == 0.5
    # Recorded a moment before the run is said to have reached it.
    assert StepMode(7, anatomy).payload() == payload
    for waiting in (StepMode(9, anatomy), StepMode(9)):
        assert waiting.payload()["phases"] == [] and "step 9" in waiting.payload()["invitation"]


def test_what_is_no_finite_number_is_said_and_not_sent() -> None:
    numbers = NUMBERS | {"class_gradient": {"class_gradient_norm": float("inf"), "predictor_gradient_norm": 0.1}}
    payload = StepMode(3, StepAnatomy(3, tuple(numbers.items()))).payload()
    assert payload["numbers"]["class_gradient"]["class_gradient_norm"] is None
    assert "not a finite number" in payload["phases"][1]["words"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1.234567, "1.23"), (12.3456, "12.3"), (123.456, "123"), (12345.6, "12,346"), (0.0123456, "0.0123"),
     (0.000012, "1.2 × 10⁻⁵")],
)  # fmt: skip
def test_three_figures(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_change_is_told_as_finely_as_it_takes() -> None:
    assert change(0.5, 0.4) == "falls from 0.500 to 0.400"
    assert change(0.50001, 0.50004) == "rises from 0.50001 to 0.50004"
    assert change(0.5, 0.5) == "stays at 0.500"
