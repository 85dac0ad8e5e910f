"""Choices that follow what is best until somebody chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st


def first_until_chosen(key: str, options: Sequence[object]) -> Callable[[], None]:
    """Let the widget with this key show the first option, also where a better one comes later, until somebody chooses.

    Streamlit keeps what a widget showed first: while runs end one after another that would be whichever ended first.
    Call it before the widget is drawn, and give the widget what it returns as `on_change`, and no default.
    """
    state, chosen = st.session_state, f"_{key}_chosen"
    if state.get(key) not in options or not state.get(chosen):
        state[key], state[chosen] = options[0], False
    return lambda: state.__setitem__(chosen, True)
