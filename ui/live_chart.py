"""A Plotly chart that stays: new data change the drawing in place, and zoom, hover and the node in the page survive.

`st.plotly_chart` builds the chart anew at every change of its data. Here `Plotly.react` updates it, with the
plotly.min.js of the installed plotly package, loaded once for all charts of a page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import plotly.graph_objects as go

from ui import theme
from ui.components import mount, serve_plotly


def live_chart(
    figure: go.Figure,
    *,
    key: str,
    height: int = 260,
    description: str = "",
    cells: Mapping[str, str] | None = None,
) -> None:
    """Show a figure whose zoom survives new data (set `uirevision` yourself to say when it shall not).

    cells: for a confusion matrix, the run and the domain it is of: a click on a cell selects its points in the player.
    """
    specification = json.loads(figure.to_json())
    # The default template repeats some 7 kB of colours in every message; the house style replaces it.
    specification.get("layout", {}).pop("template", None)
    mount(
        "live_chart",
        script="live_chart.js",
        style="live_chart.css",
        # Plotly puts its own rules into the head of the page, which do not reach into a shadow root.
        isolate_styles=False,
        key=key,
        height="content",
        data={
            "figure": specification,
            "chart_height": height,
            "description": description,
            "plotly": serve_plotly(),
            "palette": theme.palette_payload(),
            "uirevision": key,
            "cells": dict(cells) if cells else None,
        },
    )
