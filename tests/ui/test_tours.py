"""Tours are data: short, complete, and each belongs to a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.test_pages import open_page, store  # noqa: F401
from tlcore.presets import presets_of
from ui.tours import CONDITIONS, _step, tours

PAGES = {file.stem: file.read_text(encoding="utf-8") for file in (Path(__file__).parents[2] / "pages").glob("*.py")}


@pytest.mark.parametrize("tour", tours().values(), ids=lambda tour: tour.name)
def test_a_tour_has_a_few_short_steps_and_a_page(tour) -> None:
    assert f'tour="{tour.name}"' in PAGES[tour.name]
    presets = [preset.name for preset in presets_of(tour.name.replace("_", "-"))]
    for preset in presets or [""]:
        assert 5 <= len(tour.on(preset).steps) <= 6, preset
    for step in tour.steps:
        assert set(step.presets) <= set(presets)
        assert step.title and step.condition in CONDITIONS
        assert 40 < len(step.text) < 320, "a card is read at a glance"
        assert step.at and step.where


@pytest.mark.parametrize("preset", [preset.name for preset in presets_of("self-taught")])
def test_every_step_points_at_a_part_that_its_preset_has(preset: str, store) -> None:  # noqa: F811
    tour = tours()["self_taught"].on(preset)
    page = open_page("self_taught.py", preset=preset)
    assert not page.exception
    keys = {key for block in blocks(page._tree) if (key := re.search(r"-((card|pair|player|run)-[\w-]+)$", block))}
    there = {f".st-key-{key.group(1)}" for key in keys} | {".st-key-player-self-taught"}
    assert {step.at for step in tour.steps} <= there
    names = [tours()["self_taught"].on(one.name).name for one in presets_of("self-taught")]
    assert len(set(names)) == len(names), "where somebody was in a tour is remembered by its name"


def blocks(part) -> Iterator[str]:
    """The identities of all parts of a page."""
    yield str(getattr(getattr(part, "proto", None), "id", ""))
    for child in getattr(part, "children", {}).values():
        yield from blocks(child)


def test_every_page_that_names_a_tour_has_it() -> None:
    named = {found for text in PAGES.values() for found in re.findall(r'tour="(\w+)"', text)}
    assert named == set(tours())


def test_a_step_is_done_in_one_way() -> None:
    with pytest.raises(ValueError, match="needs one of"):
        _step({"title": "Both", "text": "x", "at": "a", "press": "b", "holds": "c"}, "made.toml")
    with pytest.raises(ValueError, match="needs one of"):
        _step({"title": "None", "text": "x", "at": "a"}, "made.toml")
