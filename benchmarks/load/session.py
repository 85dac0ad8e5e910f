"""A visitor without a browser: Streamlit's own protocol over its WebSocket, as the browser and the lab's components
speak it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

NO_TOKEN = "PLACEHOLDER_AUTH_TOKEN"  # what the browser sends where there is no cookie against forged requests
PATIENCE_SECONDS = 300.0
LOOKING = re.compile(r'\{"pace": ?([\d.]+)')  # what a part that changes by itself is given, see ui/assets/looking.js
CHANNEL = re.compile(r'"channel": ?"([\w-]+)"')  # the line a page listens to, see ui/assets/channel.js
LOST_SECONDS = 12.0  # after which it asks again


class Visitor:
    """One session of a page. Fragments that refresh themselves are asked for again and again, as a browser does.

    elements: what stands on the page, by the path of its delta. errors: tracebacks that the page has shown.
    on_element: called with each new element. on_message: called with each message that comes by itself, without any
    script being run. least_interval: seconds between two refreshes of a fragment, at least.
    """

    def __init__(
        self,
        address: str,
        page: str = "",
        query: str = "",
        *,
        on_element: Callable[[Element], None] | None = None,
        on_message: Callable[[str], None] | None = None,
        least_interval: float = 0.0,
    ) -> None:
        self.address = address
        self.page = page
        self.query = query
        self.session_id = ""
        self.elements: dict[tuple[int, ...], tuple[Element, str]] = {}
        self.errors: list[str] = []
        self.reruns_answered = 0
        self.answer_seconds: list[float] = []  # from asking a fragment to the end of its script
        self._on_element = on_element
        self._on_message = on_message
        self._least_interval = least_interval
        self._page_hash = ""
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[str, float] = {}
        self._finished = asyncio.Event()
        self._line: tuple[str, asyncio.Task[None]] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._socket: websockets.ClientConnection | None = None

    async def __aenter__(self) -> Visitor:
        await self.connect()
        await self.ask()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def connect(self) -> None:
        """Open the socket; a session that was there before is asked for again."""
        parts = urlsplit(self.address)
        protocols = ["streamlit", NO_TOKEN, *([self.session_id] if self.session_id else [])]
        self._socket = await websockets.connect(
            f"ws://{parts.netloc}{parts.path}/_stcore/stream",
            subprotocols=[websockets.Subprotocol(name) for name in protocols],
            max_size=None,
            open_timeout=PATIENCE_SECONDS,
            ping_interval=None,
        )
        self._reader = asyncio.create_task(self._read())

    async def disconnect(self) -> None:
        """Go away without a word, as a browser does whose Wi-Fi is lost."""
        self._stop_timers()
        for task in (self._reader, self._line[1] if self._line else None):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, websockets.ConnectionClosed):
                    await task
        self._line = None
        if self._socket is not None:
            await self._socket.close()

    async def ask(self, *, fragment: str = "", pressed: str = "", automatic: bool = False) -> None:
        """Have the page, or one fragment of it, run again, with the button `pressed` if one is named."""
        message = BackMsg()
        state: ClientState = message.rerun_script
        state.query_string, state.page_script_hash = self.query, self._page_hash
        state.fragment_id, state.is_auto_rerun = fragment, automatic
        if not self._page_hash:
            state.page_name = self.page
        if pressed:
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = pressed, True
        self._asked.setdefault(fragment, time.monotonic())
        if not automatic:
            self._finished.clear()
        assert self._socket is not None
        await self._socket.send(message.SerializeToString())

    async def go(self, query: str) -> None:
        """Follow a link to another view of the same page, and wait until it stands."""
        self.query = query
        await self.ask()
        await self.finished()

    async def finished(self, patience: float = PATIENCE_SECONDS) -> None:
        """Wait until the page, asked for by hand, stands."""
        await asyncio.wait_for(self._finished.wait(), patience)

    async def press(self, label: str) -> None:
        """Press the button with this label.

        Raises:
            LookupError: there is none, or it is disabled.
        """
        for element, fragment in list(self.elements.values()):
            if element.WhichOneof("type") == "button" and element.button.label == label:
                if element.button.disabled:
                    raise LookupError(f"the button {label} is disabled")
                await self.ask(fragment=fragment, pressed=element.button.id)
                return
        raise LookupError(f"there is no button {label}")

    def says(self, words: str) -> bool:
        """Whether words stand somewhere on the page."""
        return any(words in str(element) for element, _ in self.elements.values())

    async def _read(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(websockets.ConnectionClosed):
            async for content in self._socket:
                message = ForwardMsg()
                message.ParseFromString(content if isinstance(content, bytes) else content.encode())
                self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session_id = message.new_session.initialize.session_id or self.session_id
            self._page_hash = message.new_session.page_script_hash
            if not message.metadata.run.fragment_ids:
                self._stop_timers()
                self.elements.clear()
        elif kind == "delta":
            self._place(tuple(message.metadata.delta_path), message.delta)
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash or self._page_hash  # the page that was really drawn
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            interval = message.auto_rerun.interval
            self._start_timer(message.auto_rerun.fragment_id, interval, interval)
        elif kind == "stop_auto_rerun":
            self._stop_timers()
        elif kind == "script_finished":
            self._note_end(message.script_finished)

    def _place(self, path: tuple[int, ...], delta: Delta) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        self.elements[path] = (element, delta.fragment_id)
        looking, channel = LOOKING.match(element.bidi_component.json), CHANNEL.search(element.bidi_component.json)
        if channel:
            self._listen(channel[1], delta.fragment_id)
        elif looking:
            self._start_timer(delta.fragment_id, float(looking[1]), LOST_SECONDS)
        if element.WhichOneof("type") == "exception":
            shown = element.exception
            self.errors.append("\n".join([f"{shown.type}: {shown.message}", *shown.stack_trace]))
        if self._on_element is not None:
            self._on_element(element)

    def _listen(self, channel: str, fragment: str) -> None:
        if self._line is None or self._line[0] != channel or self._line[1].done():
            if self._line is not None:
                self._line[1].cancel()
            self._line = channel, asyncio.create_task(self._hear(channel, fragment))

    async def _hear(self, channel: str, fragment: str) -> None:
        parts = urlsplit(self.address)
        address = f"ws://{parts.netloc}{parts.path}/moving/{channel}"
        async with websockets.connect(
            address, max_size=None, open_timeout=PATIENCE_SECONDS, ping_interval=None
        ) as line:
            with contextlib.suppress(websockets.ConnectionClosed):
                async for message in line:
                    text = message if isinstance(message, str) else message.decode()
                    if text.startswith('{"look"'):
                        await self.ask(fragment=fragment, automatic=True)
                    elif self._on_message is not None:
                        self._on_message(text)

    def _note_end(self, status: int) -> None:
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        now = time.monotonic()
        if status == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            asked = [self._asked.pop(fragment) for fragment in [*self._asked] if fragment]
            self.answer_seconds += [now - begin for begin in asked]
            self.reruns_answered += 1
        self._finished.set()

    def _start_timer(self, fragment: str, first: float, then: float) -> None:
        if fragment in self._timers:
            self._timers[fragment].cancel()
        self._timers[fragment] = asyncio.create_task(self._tick(fragment, first, then))

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    async def _tick(self, fragment: str, first: float, then: float) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await asyncio.sleep(max(first, self._least_interval))
            while True:
                await self.ask(fragment=fragment, automatic=True)
                await asyncio.sleep(max(then, self._least_interval))
