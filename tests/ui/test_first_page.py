"""What a server loads before its first visitor comes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tlcore.errors import StoreError
from ui import first_page, home_map
from ui.first_page import loaded


@pytest.fixture(autouse=True)
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was begun, while the loggers of this process are left alone."""
    begun: list[str] = []
    monkeypatch.setattr(first_page, "begin_log", lambda: begun.append("log"))
    return begun


def begin() -> None:
    async def serve() -> None:
        async with loaded(None):  # type: ignore[arg-type]
            pass

    with ThreadPoolExecutor() as threads:  # the browser tests' own loop may run in this one
        threads.submit(asyncio.run, serve()).result()


def test_the_films_of_the_map_are_read_already() -> None:
    home_map.film_of.cache_clear()
    begin()
    read = home_map.film_of.cache_info()
    for corner in home_map.CORNERS:
        for method in corner.methods:
            assert home_map.film_of(method.preset, method.colour_by) is not None
    assert home_map.film_of.cache_info().misses == read.misses > 0, "none is read when the page is drawn"


def test_the_log_is_begun_once(begun: list[str]) -> None:
    begin()
    assert begun == ["log"]


def test_a_damaged_film_does_not_keep_the_server_from_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def damaged(preset: str, colour_by: str) -> Any:
        asked.append(preset)
        raise StoreError("The store holds a damaged record.")

    monkeypatch.setattr(home_map, "film_of", damaged)
    begin()
    assert len(asked) == sum(len(corner.methods) for corner in home_map.CORNERS)
