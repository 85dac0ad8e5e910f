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
PAST_NAMES = 0.8  # of the way to the next generation
_ALONG = np.linspace(0, 1, 24)


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
    """The graph, and how many pixels high it is to be.

    Where a generation is crowded, names stand where no arrow goes: of the first before the runs, of the last behind
    them, of those in between above the arrows, which stay level until they are past the names.
    """
    titles = titles_of([entries[one] for one in tree.generations if one in entries])
    columns: dict[int, list[str]] = {}
    for run_id in sorted(tree.generations, key=lambda one: (one not in titles, titles.get(one), one)):
        columns.setdefault(tree.generations[run_id], []).append(run_id)
    rows = max(len(column) for column in columns.values())
    crowded, last = rows > ROOMY_ROWS, max(columns)
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
                along, across = _course(PAST_NAMES if crowded and x0 else 0.0)
                figure.add_scatter(
                    x=x0 + (x1 - x0) * along, y=y0 + (y1 - y0) * across, mode="lines", hoverinfo="skip",
                    showlegend=False, opacity=0.45 if crowded else 1,
                    line={"color": LIGHT.soft, "width": 1.5, "dash": dash},
                )  # fmt: skip
    names = [
        short(titles[one], WIDE if crowded and x in (0, last) else NARROW) if one in titles else f"{one[:8]}, not here"
        for one, (x, _) in place.items()
    ]
    hover = [
        f"{library().title(entries[one])} · seed {entries[one].seed} · {entries[one].state}" if one in entries else one
        for one in place
    ]
    figure.add_scatter(
        x=[x for x, _ in place.values()], y=[y for _, y in place.values()], mode="markers+text", showlegend=False,
        text=[html.escape(name) for name in names],
        textposition=[_beside(x, last) if crowded else "bottom center" for x, _ in place.values()],
        hovertext=[html.escape(text) for text in hover], hoverinfo="text",
        marker={
            "size": 12 if crowded else 16, "line": {"width": 2, "color": LIGHT.label},
            "color": [LIGHT.label if one in chosen else LIGHT.card for one in place],
        },
    )  # fmt: skip
    room = 0.4 * (last + 1) if crowded else 0.5  # for the names at both ends
    hidden = {"showgrid": False, "showticklabels": False, "zeroline": False, "fixedrange": True, "showline": False}
    style_figure(
        figure, uirevision="lineage", xaxis=hidden | {"range": [-room, last + room]},
        yaxis=hidden | {"range": [rows + 0.2, -0.1]},
    )  # fmt: skip
    return figure, 22 * rows + 40 if crowded else max(150, 70 * rows)


def _course(level: float) -> tuple[np.ndarray, np.ndarray]:
    """How an arrow goes along and across, from 0 to 1. It begins and ends level, for so much of the way at first."""
    return np.concatenate([[0.0], level + (1 - level) * _ALONG]), np.concatenate([[0.0], _ALONG**2 * (3 - 2 * _ALONG)])


def _beside(generation: float, last: int) -> str:
    """Where the name of a run stands in a crowded graph."""
    return "middle left" if generation == 0 else "middle right" if generation == last else "top right"
