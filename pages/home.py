"""The map: the four quadrants of transfer learning, and where to begin."""

from __future__ import annotations

import html
from pathlib import Path

import streamlit as st

from ui.page import Quadrant, card, card_header, page_header, quadrant_glyph

# Each quadrant of the lecture: its name, its sentence, and the methods with the page that shows them.
MAP: dict[Quadrant, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "both labelled": (
        "Source and target labelled",
        "A network trained on much data is taught a new task with little.",
        (("Fine-tuning", "fine_tuning"), ("Layer transfer", "layer_transfer"), ("Multitask", "multitask")),
    ),
    "source labelled": (
        "Only the source labelled",
        "The target has pictures but no labels: make both look alike, or describe what was never shown.",
        (("Domain-adversarial training", "domain_adversarial"), ("Zero-shot learning", "zero_shot")),
    ),
    "target labelled": (
        "Only the target labelled",
        "Plenty of unlabelled source pictures teach what pictures are made of.",
        (("Self-taught learning", "self_taught"),),
    ),
    "none labelled": (
        "Neither labelled",
        "Clusters of the target become clearer with features learned elsewhere.",
        (("Self-taught clustering", "self_taught"),),
    ),
}
PAGES = Path(__file__).parent


def main() -> None:
    """Draw the four quadrants."""
    page_header(
        "Transfer learning, on one map",
        "What was learned on a **source** helps on a **target**. Which method fits depends on what is labelled.",
    )
    entries = list(MAP.items())
    for row in (entries[:2], entries[2:]):
        for column, (quadrant, (title, sentence, methods)) in zip(st.columns(2), row, strict=True):
            with column, card(f"quadrant-{quadrant.replace(' ', '-')}"):
                card_header(title)
                st.html(f"<p class='tl-words'>{quadrant_glyph(quadrant)} {html.escape(sentence)}</p>")
                for name, page in methods:
                    if (PAGES / f"{page}.py").is_file():
                        st.page_link(PAGES / f"{page}.py", label=name, icon=":material/arrow_forward:")
                    else:
                        st.caption(f"{name} is not in this version yet.")


main()
