"""Where the weights of chosen runs came from, and where they went, as a graph."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from tlcore.plots.style import LIGHT, style_figure
from tlcore.runs.library import Entry
from tlcore.runs.lineage import Lineage, lineage
from ui.library import executor
from ui.live_chart import live_chart
from ui.page import card, card_header
from ui.runs_compare import short, titles_of
from ui.runs_reach import library, recorded_arrows

ROOMY_ROWS = 6  # of runs, with their names below them
NARROW, WIDE = 26, 44  # letters of a name below a run, and beside it
_ALONG = np.linspace(0, 1, 24)  # an arrow begins and ends level
_ACROSS = _ALONG**2 * (3 - 2 * _ALONG)


def lineage_graph(run_ids: Sequence[str]) -> None:
    """Which weights came from where, from left to right."""
    tree = lineage(executor().store, run_ids, recorded_arrows())
    if not tree.arrows:
        if len(run_ids) == 1:
            st.caption("Its weights came from no other run, and no other run started from them.")
        return
    entries = {entry.id: entry for entry in library().named(list(tree.generations))}
    with card("runs-lineage"):
        card_header("Where the weights came from", f"{tree.left_out} more not drawn" if tree.left_out else "")
        figure, height = lineage_figure(tree, entries, set(run_ids))
        live_chart(figure, key="runs-lineage", height=height, description="Runs and the weights between them")
        st.caption(
            "From left to right: a line carries final weights to a run that starts from them, a dotted one is a fork."
        )


def lineage_figure(tree: Lineage, entries: Mapping[str, Entry], chosen: set[str]) -> tuple[go.Figure, int]:
    """The graph, and how many pixels high it is to be. Of a generation that is crowded names stand beside the runs."""
    titles = titles_of([entries[one] for one in tree.generations if one in entries])
    columns: dict[int, list[str]] = {}
    for run_id in sorted(tree.generations, key=lambda one: (one not in titles, titles.get(one), one)):
        columns.setdefault(tree.generations[run_id], []).append(run_id)
    rows = max(len(column) for column in columns.values())
    crowded = {generation for generation, column in columns.items() if len(column) > ROOMY_ROWS}
    place = {
        run_id: (generation, (row + 0.5) * rows / len(column))
        for generation, column in columns.items()
        for row, run_id in enumerate(column)
    }
    figure = go.Figure()
    for dash, kind in (("solid", "run"), ("dot", "checkpoint")):
        for arrow in tree.arrows:
            if arrow.kind == kind:
                (x0, y0), (x1, y1) = place[arrow.origin], place[arrow.run]
                figure.add_scatter(
                    x=x0 + (x1 - x0) * _ALONG, y=y0 + (y1 - y0) * _ACROSS, mode="lines", hoverinfo="skip",
                    showlegend=False, opacity=0.45 if crowded else 1,
                    line={"color": LIGHT.soft, "width": 1.5, "dash": dash},
                )  # fmt: skip
    beside = [tree.generations[one] in crowded for one in place]
    names = [
        short(titles[one], WIDE if wide else NARROW) if one in titles else f"{one[:8]}, not here"
        for one, wide in zip(place, beside, strict=True)
    ]
    hover = [
        f"{library().title(entries[one])} · seed {entries[one].seed} · {entries[one].state}" if one in entries else one
        for one in place
    ]
    figure.add_scatter(
        x=[x for x, _ in place.values()], y=[y for _, y in place.values()], mode="markers+text", showlegend=False,
        text=[html.escape(name) for name in names],
        textposition=["middle right" if wide else "bottom center" for wide in beside],
        hovertext=[html.escape(text) for text in hover], hoverinfo="text",
        marker={
            "size": 12 if crowded else 16, "line": {"width": 2, "color": LIGHT.label},
            "color": [LIGHT.label if one in chosen else LIGHT.card for one in place],
        },
    )  # fmt: skip
    last, after = max(columns), 0.5 if max(columns) not in crowded else 0.4 * (max(columns) + 1)
    hidden = {"showgrid": False, "showticklabels": False, "zeroline": False, "fixedrange": True, "showline": False}
    style_figure(
        figure, uirevision="lineage", xaxis=hidden | {"range": [-0.5, last + after]},
        yaxis=hidden | {"range": [rows + 0.2, -0.1]},
    )  # fmt: skip
    return figure, 22 * rows + 40 if crowded else max(150, 70 * rows)
