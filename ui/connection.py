"""A page that was cut off comes back by itself and says what happened: Wi-Fi lost, server restarted, tab hidden.

A view that refreshes itself gives a `pulse` each time it is drawn. The browser side of `connection` listens: where the
pulse stays away it looks whether the server answers, and has the page drawn again as soon as it does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from tlcore.runs import Run
from ui.components import mount


def connection() -> None:
    """Keep an eye on the connection of this page. Outside of any fragment: a server that was restarted knows none."""
    with st.container(key="connection"):
        mount(
            "connection", script="connection.js", style="connection.css", key="connection-watch",
            data={"drawn": time.time()}, on_again_change=lambda: None,
        )  # fmt: skip


def pulse(runs: Sequence[Run], pace: float | None) -> None:
    """A sign of life of the view that is being drawn, which has it drawn again after some time.

    runs: those of this view that wait or train. pace: seconds until it is drawn again, None for no more.
    """
    step = max((run.step for run in runs), default=None)
    with st.container(key="pulse"):
        mount(
            "pulse", script="pulse.js", style="visitor.css", key="pulse-mark",
            data={"pace": pace, "moment": time.time(), "step": step, "live": bool(runs)},
            on_look_change=lambda: None,
        )  # fmt: skip
