"""What is chosen before anybody has chosen."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from ui.choices import first_until_chosen
options = st.session_state.setdefault("options", ["second"])
st.selectbox("Which", options, key="which", on_change=first_until_chosen("which", options))
"""


def after(page: AppTest, options: list[str]) -> str:
    page.session_state["options"] = options
    page.run()
    assert not page.exception
    return page.selectbox[0].value


def test_the_best_is_shown_as_it_comes_until_somebody_chooses() -> None:
    page = AppTest.from_string(SCRIPT, default_timeout=60).run()
    assert page.selectbox[0].value == "second"
    assert after(page, ["first", "second"]) == "first"
    page.selectbox[0].select("second").run()
    assert after(page, ["even better", "first", "second"]) == "second"
    assert after(page, ["even better", "first"]) == "even better", "what was chosen is there no longer"
    assert after(page, ["the best", "even better", "first"]) == "the best", "so nobody has chosen"
