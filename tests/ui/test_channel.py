"""The line from the lab to an open page: what is sent, to whom, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from ui import channel
from ui.channel import FAILED, SIGN_OF_LIFE, UNKNOWN, Channel, Switchboard

PATIENCE_SECONDS = 60.0


class Browser:
    """Stands in for the WebSocket of a browser. takes: cleared while it takes nothing."""

    def __init__(self, name: str) -> None:
        self.path_params = {"channel": name}
        self.heard: list[str] = []
        self.closed: int | None = None
        self.takes = asyncio.Event()
        self.takes.set()
        self._gone = asyncio.Event()

    async def accept(self) -> None:
        pass

    async def receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "websocket.disconnect"}

    async def send_text(self, text: str) -> None:
        await self.takes.wait()
        if self._gone.is_set():
            raise WebSocketDisconnect
        self.heard.append(text)

    async def close(self, code: int) -> None:
        self.closed = code
        self.leave()

    def leave(self) -> None:
        self._gone.set()

    @property
    def words(self) -> list[str]:
        return [text for text in self.heard if text != SIGN_OF_LIFE]


@pytest.fixture
def switchboard(monkeypatch: pytest.MonkeyPatch) -> Switchboard:
    board = Switchboard()
    monkeypatch.setattr(channel, "_SWITCHBOARD", board)
    monkeypatch.setattr(channel, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(channel, "SIGN_OF_LIFE_SECONDS", 0.05)
    return board


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scene(), PATIENCE_SECONDS)

    with ThreadPoolExecutor(1) as alone:  # where a browser is driven, this thread has a loop already
        alone.submit(lambda: asyncio.run(bounded())).result()


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.001)


def test_a_browser_hears_what_is_new_and_each_thing_once(switchboard: Switchboard) -> None:
    async def scene() -> None:
        news = {"loss": "a", "look": ""}
        page = Channel(lambda: dict(news))
        browser = Browser(page.name)
        serving = asyncio.create_task(switchboard.serve(browser))
        await until(lambda: browser.words)
        signs = browser.heard.count(SIGN_OF_LIFE)
        await until(lambda: browser.heard.count(SIGN_OF_LIFE) >= signs + 2)
        assert browser.words == ["a"], "what stays as it is is not sent again, only a sign of life"
        news.update(loss="b", look="!")
        await until(lambda: len(browser.words) == 3)
        news.update(look="")
        await until(lambda: browser.heard.count(SIGN_OF_LIFE) >= 4)
        news.update(look="!")
        await until(lambda: len(browser.words) == 4)
        assert (browser.words[0], sorted(browser.words[1:3]), browser.words[3]) == ("a", ["!", "b"], "!")
        browser.leave()
        await serving

    play(scene)


def test_everybody_hears_everything_and_the_looking_ends_with_the_last(switchboard: Switchboard) -> None:
    async def scene() -> None:
        looks: list[int] = []
        page = Channel(lambda: looks.append(1) or {"loss": "a"})
        others = [Channel(lambda: {"loss": "a"}) for _ in range(20)]
        browsers = [Browser(one.name) for one in (page, *others)]
        serving = [asyncio.create_task(switchboard.serve(browser)) for browser in browsers]
        await until(lambda: all(browser.words == ["a"] for browser in browsers))
        for browser in browsers:
            browser.leave()
        await asyncio.gather(*serving)
        assert switchboard._looking is not None
        await switchboard._looking  # it ends, after a look that may be under way
        looked = len(looks)
        await asyncio.sleep(0.05)
        assert len(looks) == looked

    play(scene)


def test_nobody_listens_to_a_page_that_is_not_known_or_has_gone(switchboard: Switchboard) -> None:
    async def scene() -> None:
        stranger = Browser("guessed")
        serving = asyncio.create_task(switchboard.serve(stranger))
        await until(lambda: stranger.closed is not None)
        await serving
        assert (stranger.closed, stranger.heard) == (UNKNOWN, [])

        page = Channel(lambda: {"loss": "a"})
        browser = Browser(page.name)
        serving = asyncio.create_task(switchboard.serve(browser))
        await until(lambda: browser.words == ["a"])
        del page  # its session ended
        await serving
        assert browser.closed == UNKNOWN

    play(scene)


def test_of_two_that_ask_for_one_page_the_last_listens(switchboard: Switchboard) -> None:
    async def scene() -> None:
        page = Channel(lambda: {"loss": "a"})
        first, second = Browser(page.name), Browser(page.name)
        one = asyncio.create_task(switchboard.serve(first))
        await until(lambda: first.words)
        two = asyncio.create_task(switchboard.serve(second))
        await one
        await until(lambda: second.words == ["a"])
        assert (first.closed, second.closed) == (UNKNOWN, None)
        second.leave()
        await two

    play(scene)


def test_a_slow_browser_is_sent_the_newest_alone(switchboard: Switchboard) -> None:
    async def scene() -> None:
        count = iter(range(10**9))
        page = Channel(lambda: {"loss": str(next(count))})
        slow = Browser(page.name)
        slow.takes.clear()
        serving = asyncio.create_task(switchboard.serve(slow))
        await until(lambda: next(count) > 100)
        slow.takes.set()
        await until(lambda: len(slow.words) >= 2)
        assert int(slow.words[1]) > 50, "what came between was passed over"
        slow.leave()
        await serving

    play(scene)


def test_what_goes_wrong_with_one_page_is_no_other_ones_business(
    switchboard: Switchboard, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> dict[str, str]:
        raise ArithmeticError("a chart that cannot be drawn")

    async def scene() -> None:
        bad, good = Channel(fail), Channel(lambda: {"loss": "a"})
        first, second = Browser(bad.name), Browser(good.name)
        serving = [asyncio.create_task(switchboard.serve(browser)) for browser in (first, second)]
        await until(lambda: first.closed is not None and second.words == ["a"])
        assert (first.closed, second.closed) == (FAILED, None)
        second.leave()
        await asyncio.gather(*serving)

    play(scene)
    assert "a chart that cannot be drawn" in caplog.text


def test_names_cannot_be_guessed_and_differ(switchboard: Switchboard) -> None:
    names = {Channel(dict).name for _ in range(100)}
    assert len(names) == 100 and min(map(len, names)) >= 32
