"""Downloads whose file is made when someone clicks, and that answer a click at any moment.

Streamlit gives such a button a new number whenever it is drawn, and forgets the old one as soon as any page of the
server has been drawn; a click on a button that is drawn anew at that moment then fails, and on a page that follows
training there is always such a moment. So the last numbers of every button are kept here as long as their page is open,
and a file that was made is held until the browser has had time to fetch it. Some stay on a page for hours and see a
hundred runs there: buttons that were not drawn for long are forgotten.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import SCRIPT_RUN_CONTEXT_ATTR_NAME

from tlcore.errors import LabError
from ui.visitor import for_whoever_looks

NUMBERS_KEPT = 20  # of one button: those of its last drawings
BUTTONS_KEPT = 100  # of one session: those drawn last; no page has as many
HELD_SECONDS = 120.0  # a file that was made; a browser fetches it at once
_TROUBLE = "_download_trouble"

Make = Callable[[], bytes]


@dataclass
class _Trouble:
    """Why the last download failed; written by a thread without a session, read when the page is drawn next."""

    text: str | None = None


def download(
    label: str, make: Make, file_name: str, *, mime: str = "application/octet-stream", key: str,
    help_text: str | None = None, icon: str | None = None,
) -> None:  # fmt: skip
    """A button that gives a file. make: makes it, called at the click in a thread without a page.

    A LabError of `make` is said by `download_trouble` when the page is drawn next.
    """
    if runtime.exists():
        _patient(runtime.get_instance().media_file_mgr)
    st.download_button(
        label, for_whoever_looks(partial(_made, _trouble(), make)), file_name, mime, on_click="ignore", key=key,
        help=help_text, icon=icon,
    )  # fmt: skip


def download_trouble() -> str | None:
    """Why the last download of this page could not be made: Streamlit says only that it failed. Told once."""
    trouble = _trouble()
    text, trouble.text = trouble.text, None
    return f"The last download could not be made: {text}" if text else None


def _trouble() -> _Trouble:
    found: _Trouble = st.session_state.setdefault(_TROUBLE, _Trouble())
    return found


def _made(trouble: _Trouble, make: Make) -> bytes:
    try:
        return make()
    except LabError as error:
        trouble.text = str(error)
        raise


@dataclass
class _Kept:
    """What one number of a button stands for."""

    make: Make
    mime: str
    file_name: str | None


@dataclass
class Patience:
    """The numbers of the buttons of all open pages, and the files that were made a moment ago.

    manager: keeps the files of the server, Streamlit's `MediaFileManager`; `add_deferred` and `execute_deferred` are
    the two of its methods that stand behind a button with a function.
    """

    manager: Any
    _add: Callable[..., str] = field(init=False)
    _execute: Callable[[str], str] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _numbers: dict[str, dict[str, deque[str]]] = field(default_factory=dict)  # by session and button
    _held: deque[tuple[float, str]] = field(default_factory=deque)
    _names: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self._add, self._execute = self.manager.add_deferred, self.manager.execute_deferred

    def add(
        self, make: Make, mimetype: str | None, coordinates: str, file_name: str | None = None, **others: Any
    ) -> str:  # fmt: skip
        """A number for a button that is being drawn, as `MediaFileManager.add_deferred` gives it."""
        number = self._add(make, mimetype, coordinates, file_name, **others)
        context = get_script_run_ctx(suppress_warning=True)
        session = context.session_id if context is not None else ""
        with self._lock:
            if session not in self._numbers:
                self._forget_the_gone()
            buttons = self._numbers.setdefault(session, {})
            button = others.get("element_id") or coordinates
            buttons[button] = numbers = buttons.pop(button, deque())  # the one that was drawn last stands last
            numbers.append(number)
            self._kept[number] = _Kept(make, mimetype or "application/octet-stream", file_name)
            while len(numbers) > NUMBERS_KEPT:
                del self._kept[numbers.popleft()]
            while len(buttons) > BUTTONS_KEPT:
                self._forget(buttons.pop(next(iter(buttons))))
        self._let_go()
        return number

    def execute(self, number: str) -> str:
        """The address of the file of a button that was clicked, as `MediaFileManager.execute_deferred` gives it."""
        with self._lock:
            kept = self._kept.get(number)
        if kept is None:
            return self._execute(number)
        content = kept.make()
        self._let_go()
        with self._lock:
            holder = f"download-{next(self._names)}"
            self._held.append((time.monotonic(), holder))
        with _as_session(holder):  # no page lets go of what this one holds
            url: str = self.manager.add(content, kept.mime, holder, kept.file_name, is_for_static_download=True)
        return url

    def _let_go(self) -> None:
        """Let go of files that have been fetched by now."""
        gone = []
        with self._lock:
            while self._held and time.monotonic() - self._held[0][0] > HELD_SECONDS:
                gone.append(self._held.popleft()[1])
        for holder in gone:
            self.manager.clear_session_refs(holder)

    def _forget_the_gone(self) -> None:
        """Forget the buttons of pages that are closed."""
        for session in [name for name in self._numbers if not runtime.get_instance().is_active_session(name)]:
            for numbers in self._numbers.pop(session).values():
                self._forget(numbers)

    def _forget(self, numbers: Iterable[str]) -> None:
        for number in numbers:
            del self._kept[number]


@dataclass(frozen=True)
class _Holder:
    """Stands in for the page of a session: all that the manager of files asks of it is its name."""

    session_id: str


@contextmanager
def _as_session(name: str) -> Iterator[None]:
    thread = threading.current_thread()
    before = getattr(thread, SCRIPT_RUN_CONTEXT_ATTR_NAME, None)
    setattr(thread, SCRIPT_RUN_CONTEXT_ATTR_NAME, _Holder(name))
    try:
        yield
    finally:
        setattr(thread, SCRIPT_RUN_CONTEXT_ATTR_NAME, before)


_PATIENT: weakref.WeakSet[Any] = weakref.WeakSet()
_LOCK = threading.Lock()


def _patient(manager: Any) -> None:
    """Let a manager of files be patient from now on."""
    with _LOCK:
        if manager not in _PATIENT:
            _PATIENT.add(manager)
            patience = Patience(manager)
            manager.add_deferred, manager.execute_deferred = patience.add, patience.execute
