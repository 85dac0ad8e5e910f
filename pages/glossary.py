"""The glossary: every term and symbol of the pages."""

from __future__ import annotations

import html
import re
from itertools import groupby

import streamlit as st

from tlcore.glossary import Term, glossary
from ui.page import card, page_header

SUBSCRIPT = re.compile(r"_(\w+)")
STYLE = """
.tl-glossary h3{font-size:1rem;margin:0;padding:0}
.tl-glossary article{padding:10px 12px;border-radius:10px;scroll-margin-top:70px}
.tl-glossary article.on{background:color-mix(in srgb,var(--tl-label) 10%,transparent)}
.tl-glossary p{margin:.2rem 0;max-width:80ch}
.tl-glossary dl{display:grid;grid-template-columns:max-content 1fr;gap:1px 14px;margin:.2rem 0 .3rem}
.tl-glossary dt{font-family:Georgia,serif;font-style:italic}
.tl-glossary dd{margin:0;color:var(--tl-soft)}
.tl-glossary small,.tl-glossary small a{color:var(--tl-soft)}
"""


def main() -> None:
    """Draw the terms that the address asks for."""
    page_header("Glossary", "Every term and symbol of these pages, in one plain sentence each.")
    st.html(f"<style>{STYLE}</style>")
    asked = glossary().get(st.query_params.get("term", ""))
    text = st.text_input(
        "Search", st.query_params.get("q", ""), placeholder="A word or a symbol, such as distance or λ",
        icon=":material/search:", label_visibility="collapsed", max_chars=80, key="glossary-text",
    )  # fmt: skip
    found = [term for term in glossary().values() if term.matches(text)]
    if text:
        st.query_params.from_dict({"q": text})
    elif asked is None:
        st.query_params.clear()
    if not found:
        st.caption("No term has these words. Try fewer letters.")
        return
    if asked is not None and not text:
        with card("glossary-asked"):
            entries([asked], marked_one=asked)
            if st.button("Show all terms", key="glossary-all"):
                st.query_params.clear()
                st.rerun()
        found = [term for term in found if term.group == asked.group and term is not asked]
    for group, terms in groupby(found, key=lambda term: term.group):
        st.subheader(group, anchor=False)
        entries(list(terms))


def entries(terms: list[Term], marked_one: Term | None = None) -> None:
    """Terms one below the other."""
    st.html(f'<div class="tl-glossary">{"".join(entry(term, term is marked_one) for term in terms)}</div>')


def written(formula: str) -> str:
    """A formula as HTML: what follows an underscore stands lower."""
    return SUBSCRIPT.sub(r"<sub>\1</sub>", html.escape(formula))


def entry(term: Term, on: bool = False) -> str:
    """One term as HTML, with its own address."""
    formula = ""
    if term.formula:
        meanings = "".join(
            f"<dt>{written(symbol)}</dt><dd>{html.escape(meaning)}</dd>" for symbol, meaning in term.symbols.items()
        )
        formula = f'<p class="tl-formula">{written(term.formula)}</p><dl>{meanings}</dl>'
    source = f"{html.escape(term.source)} · " if term.source else ""
    return (
        f'<article{" class=on" if on else ""} id="{term.key}"><h3>{html.escape(term.name)}</h3>'
        f"<p>{html.escape(term.sentence)}</p>{formula}"
        f'<small>{source}<a href="glossary?term={term.key}" target="_self">link to this</a></small></article>'
    )


main()
