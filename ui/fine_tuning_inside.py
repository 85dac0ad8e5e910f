"""Inside the network while it is tuned: how far layers move, how alike they stay, what is forgotten, what is learned by
heart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import plotly.graph_objects as go
import streamlit as st

from tlcore.plots import fine_tuning as plots
from tlcore.plots.fine_tuning import shots_words
from tlcore.runs import Series
from ui.fine_tuning_arms import Board, Pair, layers_of, metrics_of, moment_of
from ui.fine_tuning_network import filters_of, layer_names, network_rows
from ui.live_chart import live_chart
from ui.page import card, card_header
from ui.remembered import remembered

HEIGHT = 250
MOVED, ALIKE = "parameter_change", "cka"
LAYER_CHARTS = {
    MOVED: ("How far each layer moved", "relative change"),
    ALIKE: ("How alike its features stayed (CKA)", "linear CKA"),
}


def network_card(board: Board, pair: Pair) -> None:
    """The network, a row for each method."""
    with card("network"):
        card_header("What each method does to the network", shots_words(pair.shots))
        st.html(network_rows(board, pair))
        st.caption(
            "Dashed: begins at random. Hatched: frozen. Double border: held near where it was. The number says how far "
            "a layer has moved from where it began, the filling compares it with the layer of its row that moved most. "
            "What is tuned freely may move less than what is held: once the head alone has learned the few labels, no "
            "gradient is left to move the layers below."
        )


def inside_cards(board: Board, pair: Pair) -> None:
    """Four charts of the methods at the chosen number of labels, and the first filters of the run on the right."""
    views = {method: view for method, arm in board.arms_at(pair.shots).items() if (view := board.view(arm)) is not None}
    metrics = {method: metrics_of(view) for method, view in views.items()}
    if not any(metrics.values()):
        return
    moments = (board.experiment.preset.identity, *(moment_of(view) for view in views.values()))
    layers = layer_names(board, pair.shots)
    if any(layers_of(found, MOVED) for found in metrics.values()):  # what begins at random moves away from nothing
        for column, prefix in zip(st.columns(2), LAYER_CHARTS, strict=True):
            with column, card(f"layers-{prefix}"):
                _layer_chart(board, pair, metrics, layers, prefix, moments)
    few = shots_words(pair.shots)
    left, right = st.columns(2)
    if any("source_accuracy" in found for found in metrics.values()):
        with left, card("forgetting"):
            card_header("Forgetting the source task", few)
            source = board.source_accuracy()
            figure = remembered(
                ("forgetting", source, *moments), lambda: plots.forgetting_curves(metrics, board.short_titles, source)
            )
            live_chart(
                figure, key="forgetting", height=HEIGHT,
                description="accuracy on the source task while the target is learned",
            )  # fmt: skip
    with right, card("overfitting"):
        card_header("Learned by heart?", "dotted: learned from")
        beside = {_method(arm): view for arm in pair.arms if (view := board.view(arm)) is not None}
        figure = remembered(
            (
                "overfitting",
                board.experiment.preset.identity,
                *((name, moment_of(view)) for name, view in beside.items()),
            ),
            lambda: plots.overfitting_curves(
                {name: metrics_of(view) for name, view in beside.items()}, board.short_titles
            ),
        )
        live_chart(
            figure, key="overfitting", height=HEIGHT,
            description="cross-entropy on the labels that are learned from, and on held-out ones",
        )  # fmt: skip
    view = board.view(pair.right)
    if view is not None:
        with card("filters"):
            card_header("First-layer filters", board.title(pair.right))
            pictures, sentence = filters_of(board, view)
            st.html(f'{pictures}<p class="tl-words">{sentence}</p>')


def _method(arm: str) -> str:
    return arm.partition("@")[0]


def _layer_chart(
    board: Board, pair: Pair, metrics: Mapping[str, Mapping[str, Series]], layers: tuple[str, ...], prefix: str,
    moments: Hashable,
) -> None:  # fmt: skip
    """The last value for every method, or on request the course of the run on the right."""
    title, words = LAYER_CHARTS[prefix]
    right = _method(pair.right)
    course = layers_of(metrics.get(right, {}), prefix)
    over_time = any(len(line.steps) > 1 for line in course.values()) and st.session_state.get(f"course-{prefix}", False)
    card_header(title, board.titles[right] if over_time else "")
    if over_time:
        figure = remembered(("course", prefix, right, moments), lambda: plots.layer_lines(course, layers, metric=words))
    else:
        figure = remembered(("layers", prefix, moments), lambda: _last_values(board, metrics, layers, prefix))
    live_chart(figure, key=f"layers-{prefix}", height=HEIGHT, description=title)
    if any(len(line.steps) > 1 for line in course.values()):
        st.toggle(f"Over time, {board.titles[right]}", key=f"course-{prefix}")
    elif course:
        st.caption("Measured before and after, so that it costs no time while training.")


def _last_values(
    board: Board, metrics: Mapping[str, Mapping[str, Series]], layers: tuple[str, ...], prefix: str
) -> go.Figure:
    by_method = {method: layers_of(found, prefix) for method, found in metrics.items()}
    last = {
        method: {layer: float(line.values[-1]) for layer, line in found.items()}
        for method, found in by_method.items()
        if found
    }
    return plots.layer_bars(last, board.short_titles, layers, metric=LAYER_CHARTS[prefix][1])
