"""Links by which a visitor of a hosted lab shows runs to others; in a lab of one's own there are none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import streamlit as st

from tlcore.errors import LabError
from ui.entrance import SHARE
from ui.library import hosted_executor
from ui.page import card_header

_MADE, _TROUBLE = "_share_made", "_share_trouble"


def share_popover(run_ids: Sequence[str]) -> None:
    """A button that makes a link to these runs, and shows it."""
    executor = hosted_executor()
    if executor is None:
        return
    own = [run_id for run_id in run_ids if executor.store.owns(run_id)]
    with st.popover("Share", icon=":material/link:", key="share", disabled=not own,
                    help=None if own else "Only runs of your own can be shared."):  # fmt: skip
        st.write("Whoever has the link sees these runs; nobody else does. You can take it back at any time.")
        st.button("Make a link", key="share-make", on_click=_make, args=(tuple(own),), type="primary")
        made = st.session_state.get(_MADE)
        if made is not None and made[0] == tuple(own):
            st.code(address_of(made[1]), language=None, wrap_lines=True)
        trouble = st.session_state.pop(_TROUBLE, None)
        if trouble:
            st.error(trouble)


def _make(run_ids: tuple[str, ...]) -> None:
    executor = hosted_executor()
    if executor is None:
        return
    try:
        st.session_state[_MADE] = (run_ids, executor.store.share(run_ids))
    except LabError as error:
        st.session_state[_TROUBLE] = str(error)


def address_of(token: str) -> str:
    """The address that shows what a link shares."""
    here = urlsplit(str(st.context.url or ""))
    return f"{here.scheme or 'http'}://{here.netloc}{here.path.rsplit('/', 1)[0]}/runs?{SHARE}={token}"


def has_links() -> bool:
    """Whether whoever looks has made links."""
    executor = hosted_executor()
    return executor is not None and bool(executor.store.shares())


def shared_links() -> None:
    """The links whoever looks has made, each with a button that takes it back."""
    executor = hosted_executor()
    if executor is None:
        return
    shares = executor.store.shares()
    card_header("Your links", f"{len(shares)}")
    for share in shares:
        made = datetime.fromtimestamp(share.created, UTC)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.code(address_of(share.token), language=None, wrap_lines=True)
            count = len(share.runs)
            st.caption(f"{count} run{'s' * (count != 1)}, {made.day} {made:%B %H:%M} UTC", width="content")
            st.button("Take back", key=f"unshare-{share.token}", on_click=executor.store.unshare, args=(share.token,))
