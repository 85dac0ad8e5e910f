"""What a hosted lab takes of uploads: looked at before Streamlit reads a byte of them.

Streamlit takes a file before any script runs, from every browser that has a page open, whether the page asks for one or
not, and under any name; what an uploader says of sizes is a word to the browser. All of it lies in the memory of the
web server. In a lab of one's own Streamlit's limit alone holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import Runtime

from tlcore.errors import LabError
from tlcore.execution.hosting import hosting
from tlcore.runs import default_store
from tlcore.specs.hosting import MEGABYTE, Limits
from ui.held_files import LEAST, LOOK_SECONDS, File, HeldFiles

ADDRESS = "/_stcore/upload_file/"
PLACE = re.compile(r"([^/]+)/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")  # session and file, as Streamlit has it
WRAPPING = 64 << 10  # bytes that a request may have besides the file: its name, its kind, what parts it from these
SILENT_SECONDS = 60.0  # after which an upload of which nothing more comes gives its place back
_log = logging.getLogger("tlcore.uploads")


class Refused(Exception):
    """An upload that is not taken: the status of the answer, and its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def running() -> Runtime | None:
    """Streamlit's runtime in this process, or None where there is none."""
    return Runtime.instance() if Runtime.exists() else None


def limits_here() -> Limits | None:
    """The limits of this server, or None where the lab is one person's own. Raises InvalidRequest."""
    settings = hosting(default_store())
    return settings.limits if settings is not None else None


class Uploads:
    """Stands before Streamlit and lets through what may be uploaded; whatever is no upload passes untouched."""

    def __init__(
        self,
        app: ASGIApp,
        runtime: Callable[[], Runtime | None] = running,
        limits: Callable[[], Limits | None] = limits_here,
    ) -> None:
        self._app = app
        self._runtime = runtime
        self._limits = limits
        self._held = HeldFiles(runtime)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or look after the files as long as the server runs."""
        if scope["type"] == "lifespan":
            looking = asyncio.create_task(self._look_on())
            try:
                await self._app(scope, receive, send)
            finally:
                looking.cancel()
        elif scope["type"] == "http" and scope["method"] == "PUT" and ADDRESS in scope["path"]:
            try:
                await self._put(scope, receive, send)
            except Refused as refusal:
                # What the browser still sends is thrown away by the server, piece by piece.
                await PlainTextResponse(str(refusal), refusal.status)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _put(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            limits = self._limits()
        except LabError as error:
            raise Refused(503, str(error)) from None
        if limits is None:
            await self._app(scope, receive, send)
            return
        file = self._file(scope["path"])
        size = _size(scope, limits)
        place = max(size, LEAST)
        self._require_room(file[0], place, limits)
        with self._held.coming(file, place):
            await self._app(scope, _at_most(size, receive, limits), send)

    def _file(self, path: str) -> File:
        """Where the file is to lie: in a session that is there, under a name that no other has had."""
        place = PLACE.fullmatch(path.partition(ADDRESS)[2])
        if place is None:
            raise Refused(404, "A file is uploaded to the address that its page was given for it.")
        runtime = self._runtime()
        if runtime is None or not runtime.is_active_session(place[1]):
            raise Refused(400, "The page of this upload is not open any more: reload it and choose the file again.")
        file = place[1], place[2]
        if file in self._held:
            raise Refused(409, "There is a file at this address already: choose yours again.")
        return file

    def _require_room(self, session: str, size: int, limits: Limits) -> None:
        def refusal() -> Refused | None:
            if self._held.of_session(session) + size > limits.page_bytes:
                return Refused(413, limits.page_sentence())
            if self._held.in_all() + size > limits.uploads_bytes:
                return Refused(507, "This server holds as many uploads as it has room for: try again in some minutes.")
            return None

        if refusal():
            self._held.let_go()
        if found := refusal():
            raise found

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self._held.look()
            except Exception:  # the next look may do better, and uploads go on being limited
                _log.exception("files of ended sessions could not be cleared away")


def _size(scope: Scope, limits: Limits) -> int:
    """The bytes of a request's body as its head announces them, or as many as it may have."""
    most = limits.upload_mb * MEGABYTE + WRAPPING
    announced = _announced(scope)
    if announced is not None and announced > most:
        raise Refused(413, limits.upload_words())
    return most if announced is None else announced


def _announced(scope: Scope) -> int | None:
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    with contextlib.suppress(ValueError):  # of thousands of digits
        return int(value) if value.isdigit() else None
    return None


def _at_most(size: int, receive: Receive, limits: Limits) -> Receive:
    """What comes of a body, up to as much as was announced, as long as something comes."""
    received, whole = 0, False

    async def next_of_body() -> Message:
        nonlocal received, whole
        if whole:
            return await receive()  # waits until the browser goes
        try:
            async with asyncio.timeout(SILENT_SECONDS):
                message = await receive()
        except TimeoutError:
            raise Refused(408, "Nothing more came of this upload: try it again.") from None
        received += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if received > size:
            raise Refused(413, limits.upload_words())
        return message

    return next_of_body
