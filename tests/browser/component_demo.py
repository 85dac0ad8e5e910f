"""A small page that drives the components with points made up here, for `test_components.py`."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from tlcore.player.film import Curve, Panel
from tlcore.runs.records import Frame, Probe, Surface
from ui import theme
from ui.live_chart import live_chart
from ui.network_diagram import DiagramState, network_diagram
from ui.notices import notice_box
from ui.page import page_header
from ui.player import player, player_state

COUNT = 200
EVIL = "<img src=x onerror=\"window.executed='yes'\">"

st.set_page_config(layout="wide")
mode = st.query_params.get("mode", "film")
labels = np.tile(np.arange(2, dtype=np.int16), COUNT // 2)
domains = np.repeat(np.array([0, 1], dtype=np.int8), COUNT // 2)
thumbnails = np.full((COUNT, 1, 4, 4), 128, dtype=np.uint8)
probe = Probe(labels, domains, ("seven", EVIL), thumbnails)


def make_frame(number: int, projection: str) -> Frame:
    """Two classes that draw apart as training goes on; the last point is not a number."""
    noise = np.random.default_rng(3).normal(size=(COUNT, 2))
    points = noise * 0.5 + labels[:, None] * np.array([1.0 + number, 2.0]) + domains[:, None] * 0.7
    points = points[:, ::-1] if projection == "pca" else points
    points[-1] = np.nan
    return Frame(number * 10, projection, points.astype(np.float32), labels.copy())


def body() -> None:
    """Everything that changes; more frames come with each press of the button."""
    count = st.session_state.setdefault("count", {"film": 31, "live": 4, "moons": 5}.get(mode, 0))
    if st.button("More"):
        st.session_state.count = count = count + 1
    projections = ["umap", "pca"]
    chosen = player_state("player", projections).projection
    frames = [make_frame(number, chosen) for number in range(count)]
    surfaces = []
    if mode == "moons":
        grid = np.linspace(0, 1, 20, dtype=np.float32) * np.ones((20, 1), dtype=np.float32)
        surfaces = [Surface(0, "class", (-2, 8, -2, 6), grid), Surface(0, "domain", (-2, 8, -2, 6), grid.T)]
    state = player(
        [Panel("one", EVIL, "target accuracy 0.74", frames, surfaces), Panel("two", "DANN", "0.95", frames[:-1])],
        probe,
        key="player",
        projections=projections,
        curves=[Curve("target accuracy", "target", [frame.step for frame in frames], np.linspace(0, 1, count))],
        live=mode == "live",
        autoplay=mode == "film",
        total_steps=400,
        badge="recorded run",
    )
    st.write(f"state {state.projection} {state.colour_by} {state.step}")
    network_diagram(DiagramState(extractor_caption="conv 16", class_loss=count / 10), key="diagram")
    figure = go.Figure(go.Scatter(x=list(range(count)), y=list(range(count)), line_color=theme.role_colour("target")))
    live_chart(theme.style_figure(figure), key="chart")


page_header("Components", "Labels for the **source**, none for the **target**.", quadrant="source labelled")
notice_box([])
if st.toggle("Show", value=True):
    st.fragment(body)()
