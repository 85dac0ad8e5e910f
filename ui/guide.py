"""What accompanies a page: its guided tour, and the explanations of the terms that are marked on it."""

from __future__ import annotations

import html
from typing import Any

import streamlit as st

from tlcore.glossary import glossary
from tlcore.presets import presets_of
from ui.components import mount
from ui.terms import marked
from ui.tours import ADDRESS, Tour, tours

GLOSSARY_PAGE = "glossary"


def guide(tour: str | None = None) -> None:
    """Have the terms of this page explained, and offer its tour where it has one."""
    found = tours().get(tour or "")
    st.fragment(_guide)(None if found is None else found.on(_preset(found.name)))


def _preset(page: str) -> str:
    """The preset that a page shows: the one that its address names if there is such a one, else its first."""
    known = [preset.name for preset in presets_of(page.replace("_", "-"))]
    asked = str(st.query_params.get("preset", ""))
    return asked if asked in known or not known else known[0]


def _guide(tour: Tour | None) -> None:
    key = f"guide-{tour.name if tour else ''}"
    wanted = st.query_params.get(ADDRESS) == "1"

    def opened() -> None:
        if (st.session_state.get(key) or {}).get("open"):
            st.query_params[ADDRESS] = "1"
        else:
            st.query_params.pop(ADDRESS, None)

    mount(
        "guide",
        script="guide.js",
        style="guide.css",
        # The card and the explanations stand over the page and wear its colours.
        isolate_styles=False,
        key=key,
        width="content",
        height="content",
        data={
            "tour": None if tour is None else _shown(tour),
            "open": wanted,
            "terms": _terms(),
            "glossary": GLOSSARY_PAGE,
        },
        on_open_change=opened,
    )


def _shown(tour: Tour) -> dict[str, Any]:
    steps = [
        {"title": step.title, "text": marked(html.escape(step.text)), "at": step.at, step.condition: step.where}
        for step in tour.steps
    ]
    return {"name": tour.name, "title": tour.title, "steps": steps}


@st.cache_data(show_spinner=False)
def _terms() -> dict[str, dict[str, Any]]:
    """What the browser needs of the glossary."""
    return {
        key: {
            "name": term.name, "sentence": term.sentence, "formula": term.formula, "symbols": dict(term.symbols),
            "source": term.source,
        }
        for key, term in glossary().items()
    }  # fmt: skip
