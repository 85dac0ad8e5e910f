"""This server: what the owner of a hosted lab sees and steers."""

from __future__ import annotations

import streamlit as st

from ui.owner_panels import disk_panel, failures_panel, limits_panel, said, state_panel
from ui.page import card, page_header
from ui.visitor import claim_ownership, give_up_ownership, has_owner_key, hosted, is_owner

NOT_FOR_YOU = "This page is for the owner of this server."


def main() -> None:
    """Draw the page for the owner; everybody else may only show that they are."""
    page_header("This server", "Who trains, who waits, what failed, and how much room is left.")
    if hosted() is None:
        st.info("This lab is your own: there is nobody else to look after. TLCORE_HOSTED=1 makes it a hosted one.")
    elif is_owner():
        draw()
    else:
        ask_for_key()


def draw() -> None:
    """Everything there is to see and to steer."""
    said()
    state_panel()
    with card("owner-disk"):
        disk_panel()
    with card("owner-failures"):
        failures_panel()
    with card("owner-limits"):
        limits_panel()
    if has_owner_key():
        st.button("Be an ordinary visitor again", on_click=give_up_ownership, key="owner-leave")


def ask_for_key() -> None:
    """A form for the owner's key."""
    st.info(NOT_FOR_YOU)
    with st.form("owner-key-form", width=420):
        text = st.text_input("Owner's key", type="password", max_chars=200, key="owner-key",
                             help="`python -m tlcore hosting --owner-key` prints it on the server; "
                                  "or the one whose mark the server was given.")  # fmt: skip
        sent = st.form_submit_button("Open")
    if sent:
        if claim_ownership(text or ""):
            st.rerun()
        st.error("That is not the key.")


main()
