"""A line from the lab to each open page, beside Streamlit's: what moves reaches the browser without a script run.

Streamlit sends to a page only what a script draws for it, which costs one processor some milliseconds for each viewer
and each update. What is the same for all who watch is made once here and sent to each browser through a WebSocket of
its own. Its address is known to the page alone, and cannot be guessed.

Where the lab is not served by its own application, for instance in a test of one page, there is no such line, and a
page asks for what moves by itself (`ui.feed`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit import config

LOOK_SECONDS = 0.2  # between two looks for news, for all pages together
SIGN_OF_LIFE_SECONDS = 8.0  # without news; a browser that hears nothing for longer opens the line anew
SIGN_OF_LIFE = "{}"
UNKNOWN = 4404  # closes the line of a page that nobody knows (any more)
FAILED = 1011
_NAME_BYTES = 24

News = Mapping[str, str]
_log = logging.getLogger("tlcore.channel")


class Channel:
    """What one page wants to hear, as long as somebody holds this object: the page's session does.

    news: called every `LOOK_SECONDS` while a browser listens, in a thread of its own. Gives the present message about
    each subject; one is sent when it differs from the last about the same subject, and an empty one never.
    """

    def __init__(self, news: Callable[[], News]) -> None:
        self.name = secrets.token_urlsafe(_NAME_BYTES)
        self.news = news
        _SWITCHBOARD.know(self)


@dataclass(eq=False)
class _Line:
    """A browser that listens. told: the last message about each subject; waiting: those on their way."""

    channel: weakref.ref[Channel]
    told: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    closed: int | None = None

    def look(self) -> News | int:
        """The present news, or what the line is to be closed with. Changes nothing: it runs in a thread of its own."""
        channel = self.channel()
        if channel is None:
            return UNKNOWN
        try:
            return channel.news()
        except Exception:  # of one page, which the others must not suffer from
            _log.exception("the news of a page could not be made")
            return FAILED

    def take(self, found: News | int) -> None:
        """Have what is new sent. A message that could not be sent yet gives way to the next about the same subject."""
        if isinstance(found, int):
            self.closed = found
        else:
            new = {subject: text for subject, text in found.items() if self.told.get(subject, "") != text}
            self.told.update(new)
            self.waiting.update(new)
        if self.waiting or self.closed is not None:
            self.ready.set()

    async def send_on(self, socket: WebSocket) -> None:
        """Send what waits, as fast as the browser takes it, until the line is closed."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it has gone: whoever receives notices as well
            while self.closed is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.ready.wait(), SIGN_OF_LIFE_SECONDS)
                self.ready.clear()
                messages, self.waiting = [*filter(None, self.waiting.values())], {}
                for message in messages or [SIGN_OF_LIFE]:
                    await socket.send_text(message)
            await socket.close(self.closed)


class Switchboard:
    """All channels of this process, and the browsers that listen to them."""

    def __init__(self) -> None:
        self.serving = False
        self._known: weakref.WeakValueDictionary[str, Channel] = weakref.WeakValueDictionary()
        self._lines: dict[str, _Line] = {}
        self._looking: asyncio.Task[None] | None = None

    def know(self, channel: Channel) -> None:
        """From now on a browser may listen to this channel."""
        self._known[channel.name] = channel

    async def serve(self, socket: WebSocket) -> None:
        """Let one browser listen until it goes. Of several that ask for the same channel, the last one does."""
        channel = self._known.get(socket.path_params["channel"])
        await socket.accept()
        if channel is None:
            await socket.close(UNKNOWN)
            return
        name, line = channel.name, _Line(weakref.ref(channel))
        del channel  # it lives as long as its page
        if name in self._lines:
            self._lines[name].take(UNKNOWN)
        self._lines[name] = line
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on())
        sending = asyncio.create_task(line.send_on(socket))
        try:
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass  # a browser has nothing to say here
        finally:
            sending.cancel()
            if self._lines.get(name) is line:
                del self._lines[name]

    async def _look_on(self) -> None:
        while self._lines:
            lines = [*self._lines.values()]
            for line, found in zip(lines, await asyncio.to_thread(_look, lines), strict=True):
                line.take(found)
            await asyncio.sleep(LOOK_SECONDS)


def _look(lines: list[_Line]) -> list[News | int]:
    return [line.look() for line in lines]


_SWITCHBOARD = Switchboard()


def routes() -> list[WebSocketRoute]:
    """What the application that serves the lab adds to Streamlit's own addresses."""
    _SWITCHBOARD.serving = True
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return [WebSocketRoute(f"{f'/{base}' if base else ''}/moving/{{channel}}", _SWITCHBOARD.serve)]


def is_served() -> bool:
    """Whether a browser can listen to the channels of this process."""
    return _SWITCHBOARD.serving
