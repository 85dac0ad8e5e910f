"""Who looks at a page of a hosted lab: the same visitor after a reload and a reconnect, whatever the address says.

A browser keeps a signed pass in a cookie. Streamlit reads cookies but sets none, so a small component puts it there;
until then the session knows who it is. Whoever signs in is the same visitor in every browser.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tlcore.errors import LabError
from tlcore.execution.hosting import hosting, owner_key_mark
from tlcore.execution.logs import short
from tlcore.runs import default_store
from tlcore.runs.identity import (
    has_owner_mark,
    is_kept_mark,
    is_owner_key,
    new_pass,
    owner_mark,
    signing_key,
    visitor_of_login,
    visitor_of_pass,
)
from tlcore.runs.service import OWNER, Service
from tlcore.runs.store import Store
from tlcore.runs.visitors import Visitor
from tlcore.specs.hosting import Hosting
from ui.components import mount

LOGGER = logging.getLogger("tlcore.owner")
COOKIE = "tlcore_visitor"
_PASS, _REFUSED = "_visitor_pass", "_visitor_refused"
_NOBODY = "Reload the page: this server does not know who you are."
_acting: ContextVar[Visitor | None] = ContextVar("acting", default=None)


def hosted() -> Hosting | None:
    """What is set about hosting, or None where the lab is one person's own. Raises InvalidRequest."""
    return hosting(default_store())


def visitor() -> Visitor | None:
    """Who looks, or None where the lab is not hosted.

    Raises:
        LabError: the lab is hosted and nobody can be told: nothing may be shown then.
    """
    settings = hosted()
    if settings is None:
        return None
    acting = _acting.get()
    if acting is not None:
        return acting
    if get_script_run_ctx() is None:
        raise LabError(_NOBODY)
    address = signed_in_address()
    key = _key(default_store())
    login = _login()
    identity = visitor_of_login(*login, key) if login is not None else visitor_of_pass(_pass(key), key)
    if identity is None:
        raise LabError(_NOBODY)
    role = "owner" if _has_owner_key(identity, key) else settings.people.role(address)
    return Visitor(identity, role, address or None)


@contextlib.contextmanager
def acting_as(who: Visitor | None) -> Iterator[None]:
    """What is done within is done for this visitor: for threads, which have no page of their own."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


def is_owner() -> bool:
    """Whether whoever looks may do what only an owner may: in a lab that is not hosted, everybody."""
    who = visitor()
    return who is None or who.role == "owner"


def for_whoever_looks(work: Callable[..., Any]) -> Callable[..., Any]:
    """The same work, to be done later by a thread without a page, for the visitor who looks now."""
    who = visitor()

    def act(*arguments: Any) -> Any:
        with acting_as(who):
            return work(*arguments)

    return act


def scope() -> str:
    """What tells the work of one visitor from that of others; the same for everybody where a lab is not hosted."""
    who = visitor()
    return who.id if who is not None else ""


# The pass -------------------------------------------------------------------------------------------------------------


def _pass(key: bytes) -> str:
    """The pass of this session: of its cookie if that is genuine, else a new one."""
    if _PASS not in st.session_state:
        kept = st.context.cookies.get(COOKIE)
        genuine = visitor_of_pass(kept, key) is not None
        st.session_state[_PASS] = kept if genuine else new_pass(key)
        if kept and not genuine:
            st.session_state[_REFUSED] = kept
    given: str = st.session_state[_PASS]
    return given


def keep_pass() -> None:
    """Have the browser keep the pass; where the lab is not hosted, or somebody has signed in, nothing."""
    if hosted() is None or _login() is not None or st.context.cookies.get(COOKIE) == st.session_state.get(_PASS):
        return
    with st.container(key="visitor-pass"):
        mount(
            "visitor", script="visitor.js", style="visitor.css", key="visitor",
            data={"name": COOKIE, "pass": own_pass(), "refused": st.session_state.get(_REFUSED)},
            on_brought_change=_brought,
        )  # fmt: skip


def _brought() -> None:
    """The browser has a pass already: it is this visitor's if it is genuine, and put out of use if not."""
    kept: Any = (st.session_state.get("visitor") or {}).get("brought")
    if visitor_of_pass(kept, _key(default_store())) is not None:
        st.session_state[_PASS] = kept
    elif isinstance(kept, str):
        st.session_state[_REFUSED] = kept


def own_pass() -> str:
    """The pass of this browser, also of somebody who has signed in."""
    return _pass(_key(default_store()))


def stranger_of_this_browser() -> Visitor | None:
    """Who somebody is in this browser who has not signed in."""
    identity = visitor_of_pass(own_pass(), _key(default_store()))
    return Visitor(identity) if identity is not None else None


@lru_cache(maxsize=8)
def _key(folder: Path) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    return signing_key(folder)


# The login ------------------------------------------------------------------------------------------------------------


def can_sign_in() -> bool:
    """Whether the server has a login, by the section `auth` of Streamlit's secrets."""
    try:
        return "auth" in st.secrets
    except (FileNotFoundError, st.errors.StreamlitAPIException):
        return False


def _login() -> tuple[str, str] | None:
    """Issuer and subject of the login, which an address is not: that may be given to somebody else."""
    if not can_sign_in() or not getattr(st.user, "is_logged_in", False):
        return None
    issuer, subject = st.user.get("iss"), st.user.get("sub")
    return (str(issuer), str(subject)) if issuer and subject else None


def is_signed_in() -> bool:
    """Whether somebody has signed in, with an address that is verified or not."""
    return _login() is not None


def signed_in_address() -> str | None:
    """The address of the login: empty unless whoever issued it says that it is verified; None for a stranger."""
    if _login() is None:
        return None
    address = st.user.get("email")
    return str(address) if address and st.user.get("email_verified") is True else ""


# The owner ------------------------------------------------------------------------------------------------------------


def claim_ownership(text: str) -> bool:
    """Make whoever looks the owner if they know the owner's key, the server's own or the one whose mark it was given;
    returns whether they do."""
    who, key, mark = visitor(), _key(default_store()), owner_key_mark()
    if who is None:
        return False
    by_servers, by_mark = is_owner_key(text, key), mark is not None and has_owner_mark(text, mark)
    about = {"visitor": short(who.id)}
    if not (by_servers or by_mark):
        LOGGER.warning("a wrong owner's key", extra=about)
        return False
    _service().put(f"{OWNER}{who.id}", owner_mark(who.id, key, "" if by_servers else mark or ""))
    LOGGER.info("a visitor has become the owner by the key", extra=about)
    return True


def give_up_ownership() -> None:
    """Make whoever looks an ordinary visitor again, unless their login makes them the owner."""
    who = visitor()
    if who is not None:
        _service().put(f"{OWNER}{who.id}", None)
        LOGGER.info("an owner is an ordinary visitor again", extra={"visitor": short(who.id)})


def has_owner_key() -> bool:
    """Whether whoever looks is the owner because they know the key, not by their login."""
    who = visitor()
    return who is not None and _has_owner_key(who.id, _key(default_store()))


def _has_owner_key(identity: str, key: bytes) -> bool:
    return is_kept_mark(_service().get(f"{OWNER}{identity}"), identity, key, owner_key_mark())


@st.cache_resource(show_spinner=False)
def _service() -> Service:
    return Service(Store().database)
