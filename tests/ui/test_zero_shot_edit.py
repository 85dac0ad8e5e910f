"""What is changed of a description stays changed, whatever else is looked at, and whatever its numbers are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.test_zero_shot_model import VECTORS, model
from ui.zero_shot_edit import MOST_SLIDERS, NEW, fallen_words, steps_of, telling
from ui.zero_shot_model import AskableModel, best_first

SCRIPT = """
from dataclasses import replace
import numpy as np
from tests.ui import test_zero_shot_model as parts
from ui.zero_shot_edit import edit_card
model = parts.model("margin")
factor = {factor}
vectors = parts.VECTORS * factor
edit_card(replace(model, weights=model.weights | {{"vectors": vectors}}), "Joint space, margin")
"""


def card_of(factor: float = 1.0) -> AppTest:
    page = AppTest.from_string(SCRIPT.format(factor=factor), default_timeout=60).run()
    assert not page.exception
    return page


def begin_with(page: AppTest, option: int) -> None:
    page.selectbox[0].select(option).run()
    assert not page.exception


def test_edits_are_there_when_somebody_comes_back_until_they_are_reset() -> None:
    page = card_of()
    assert page.selectbox[0].value == 2, "the unseen class is looked at first"
    begin_with(page, NEW)
    assert not page.slider and page.button[0].disabled
    page.multiselect[0].select(0).run()
    page.slider[0].set_value(0.35).run()
    begin_with(page, 1)
    assert [(one.label, one.value) for one in page.slider] == [("flies", 1.0)], "another description is as it was"
    page.slider[0].set_value(0.6).run()
    begin_with(page, NEW)
    assert [(one.label, one.value) for one in page.slider] == [("furry", 0.35)]
    begin_with(page, 1)
    assert page.slider[0].value == 0.6
    page.button[0].click().run()
    assert page.slider[0].value == 1.0 and page.button[0].disabled
    begin_with(page, NEW)
    assert page.slider[0].value == 0.35, "one description is reset, not all"
    page.multiselect[0].unselect(0).run()
    assert not page.slider and page.button[0].disabled


def test_numbers_that_are_no_shares_have_sliders_as_far_as_the_data_go() -> None:
    page = card_of(factor=70.0)
    slider = page.slider[0]
    assert (slider.min, slider.max, slider.step, slider.value) == (0, 70, 4, 70)
    assert not page.number_input, "nothing is drawn, so there is no pose"
    assert "the model knows classes by their descriptions alone" in page.caption[0].value


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, (0.0, 1.0, 0.05, 2)), (-0.31, 0.333, (-0.31, 0.34, 0.03, 2)), (-7, 93, (-7, 93, 5, 0))],
)
def test_sliders_end_in_round_numbers_around_the_data(
    low: float, high: float, expected: tuple[float, float, float, int]
) -> None:
    assert steps_of(low, high) == pytest.approx(expected)


def many(vectors: np.ndarray) -> AskableModel:
    one = model("margin")
    names = tuple(str(number) for number in range(vectors.shape[1]))
    return replace(one, attributes=names, weights=one.weights | {"vectors": vectors})


def test_of_many_attributes_those_are_shown_in_which_a_class_differs_most() -> None:
    vectors = np.random.default_rng(0).normal(size=(3, 50))
    vectors[:, 7] = [8.0, -8.0, 0.5]
    shown = telling(many(vectors), vectors[0])
    assert len(shown) == MOST_SLIDERS and 7 in shown and shown == sorted(shown)
    assert telling(model("margin"), VECTORS[1]) == [1]


def test_how_many_fall_is_counted_and_against_whom_is_said() -> None:
    asked = replace(model("margin"), labels=np.array([2, 2, 0, 2]))
    falls = np.array([True, False, True, True])
    told = fallen_words(asked, 2, falls, 0)
    assert told == (
        "<b>3</b> of 4 test pictures fall to it rather than to one of its rivals, the 0 other unseen classes. They "
        "show 2 × cat, 1 × ant. 2 of the 3 pictures of cat do."
    )
    told = fallen_words(replace(asked, drawn=True), NEW, falls & False, 1)
    assert told == "<b>0</b> of 4 test pictures fall to it rather than to one of its rivals, the 1 unseen animal."


def test_the_data_are_told_by_their_classes_and_numbers() -> None:
    one = model("margin")
    assert one.table == model("eszsl").table != many(2 * VECTORS).table
    assert one.limits.tolist() == [[0, 1], [0, 1]]
    assert many(np.array([[-1.0, 3.0, 0.0], [2.0, 4.0, 0.0]])).limits.tolist() == [[-1, 2], [0, 4], [0, 1]]
    assert best_first(one) == [2, 0, 1]
