"""What a hosted lab takes of uploads, before Streamlit reads them, and how places are given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from tlcore.errors import InvalidRequest
from tlcore.specs.hosting import MEGABYTE, Limits
from ui import held_files, uploads
from ui.held_files import LEAST
from ui.uploads import Uploads

ANN, BEN, NOBODY = (str(UUID(int=number << 100 | number)) for number in (10, 11, 12))
PATIENCE_SECONDS = 20.0
SMALL = Limits(upload_mb=1, uploads_in_all_mb=4)  # three files for a page, four for all


class Runtime:
    """Stands in for Streamlit's: sessions that are there, and its own manager of files."""

    def __init__(self) -> None:
        self.uploaded_file_mgr = MemoryUploadedFileManager("/_stcore/upload_file")
        self.active = {ANN, BEN}
        self.closed: list[str] = []

    def is_active_session(self, session: str) -> bool:
        return session in self.active

    def close_session(self, session: str) -> None:
        self.closed.append(session)


class Site:
    """A server as Streamlit's with `Uploads` before it. asked: what reached it, with the bytes it has read of each."""

    def __init__(self, limits: Limits | None = SMALL) -> None:
        self.runtime = Runtime()
        self.limits = limits
        self.asked: list[tuple[str, str]] = []
        self.read = 0
        self.wait = asyncio.Event()
        self.wait.set()
        place = "/_stcore/upload_file/{session}/{file}"
        application = Router(
            routes=[
                Route(place, self._put, methods=["PUT"]), Route(place, self._delete, methods=["DELETE"]),
                Route("/{other:path}", self._other, methods=["GET", "PUT", "POST", "OPTIONS"]),
            ]
        )  # fmt: skip
        self.guard = Uploads(application, runtime=lambda: self.runtime, limits=lambda: self.limits)

    async def _put(self, request: Request) -> Response:
        self.asked.append(("PUT", request.url.path))
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            self.read += len(chunk)
        await self.wait.wait()
        session, file = request.path_params["session"], request.path_params["file"]
        self.runtime.uploaded_file_mgr.add_file(session, UploadedFileRec(file, "a.png", "image/png", bytes(body)))
        return Response(status_code=204)

    async def _delete(self, request: Request) -> Response:
        self.runtime.uploaded_file_mgr.remove_file(request.path_params["session"], request.path_params["file"])
        return Response(status_code=204)

    async def _other(self, request: Request) -> Response:
        self.asked.append((request.method, request.url.path))
        return Response(f"{len(await request.body())}")

    async def ask(
        self,
        session: str,
        file: str | None = None,
        body: Iterable[bytes] = (),
        announced: int | None = None,
        method: str = "PUT",
        path: str = "",
    ) -> tuple[int, str]:
        """Send a request in pieces; returns status and words of the answer."""
        pieces = iter([*body, b""])
        answer: list[MutableMapping[str, Any]] = []

        async def receive() -> Mapping[str, Any]:
            piece = next(pieces, None)
            if piece is None:
                return {"type": "http.disconnect"}
            await asyncio.sleep(0)
            return {"type": "http.request", "body": piece, "more_body": piece != b""}

        async def send(message: MutableMapping[str, Any]) -> None:
            answer.append(message)

        headers = [] if announced is None else [(b"content-length", str(announced).encode())]
        scope = {
            "type": "http", "method": method, "path": path or f"/_stcore/upload_file/{session}/{file or uuid4()}",
            "headers": headers, "query_string": b"", "root_path": "", "server": ("127.0.0.1", 80), "scheme": "http",
        }  # fmt: skip
        await self.guard(scope, receive, send)
        return answer[0]["status"], b"".join(message.get("body", b"") for message in answer[1:]).decode()

    async def put(self, session: str, megabytes: float, file: str | None = None) -> int:
        size = int(megabytes * MEGABYTE)
        status, _ = await self.ask(session, file, [bytes(size)], size)
        return status


@pytest.fixture
def site() -> Site:
    return Site()


