"""What the first page of a server needs is loaded before anybody asks for it: its visitor would wait for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streamlit.starlette import App

from tlcore.errors import LabError
from ui.web_log import begin_log


@asynccontextmanager
async def loaded(_: App) -> AsyncIterator[None]:
    """Load modules and the films of the map as the server begins, once Streamlit's own runtime is there."""
    begin_log()
    from ui import entrance, home_choice, home_map, home_now, page  # noqa: F401

    for corner in home_map.CORNERS:
        for method in corner.methods:
            with suppress(LabError):  # what is wrong with it is said on its page; the server begins all the same
                home_map.film_of(method.preset, method.colour_by)
    yield
