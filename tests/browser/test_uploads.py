"""Uploads to a hosted lab: those of a page go through Streamlit's own uploader as ever, those that no page asked for
are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from benchmarks.load.uploads import held, put
from tests.browser.waiting import until
from tests.data.own.conftest import classes, pack, picture
from tlcore.specs.hosting import MEGABYTE, Limits

pytestmark = pytest.mark.browser
TRAINS = False


def test_the_uploader_works_and_made_up_uploads_are_refused(
    page: Any, app_server: Callable[..., str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    address = app_server(
        TLCORE_HOSTED="1", TLCORE_DATA=str(tmp_path_factory.mktemp("data")), TLCORE_FOLDERS="",
        STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL="1",
    )  # fmt: skip
    archive = pack(tmp_path / "pets.zip", {name: picture(n) for n, name in enumerate(classes("cat", "dog", count=5))})
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/upload_file/" in request.url else None)
    page.goto(f"{address}/data?view=yours")
    page.locator("input[type=file]").set_input_files(str(archive))
    page.get_by_text("10 pictures · 2 classes").wait_for()
    assert held(address) == archive.stat().st_size

    session, file = sent[0].rsplit("/", 2)[1:]
    too_large = (Limits().upload_mb + 1) * MEGABYTE
    assert put(address, session, "f0", 10) == 404
    assert put(address, str(uuid4()), str(uuid4()), 10) == 400
    assert put(address, session, str(uuid4()), too_large) == 413
    assert put(address, session, str(uuid4()), too_large, in_chunks=True) == 413
    assert put(address, session, file, 10) == 409, "nothing is put in the place of another"
    assert held(address) == archive.stat().st_size
    assert put(address, session, str(uuid4()), 10, in_chunks=True) == 204

    page.get_by_test_id("stFileChipDeleteBtn").get_by_role("button").click()
    until(lambda: held(address) == 10, "what is taken out leaves the memory")
    page.goto("about:blank")
    until(lambda: not held(address), "so does what its page has left, although nobody else comes")