def play(scene: Callable[[], Any]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scene(), PATIENCE_SECONDS)

    with ThreadPoolExecutor(1) as alone:  # where a browser is driven, this thread has a loop already
        alone.submit(lambda: asyncio.run(bounded())).result()


def test_a_file_within_the_limit_is_taken_whole_announced_or_not(site: Site) -> None:
    async def scene() -> None:
        assert await site.put(ANN, 1) == 204
        status, _ = await site.ask(ANN, body=[bytes(MEGABYTE // 4)] * 4)
        assert status == 204
        assert [len(file.data) for file in site.runtime.uploaded_file_mgr.file_storage[ANN].values()] == [MEGABYTE] * 2

    play(scene)


def test_a_file_that_announces_too_much_is_not_read_at_all(site: Site) -> None:
    async def scene() -> None:
        status, words = await site.ask(ANN, body=[bytes(2 * MEGABYTE)], announced=2 * MEGABYTE)
        assert (status, words) == (413, SMALL.upload_words())
        assert (site.asked, site.read) == ([], 0)

    play(scene)


@pytest.mark.parametrize("announced", [None, 1000, 0])
def test_a_body_is_read_no_further_than_the_limit_and_no_further_than_announced(site: Site, announced: int | None):
    async def scene() -> None:
        status, words = await site.ask(ANN, body=[bytes(100_000)] * 100, announced=announced)
        assert (status, words) == (413, SMALL.upload_words())
        assert site.read <= (announced if announced is not None else MEGABYTE + uploads.WRAPPING)
        assert site.guard._held.in_all() == 0
        assert await site.put(ANN, 1) == 204, "it has left no place taken"

    play(scene)


def test_a_length_that_is_no_number_counts_as_the_largest(site: Site) -> None:
    async def scene() -> None:
        for value in (b"-5", b"1e3", "²".encode(), b"9" * 5000):
            assert uploads._announced({"headers": [(b"content-length", value)]}) is None
        assert uploads._announced({"headers": [(b"Host", b"x"), (b"content-length", b"12")]}) == 12

    play(scene)


@pytest.mark.parametrize(
    ("session", "file", "status"),
    [
        (NOBODY, None, 400), ("made-up", None, 400), (ANN, "f0", 404), (ANN, f"{NOBODY}/more", 404),
        (ANN, NOBODY.upper(), 404), (ANN, f"{NOBODY}\n", 404), ("", None, 404), ("..", "..", 404),
    ],
)  # fmt: skip
def test_unknown_sessions_and_made_up_names_are_refused_in_a_sentence(site: Site, session: str, file, status: int):
    async def scene() -> None:
        answered, words = await site.ask(session, file, [b"content"], 7)
        assert answered == status and words.endswith(".")
        assert (site.asked, list(site.runtime.uploaded_file_mgr.file_storage)) == ([], [])

    play(scene)


def test_a_page_has_its_share_and_gets_it_back_when_it_deletes(site: Site) -> None:
    async def scene() -> None:
        files = [str(uuid4()) for _ in range(3)]
        assert [await site.put(ANN, 0.9, file) for file in files] == [204] * 3
        status, words = await site.ask(ANN, body=[bytes(MEGABYTE)], announced=MEGABYTE)
        assert (status, words) == (413, SMALL.page_sentence())
        assert await site.put(BEN, 0.9) == 204, "another page has its own"
        assert (await site.ask(ANN, files[0], method="DELETE"))[0] == 204
        assert await site.put(ANN, 0.9) == 204

    play(scene)


def test_what_the_page_still_has_of_a_file_counts_although_it_was_deleted(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(held_files, "FIND_SECONDS", 0.0)

    async def scene() -> None:
        files = [str(uuid4()) for _ in range(3)]
        assert [await site.put(ANN, 0.9, file) for file in files] == [204] * 3
        shown = UploadedFile(site.runtime.uploaded_file_mgr.get_files(ANN, files)[0], FileURLs())
        await site.ask(ANN, shown.file_id, method="DELETE")
        assert await site.put(ANN, 0.9) == 413
        assert await site.put(ANN, 0.1, shown.file_id) == 409, "nor is anything put in its place"
        del shown
        assert await site.put(ANN, 0.9) == 204

    play(scene)


def test_nothing_is_put_in_the_place_of_another_file(site: Site) -> None:
    async def scene() -> None:
        file = str(uuid4())
        site.wait.clear()
        first = asyncio.create_task(site.put(ANN, 0.1, file))
        await asyncio.sleep(0.01)
        assert await site.put(ANN, 0.1, file) == 409
        site.wait.set()
        assert (await first, await site.put(ANN, 0.1, file)) == (204, 409)

    play(scene)


def test_all_together_have_an_end_which_the_last_session_that_ends_moves(site: Site) -> None:
    async def scene() -> None:
        for session, number in ((ANN, 2), (BEN, 2)):
            assert [await site.put(session, 0.95) for _ in range(number)] == [204] * number
        status, words = await site.ask(BEN, body=[bytes(MEGABYTE)], announced=MEGABYTE)
        assert status == 507 and words.startswith("This server holds")
        site.runtime.uploaded_file_mgr.remove_session_files(ANN)
        assert await site.put(BEN, 0.95) == 204

    play(scene)


def test_what_is_on_its_way_counts(site: Site) -> None:
    async def scene() -> None:
        site.wait.clear()
        under_way = [asyncio.create_task(site.put(ANN, 0.9)) for _ in range(5)]
        await asyncio.sleep(0.05)
        site.wait.set()
        assert sorted(await asyncio.gather(*under_way)) == [204, 204, 204, 413, 413]
        assert not site.guard._held._coming

    play(scene)


def test_many_empty_files_with_long_names_have_an_end_too(site: Site) -> None:
    async def scene() -> None:
        for _ in range(3 * MEGABYTE // LEAST):
            assert await site.put(ANN, 0) == 204
        assert await site.put(ANN, 0) == 413
        site.runtime.uploaded_file_mgr.add_file(BEN, UploadedFileRec("f", "n" * MEGABYTE, "t" * MEGABYTE, b""))
        assert site.guard._held._bytes_of((BEN, "f")) > 2 * MEGABYTE, "what a browser says of a file lies there as well"

    play(scene)


def test_an_upload_of_which_nothing_more_comes_gives_its_place_back(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "SILENT_SECONDS", 0.05)

    async def scene() -> None:
        async def silence() -> AsyncIterator[bytes]:
            await asyncio.sleep(PATIENCE_SECONDS)
            yield b""

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return await anext(silence())

        scope = {
            "type": "http", "method": "PUT", "path": f"/_stcore/upload_file/{ANN}/{uuid4()}", "headers": [],
            "query_string": b"",
        }  # fmt: skip
        await site.guard(scope, receive, send)
        assert sent[0]["status"] == 408
        assert not site.guard._held._coming

    play(scene)


def test_other_methods_and_addresses_pass_untouched(site: Site) -> None:
    async def scene() -> None:
        much = [bytes(MEGABYTE)] * 5
        for method, path in (
            ("PUT", "/elsewhere"), ("POST", f"/_stcore/upload_file/{ANN}/f0/more"), ("GET", "/_stcore/upload_file"),
            ("OPTIONS", "/"),
        ):  # fmt: skip
            status, words = await site.ask(ANN, body=much, announced=5 * MEGABYTE, method=method, path=path)
            assert (status, words, site.asked[-1]) == (200, str(5 * MEGABYTE), (method, path))

    play(scene)


def test_below_a_path_of_the_server_the_same_holds(site: Site) -> None:
    async def scene() -> None:
        path = f"/lab/_stcore/upload_file/{ANN}/{uuid4()}"
        assert (await site.ask(ANN, announced=2 * MEGABYTE, path=path))[0] == 413

    play(scene)


def test_in_a_lab_of_ones_own_everything_passes() -> None:
    async def scene() -> None:
        site = Site(limits=None)
        assert [await site.put(session, 5, "f0") for session in (ANN, "nobody")] == [204, 204]

    play(scene)


def test_settings_that_cannot_be_understood_let_nothing_in(site: Site) -> None:
    async def scene() -> None:
        def fail() -> Limits:
            raise InvalidRequest("TLCORE_HOSTED is 'perhaps'; write 1 or 0.")

        site.guard = Uploads(site.guard._app, runtime=lambda: site.runtime, limits=fail)
        status, words = await site.ask(ANN, body=[b"content"], announced=7)
        assert (status, words) == (503, "TLCORE_HOSTED is 'perhaps'; write 1 or 0.")
        assert not site.asked

    play(scene)


def test_raising_one_limit_alone_does_not_shut_files_of_that_size_out() -> None:
    limits = Limits(upload_mb=1000)
    assert limits.uploads_bytes >= 2 * 1000 * MEGABYTE and limits.page_bytes >= 1000 * MEGABYTE


def test_files_of_sessions_that_nobody_can_come_back_to_are_cleared_away(site: Site, monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(held_files, "time", SimpleNamespace(monotonic=lambda: now))

    def look(seconds: float) -> set[str]:
        nonlocal now
        now += seconds
        site.guard._held.look()
        return set(site.runtime.uploaded_file_mgr.file_storage)

    async def scene() -> None:
        nonlocal now
        assert [await site.put(session, 0.5) for session in (ANN, BEN)] == [204, 204]
        assert look(0) == {ANN, BEN}
        site.runtime.active.discard(ANN)
        assert look(0) == look(100) == {ANN, BEN}, "Wi-Fi may come back"
        site.runtime.active.add(ANN)
        assert look(5) == {ANN, BEN}
        site.runtime.active.discard(ANN)
        assert look(100) == look(100) == {ANN, BEN}, "its absence is counted anew"
        assert look(10) == {BEN}
        assert site.runtime.closed == [ANN]
        assert (site.guard._held.of_session(ANN), list(site.guard._held._of_session)) == (0, [BEN])
        assert look(1000) == {BEN}, "who is there keeps everything"

    play(scene)


def test_a_file_that_comes_when_its_session_has_ended_goes_too(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(held_files, "LOOK_SECONDS", 1000.0)  # nobody is waited for

    async def scene() -> None:
        site.wait.clear()
        late = asyncio.create_task(site.put(ANN, 0.5))
        await asyncio.sleep(0.01)
        site.runtime.active.discard(ANN)
        site.guard._held.look()
        site.wait.set()
        assert (await late, list(site.runtime.uploaded_file_mgr.file_storage)) == (204, [ANN])
        site.guard._held.look()
        assert not site.runtime.uploaded_file_mgr.file_storage and site.guard._held.in_all() == 0

    play(scene)


def test_what_only_garbage_holds_of_an_ended_session_is_collected(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(held_files, "LOOK_SECONDS", 1000.0)
    monkeypatch.setattr(held_files, "GARBAGE", MEGABYTE // 4)

    async def scene() -> None:
        file = str(uuid4())
        assert await site.put(ANN, 0.5, file) == 204
        state: dict[str, Any] = {
            "file": UploadedFile(site.runtime.uploaded_file_mgr.get_files(ANN, [file])[0], FileURLs())
        }
        state["state"] = state  # as the parts of a session hold one another
        del state
        site.runtime.active.discard(ANN)
        site.guard._held.look()
        assert site.guard._held.in_all() == 0

    play(scene)


def test_looking_begins_and_ends_with_the_server_and_outlives_what_goes_wrong(site: Site, monkeypatch, caplog) -> None:
    monkeypatch.setattr(uploads, "LOOK_SECONDS", 0.001)
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        raise ArithmeticError("another Streamlit")

    async def scene() -> None:
        monkeypatch.setattr(site.guard._held, "look", look)

        async def server(*_: Any) -> None:
            while len(looks) < 2:
                await asyncio.sleep(0.001)

        site.guard._app = server
        await site.guard({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
        number = len(looks)
        await asyncio.sleep(0.02)
        assert len(looks) == number

    play(scene)
    assert "another Streamlit" in caplog.text
