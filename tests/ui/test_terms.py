"""Terms are marked where they stand first, in prose alone, and nothing that was escaped comes alive."""

from __future__ import annotations

import html

from tlcore.glossary import glossary
from ui.terms import marked, metric_heading


def test_a_term_is_marked_once_in_a_block() -> None:
    text = marked("<li>DANN and the domain classifier.</li><li>DANN again, the domain classifier too.</li>")
    assert text.count('data-term="dann"') == 1 and text.count('data-term="domain-classifier"') == 1
    assert text.index("data-term") < text.index("</li>")
    assert marked(text) == text, "what is marked already stays as it is"


def test_the_longest_word_wins_and_the_beginning_of_a_sentence_counts() -> None:
    assert 'data-term="gradient-norm"' in marked("Gradient norm")
    assert marked("the AnB⁺ networks").count(">AnB⁺</span>") == 1
    assert "data-term" not in marked("umap-like, CKAs, mydann")


def test_tags_code_links_and_formulas_are_passed_over() -> None:
    for text in ("`CKA`", "$\\lambda CKA$", '<img alt="CKA">', "<code>CKA</code>", '<a href="#">CKA</a>', "&lambda;"):
        assert marked(text) == text


def test_what_was_escaped_stays_escaped() -> None:
    evil = html.escape("<script>CKA</script> & λ")
    text = marked(evil)
    assert "<script>" not in text and "&lt;script&gt;" in text and text.count("data-term") == 2
    heading = metric_heading("cka.conv1", "<b>")
    assert "<b>" not in heading and 'data-term="cka"' in heading
    assert metric_heading("no such figure", "<b>") == "&lt;b&gt;"


def test_a_marked_term_can_be_reached_by_keyboard() -> None:
    assert 'tabindex="0"' in marked("CKA") and 'role="button"' in marked("CKA")
    assert all(term.key == html.escape(term.key, quote=True) for term in glossary().values())
