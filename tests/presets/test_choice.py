"""Every answer to “What do you have?” leads somewhere that exists, for a reason that belongs to it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tlcore.presets import all_presets
from tlcore.presets.choice import Have, choose

PAGES = Path(__file__).parents[2] / "pages"
EVERYTHING = [Have(*answers) for answers in itertools.product((True, False), repeat=4)]


@pytest.mark.parametrize("have", EVERYTHING, ids=str)
def test_every_combination_leads_to_a_preset_that_exists(have: Have) -> None:
    choice = choose(have)
    page = choice.preset.partition("/")[0]
    assert choice.reason.endswith(".") and choice.reason.count(". ") == 0
    assert (PAGES / f"{page.replace('-', '_')}.py").is_file() and choice.preset in all_presets()


def test_the_quadrant_decides_the_page() -> None:
    pages = {
        (have.source_labels, have.target_labels): set() for have in EVERYTHING
    }  # fmt: skip
    for have in EVERYTHING:
        pages[have.source_labels, have.target_labels].add(choose(have).preset.partition("/")[0])
    assert pages == {
        (True, True): {"fine-tuning", "layer-transfer", "multitask"},
        (True, False): {"domain-adversarial", "zero-shot"},
        (False, True): {"self-taught"},
        (False, False): {"self-taught"},
    }


@pytest.mark.parametrize(("same_classes", "page"), [(True, "domain-adversarial"), (False, "zero-shot")])
@pytest.mark.parametrize("plenty", [True, False])
def test_other_classes_without_target_labels_need_descriptions(same_classes: bool, page: str, plenty: bool) -> None:
    assert choose(Have(True, False, plenty, same_classes)).preset.partition("/")[0] == page


def test_without_source_labels_the_question_of_classes_changes_nothing() -> None:
    for target, plenty in itertools.product((True, False), repeat=2):
        assert choose(Have(False, target, plenty, True)) == choose(Have(False, target, plenty, False))
