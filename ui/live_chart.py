"""A Plotly chart that stays: new data change the drawing in place, and zoom, hover and the node in the page survive.

`st.plotly_chart` builds the chart anew at every change of its data. Here `Plotly.react` updates it, with the
plotly.min.js of the installed plotly package, loaded once for all charts of a page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from ui import theme
from ui.components import mount, serve_plotly


def specification_of(figure: go.Figure) -> dict[str, Any]:
    """A figure as plain data, as the browser is given it."""
    specification: dict[str, Any] = json.loads(figure.to_json())
    # The default template repeats some 7 kB of colours in every message; the house style replaces it.
    specification.get("layout", {}).pop("template", None)
    return specification


def live_chart(
    figure: go.Figure | dict[str, Any],
    *,
    key: str,
    height: int = 260,
    description: str = "",
    cells: Mapping[str, str] | None = None,
    on_point: Callable[[str], None] | None = None,
) -> None:
    """Show a figure, or its specification, whose zoom survives new data (set `uirevision` yourself to say when it
    shall not).

    cells: for a confusion matrix, the run and the domain it is of: a click on a cell selects its points in the player.
    on_point: called with the `customdata` of a point that was clicked, a text; points without are passed over.
    """
    mount(
        "live_chart",
        script="live_chart.js",
        style="live_chart.css",
        # Plotly puts its own rules into the head of the page, which do not reach into a shadow root.
        isolate_styles=False,
        key=key,
        height="content",
        data={
            "figure": figure if isinstance(figure, dict) else specification_of(figure),
            "chart_height": height,
            "description": description,
            "plotly": serve_plotly(),
            "palette": theme.palette_payload(),
            "uirevision": key,
            "cells": dict(cells) if cells else None,
            "clickable": on_point is not None,
        },
        on_point_change=lambda: _clicked(key, on_point),
    )


def _clicked(key: str, on_point: Callable[[str], None] | None) -> None:
    point = (st.session_state.get(key) or {}).get("point")
    if on_point is not None and isinstance(point, str):
        on_point(point)
