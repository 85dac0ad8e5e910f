"""The map: the four quadrants of transfer learning, where to begin, and what is running."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.home_choice import home_choice
from ui.home_map import home_map
from ui.home_now import home_now
from ui.page import card, page_header

PAGES = Path(__file__).parent


def main() -> None:
    """Draw the map first: it moves while the rest is still being drawn."""
    page_header(
        "Transfer learning, on one map",
        "What was learned on a **source** helps on a **target**. Which method fits depends on what is labelled.",
        tour="home",
    )
    clicked = home_map(sorted(path.stem for path in PAGES.glob("*.py")))
    if clicked is not None:
        st.switch_page(PAGES / f"{clicked.page}.py", query_params={"preset": clicked.preset.partition("/")[2]})
    with card("home-choice"):
        home_choice()
    with card("home-now"):
        home_now()


main()
