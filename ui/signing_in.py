"""Signing in and out, in the sidebar of a hosted lab: the way back to the page, and what was made as a stranger."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from tlcore.execution.admission import VIEWERS_ONLY
from tlcore.runs.visitors import Visitor, VisitorStore
from ui.data_pieces import plain_label
from ui.visitor import can_sign_in, is_signed_in, own_pass, stranger_of_this_browser

PAGES = Path(__file__).resolve().parents[1] / "pages"
UNVERIFIED = "Signed in, with an address that whoever signed you in does not call verified: it gives no rights here."
KEPT_SECONDS = 900
KEPT_PLACES = 1000
_ASKED = "_signed_in_back"
_BROUGHT = "_signed_in_brought"


@dataclass(frozen=True)
class Place:
    """A page and its address. page: as its file is called."""

    page: str
    query: Mapping[str, list[str]]

    @property
    def script(self) -> Path | None:
        """The page's file, if there is such a page."""
        found = {path.stem: path for path in PAGES.glob("*.py")}
        return found.get(self.page)


class Places:
    """Where people were when they went to sign in, by the pass of their browser; for a while, and not too many."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Place]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, given: str, place: Place) -> None:
        """Remember the place of this browser."""
        with self._lock:
            self._kept.pop(given, None)
            self._kept[given] = (time.monotonic(), place)
            while len(self._kept) > KEPT_PLACES:
                self._kept.popitem(last=False)

    def take(self, given: str) -> Place | None:
        """The place of this browser, once."""
        with self._lock:
            since, place = self._kept.pop(given, (0.0, None))
        return place if time.monotonic() - since < KEPT_SECONDS else None


@st.cache_resource(show_spinner=False)
def places() -> Places:
    """Those of this server."""
    return Places()


def sign_in() -> None:
    """Go to whoever signs people in; they come back to the home page of a new session, whatever page they were on."""
    page = urlsplit(st.context.url or "").path.rpartition("/")[2]
    places().keep(own_pass(), Place(page, {name: st.query_params.get_all(name) for name in st.query_params}))
    st.login()


def return_after_signing_in(store: VisitorStore) -> None:
    """Give somebody who has just signed in what they made as a stranger, and lead them back to the page they were on.

    Only where this very browser asked to sign in: what a stranger made here is not for whoever comes with a login.
    """
    if st.session_state.get(_ASKED) or not is_signed_in():
        return
    st.session_state[_ASKED] = True
    place = places().take(own_pass())
    if place is None:
        return
    stranger = stranger_of_this_browser()
    if stranger is not None:
        st.session_state[_BROUGHT] = store.take_over(stranger)
    if place.script is not None:
        st.switch_page(place.script, query_params=place.query)


def signed_in_as(who: Visitor) -> None:
    """In the sidebar: who is signed in, and what that allows."""
    with st.sidebar:
        if is_signed_in():
            st.caption(f"Signed in as {plain_label(who.name)}" if who.name is not None else UNVERIFIED)
            brought = st.session_state.get(_BROUGHT, 0)
            if brought:
                runs = "1 run" if brought == 1 else f"{brought:,} runs"
                st.caption(f"Taken along from before you signed in: {runs}.")
            st.button("Sign out", on_click=st.logout, key="sign-out", width="stretch")
        elif can_sign_in():
            st.button("Sign in", on_click=sign_in, key="sign-in", width="stretch", icon=":material/login:",
                      help="To keep your runs in every browser, and to do what only members may.")  # fmt: skip
        if not who.may_train:
            st.caption(VIEWERS_ONLY)
