"""What happens before a page is drawn: a hosted lab learns who comes, and follows the link that they came by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st

from tlcore.errors import LabError
from tlcore.runs.service import DRAINING, Service
from ui.library import hosted_executor, lab
from ui.visitor import keep_pass

SHARE = "share"
NO_SUCH_LINK = "This link shows nothing: it was taken back, or it is not complete."
_SAID = "_entrance_said"


@contextlib.contextmanager
def entrance() -> Iterator[None]:
    """Draw a page within this. A person who may not see it, or a lab that cannot say who comes, gets a sentence."""
    try:
        _receive()
        yield
    except LabError as error:
        st.error(str(error))


def _receive() -> None:
    executor = hosted_executor()
    if executor is None:
        return
    executor.store.note_visit()
    keep_pass()
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
