"""“What do you have?”: a few questions that lead to the page and the preset to begin with."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from tlcore.presets import all_presets
from tlcore.presets.choice import Choice, Have, choose
from ui.page import card_header
from ui.runs_reach import page_of

YES_NO = {"yes": "yes", "no": "no"}
AMOUNTS = {"little": "a little", "plenty": "plenty"}


def home_choice() -> None:
    """Draw the questions and the answer; what was answered is in the address."""
    card_header("What do you have?", "four questions, one place to begin")
    with st.container(horizontal=True, gap="medium", key="home-questions"):
        source = _question("Labels in the source?", "source", YES_NO) == "yes"
        target = _question("Labels in the target?", "target", YES_NO, "no") == "yes"
        what = "How much is labelled there?" if target else "How much of the target?"
        plenty = _question(what, "amount", AMOUNTS, "plenty") == "plenty"
        same = _question(
            "The same classes in both?", "classes", YES_NO, disabled=not source,
            help=None if source else "Without labels the source has no classes.",
        ) == "yes"  # fmt: skip
    _answer(choose(Have(source, target, plenty, same)))


def _question(
    label: str,
    name: str,
    answers: Mapping[str, str],
    default: str = "yes",
    *,
    disabled: bool = False,
    help: str | None = None,
) -> str:
    given = st.segmented_control(
        label, list(answers), default=default, required=True, format_func=answers.__getitem__, key=name,
        bind="query-params", disabled=disabled, help=help,
    )  # fmt: skip
    return given or default


def _answer(choice: Choice) -> None:
    preset = all_presets()[choice.preset]
    st.markdown(choice.reason)
    page = page_of(preset)
    if page is not None:
        st.page_link(page, label=preset.title, icon=":material/arrow_forward:", query_params={"preset": preset.name})
