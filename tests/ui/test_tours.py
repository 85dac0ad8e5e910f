"""Tours are data: short, complete, and each belongs to a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ui.tours import CONDITIONS, _step, tours

PAGES = {file.stem: file.read_text(encoding="utf-8") for file in (Path(__file__).parents[2] / "pages").glob("*.py")}


@pytest.mark.parametrize("tour", tours().values(), ids=lambda tour: tour.name)
def test_a_tour_has_a_few_short_steps_and_a_page(tour) -> None:
    assert f'tour="{tour.name}"' in PAGES[tour.name]
    assert 5 <= len(tour.steps) <= 6
    for step in tour.steps:
        assert step.title and step.condition in CONDITIONS
        assert 40 < len(step.text) < 320, "a card is read at a glance"
        assert step.at and step.where


def test_every_page_that_names_a_tour_has_it() -> None:
    named = {found for text in PAGES.values() for found in re.findall(r'tour="(\w+)"', text)}
    assert named == set(tours())


def test_a_step_is_done_in_one_way() -> None:
    with pytest.raises(ValueError, match="needs one of"):
        _step({"title": "Both", "text": "x", "at": "a", "press": "b", "holds": "c"}, "made.toml")
    with pytest.raises(ValueError, match="needs one of"):
        _step({"title": "None", "text": "x", "at": "a"}, "made.toml")
