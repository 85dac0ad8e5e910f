"""A download answers a click at any moment, also on a button that has been drawn anew meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.testing.v1 import AppTest

from tlcore.errors import InvalidRequest
from ui import downloads
from ui.downloads import BUTTONS_KEPT, HELD_SECONDS, NUMBERS_KEPT, Patience

SCRIPT = """
import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from tests.ui.test_downloads import MADE, made
from ui.downloads import download, download_trouble

MADE["manager"], MADE["session"] = runtime.get_instance().media_file_mgr, get_script_run_ctx().session_id
st.caption(download_trouble() or "no trouble")
download("Take it", made, "it.bin", key="it")
"""
MADE: dict[str, Any] = {}


def made() -> bytes:
    if "refusal" in MADE:
        raise InvalidRequest(MADE["refusal"])
    return b"the file"


def shown() -> AppTest:
    MADE.clear()
    return AppTest.from_string(SCRIPT).run()


def number_of(test: AppTest) -> str:
    return test.get("download_button")[0].proto.deferred_file_id


def fetched(manager: MediaFileManager, url: str) -> bytes:
    found = manager.read_file(url.rpartition("/")[2].partition(".")[0])
    assert found is not None, "the file is gone before a browser could fetch it"
    return found.content


def other_pages_are_drawn(manager: MediaFileManager) -> None:
    for _ in range(3):
        manager.remove_orphaned_files()


def test_a_click_on_a_button_that_is_drawn_anew_gets_its_file() -> None:
    test = shown()
    manager, number = MADE["manager"], number_of(test)
    manager.clear_session_refs(MADE["session"])  # the page begins to be drawn anew …
    other_pages_are_drawn(manager)  # … and others end, before it has come to its button
    url = manager.execute_deferred(number)
    other_pages_are_drawn(manager)
    assert fetched(manager, url) == b"the file"
    assert fetched(manager, manager.execute_deferred(number)) == b"the file", "a second click"


def test_why_a_file_could_not_be_made_is_said_once() -> None:
    test = shown()
    MADE["refusal"] = "MP4 needs the program ffmpeg."
    with pytest.raises(InvalidRequest):
        MADE["manager"].execute_deferred(number_of(test))
    assert test.run().caption[0].value == "The last download could not be made: MP4 needs the program ffmpeg."
    assert test.run().caption[0].value == "no trouble"


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    class Sessions:
        open = frozenset({"a", "b"})

        def is_active_session(self, name: str) -> bool:
            return name in self.open

    patience = Patience(MediaFileManager(MemoryMediaFileStorage("/media")))
    monkeypatch.setattr(downloads.runtime, "get_instance", Sessions)
    return patience


def draw(patience: Patience, session: str, content: bytes, button: str = "it") -> str:
    with downloads._as_session(session):
        return patience.add(lambda: content, None, "1.2.3", "it.bin", element_id=button)


def test_the_last_numbers_of_a_button_are_kept_while_its_page_is_open(
    patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    numbers = [draw(patience, "a", b"a%d" % number) for number in range(NUMBERS_KEPT + 1)]
    beside = draw(patience, "b", b"b")
    patience.manager.clear_session_refs("a")
    other_pages_are_drawn(patience.manager)
    with pytest.raises(MediaFileStorageError):
        patience.execute(numbers[0])
    assert fetched(patience.manager, patience.execute(numbers[1])) == b"a1"
    monkeypatch.setattr(downloads.runtime.get_instance, "open", frozenset({"b", "c"}))
    draw(patience, "c", b"c")  # a new page: those that are closed are forgotten
    with pytest.raises(MediaFileStorageError):
        patience.execute(numbers[1])
    assert fetched(patience.manager, patience.execute(beside)) == b"b"


def test_whoever_stays_for_hours_keeps_the_buttons_drawn_last(patience: Patience) -> None:
    stays = draw(patience, "a", b"stays", "stays")
    first = draw(patience, "a", b"0", "0")
    for number in range(1, 3 * BUTTONS_KEPT):
        draw(patience, "a", b"other", str(number))
        stays = draw(patience, "a", b"stays", "stays")
    patience.manager.clear_session_refs("a")
    other_pages_are_drawn(patience.manager)
    assert fetched(patience.manager, patience.execute(stays)) == b"stays"
    with pytest.raises(MediaFileStorageError):
        patience.execute(first)
    assert len(patience._kept) == BUTTONS_KEPT - 1 + NUMBERS_KEPT


def test_a_file_is_let_go_after_a_while(patience: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(downloads.time, "monotonic", lambda: now[0])
    url = patience.execute(draw(patience, "a", b"a"))
    now[0] = HELD_SECONDS - 1
    draw(patience, "a", b"a")
    other_pages_are_drawn(patience.manager)
    assert fetched(patience.manager, url) == b"a"
    now[0] = HELD_SECONDS + 1
    draw(patience, "a", b"a")
    other_pages_are_drawn(patience.manager)
    assert patience.manager.read_file(url.rpartition("/")[2].partition(".")[0]) is None
