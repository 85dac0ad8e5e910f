"""What happens before a page is drawn: a hosted lab learns who comes, and follows the link that they came by."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from tlcore.errors import LabError
from tlcore.runs.service import DRAINING, Service
from ui.library import hosted_executor, lab
from ui.signing_in import return_after_signing_in, signed_in_as
from ui.visitor import hosted, is_owner, keep_pass

SHARE = "share"
OWNER_PAGE = "owner"
NO_SUCH_LINK = "This link shows nothing: it was taken back, or it is not complete."
_SAID = "_entrance_said"


def shows_owner_page() -> bool:
    """Whether the owner's page stands in the navigation. It is there for everybody, but has nothing for others."""
    try:
        return hosted() is not None and is_owner()
    except LabError:  # said where the page is drawn
        return False


def enter(draw: Callable[[], None]) -> None:
    """Draw a page. Whoever may not see it, or comes to a lab that cannot say who they are, gets a sentence instead."""
    try:
        _receive()
        draw()
    except LabError as error:
        st.error(str(error))


def _receive() -> None:
    executor = hosted_executor()
    if executor is None:
        return
    executor.store.note_visit()
    keep_pass()
    return_after_signing_in(executor.store)
    signed_in_as(executor.visitor)
    token = st.query_params.get(SHARE)
    if token is not None:
        runs = executor.store.open_share(token)
        st.query_params.pop(SHARE, None)  # the address is shown on screens, the secret should not be
        st.session_state[_SAID] = "" if runs else NO_SUCH_LINK
        if runs and "preset" not in st.query_params:
            st.query_params["run"] = runs
    sentence = st.session_state.pop(_SAID, "")
    if sentence:
        st.warning(sentence)
    if Service(lab().store.database).draining:
        st.info(DRAINING)
