"""The glossary explains every figure that is recorded and every symbol it uses, once each, in one plain sentence."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tlcore.gallery import FOLDER
from tlcore.glossary import glossary, of_metric, of_word, written
from tlcore.runs import Store
from ui import comparison, zero_shot_results

TERMS = list(glossary().values())


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.key)
def test_every_term_is_one_plain_sentence_with_its_symbols(term) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", term.key)
    assert term.name and term.group
    assert term.sentence.endswith(".") and ". " not in term.sentence
    assert bool(term.formula) == bool(term.symbols), "a formula has its symbols explained"
    written_flat = term.formula + term.formula.translate(str.maketrans("ₐᵢⱼₖₜ", "aijkt"))
    for symbol in (part for symbols in term.symbols for part in symbols.split(", ")):
        assert symbol == "‖·‖" or symbol in written_flat, f"{symbol} does not stand in the formula"
    assert all(term.symbols.values())


def test_no_term_is_there_twice() -> None:
    for what in ([term.name for term in TERMS], [word for term in TERMS for word in term.words]):
        assert [name for name, count in Counter(what).items() if count > 1] == []
    groups = [term.group for term in TERMS]
    changes = 1 + sum(one != other for one, other in pairwise(groups))
    assert changes == len(set(groups)), "the terms of a group stand together"


def test_every_word_is_found_as_the_term_it_is_a_word_of() -> None:
    for term in TERMS:
        for word in term.words:
            found = written().search(f"so ({word}) it is")
            assert found is not None and found.group() == word
            assert of_word(word) is term


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.sqlite")), ids=lambda file: file.stem)
def test_every_recorded_figure_is_explained(file: Path) -> None:
    store = Store(file=file)
    names = {name for run in store.runs() for name in (*store.latest(run.id), *run.summary)}
    assert names
    assert sorted(name for name in names if of_metric(name) is None) == []


def test_the_figures_in_tables_are_explained() -> None:
    shown = [*comparison.COLUMNS, *(metric for metrics in zero_shot_results.PROTOCOLS.values() for metric in metrics)]
    assert [name for name in shown if of_metric(name) is None] == []


@pytest.mark.parametrize(
    "word", ["SimCLR", "AdamW", "two views", "projector", "decoder", "inertia", "bundle", "lineage"]
)
def test_words_of_the_pages_are_explained(word: str) -> None:
    assert of_word(word) is not None


def test_a_named_figure_goes_before_a_pattern() -> None:
    found = {name: of_metric(name) for name in ("target_accuracy_oracle", "target_cross_entropy", "cka.conv1", "??")}
    assert {name: term and term.key for name, term in found.items()} == {
        "target_accuracy_oracle": "oracle", "target_cross_entropy": "cross-entropy", "cka.conv1": "cka", "??": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text, keys",
    [
        ("reversal", {"gradient-reversal"}), ("λ", {"lambda"}), ("A-DIST", {"proxy-a-distance"}),
        ("τ", {"contrastive"}), ("x̃", {"autoencoder"}), ("exp(zₖ", {"softmax"}), ("projector", {"projector", "simclr"}),
    ],
)  # fmt: skip
def test_a_word_or_a_symbol_finds_its_term(text: str, keys: set[str]) -> None:
    assert keys <= {term.key for term in TERMS if term.matches(text)}
