"""Data: the catalogue, what somebody brings, and pairs of domains."""

from __future__ import annotations

import streamlit as st

from tlcore.errors import LabError
from ui.background import lively
from ui.data_catalogue import catalogue_section
from ui.data_pieces import pieces_style, remember, said
from ui.domain_shift import pair_section
from ui.own_data import own_section
from ui.page import page_header

VIEWS = {"catalogue": "Catalogue", "yours": "Your own", "pair": "A pair"}
SECTIONS = {"catalogue": catalogue_section, "yours": own_section, "pair": pair_section}
BELONGS_TO = {  # parameters of the address that say something in one view alone
    "catalogue": ("q", "kind", "state", "classes", "set"),
    "yours": ("own",),
    "pair": ("source", "target", "shift", "strength"),
}


def main() -> None:
    """Draw the view that the address names."""
    page_header(
        "Data",
        "What there is to learn from: the field's data sets, your own pictures and features, and any two of them as "
        "**source** and **target**.",
        tour="data",
    )
    pieces_style()
    if "data-view" not in st.session_state:
        given = st.query_params.get("view", "catalogue")
        st.session_state["data-view"] = given if given in VIEWS else "catalogue"
    view = st.segmented_control(
        "View", list(VIEWS), format_func=VIEWS.__getitem__, required=True, key="data-view", persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip
    others = [name for other, names in BELONGS_TO.items() if other != view for name in names]
    remember(view=None if view == "catalogue" else view, **dict.fromkeys(others))
    try:
        lively(SECTIONS[view], view)
    except LabError as error:
        said(str(error), "error")


main()
