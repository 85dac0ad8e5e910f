"""The figure of layer transfer as a card: accuracy against n, what it says in words, and its numbers as a table."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from tlcore.analysis.statistics import summarise
from tlcore.plots.layer_transfer import LOOKS, kept_curves, transfer_curves
from tlcore.plots.style import role_colour, say_empty
from tlcore.presets import yosinski
from tlcore.presets.layer_transfer import BASE, BASE_A, LAYERS, arm_name, split_arm
from ui.experiment import Experiment
from ui.layer_transfer_runs import (
    CHANGES,
    METRIC,
    Board,
    built_title,
    chosen_address,
    chosen_run,
    open_point,
    place_of,
)
from ui.layer_transfer_words import curve_words, kept_words
from ui.library import RunView
from ui.live_chart import live_chart
from ui.measured_arms import under_way
from ui.page import card, card_header
from ui.remembered import remembered

OVERLAY = "2014"


def is_kept(experiment: Experiment) -> bool:
    """Whether first layers are compared with last ones, instead of the paper's curves."""
    return BASE not in experiment.arms


def overlaid(experiment: Experiment) -> bool:
    """Whether the curves of 2014 are laid over ours."""
    key = f"overlay-{experiment.preset.name}"
    if key not in st.session_state:
        st.session_state[key] = st.query_params.get("overlay") == OVERLAY
    return bool(st.session_state[key]) and not is_kept(experiment)


def figure_card(board: Board, view: Mapping[str, str | None]) -> None:
    """The figure, growing in place; a click on a point opens its run below. view: what the address holds."""
    experiment = board.experiment
    kept = is_kept(experiment)
    with card("transfer"):
        card_header("First layers or last layers" if kept else "How transferable is each layer?", _progress(board))
        with st.container(horizontal=True, vertical_alignment="center", key="transfer-controls"):
            if not kept:
                overlaid(experiment)
                st.toggle("The authors' curves, 2014", key=f"overlay-{experiment.preset.name}")
            st.caption("Click a point to open its run below.", width="content")
        over, chosen = overlaid(experiment), chosen_run(experiment)
        stars = [star for built in board.built if (star := _star(built, counted=kept)) is not None]
        asked = (
            "transfer", experiment.preset.identity, over, chosen, experiment.seed, *stars,
            *((arm, *board.by_split(arm).items()) for arm in experiment.arms),
        )  # fmt: skip
        draw = _kept_figure if kept else _curves_figure
        live_chart(
            remembered(asked, lambda: draw(board, stars)), key=f"transfer-{'kept' if kept else 'curves'}", height=430,
            on_point=lambda point: open_point(experiment, point, view),
            description="accuracy against the number of layers; the table below has the numbers",
        )  # fmt: skip
        if over:
            st.html(
                f'<p class="tl-runs">Curves of 2014, relative to their own base: <a href="{yosinski.URL}" '
                f'target="_blank" rel="noreferrer">{html.escape(yosinski.SOURCE)}</a>. Their network has '
                f"{yosinski.DEPTH} layers, drawn over our {LAYERS}; halves of ImageNet.</p>"
            )
        sentences = kept_words(board) if kept else curve_words(board)
        st.html(f'<div role="status">{"".join(f"<p class=tl-words>{sentence}</p>" for sentence in sentences)}</div>')


def _progress(board: Board) -> str:
    words = under_way(view for arms in board.views.values() for view in arms.values() if view is not None)
    if words:
        return words
    if not board.points:
        return "nothing trained yet"
    recorded = all(view.is_recorded for views in board.finished.views.values() for view in views)
    splits = max([len(found) for curve in board.points.values() for found in curve.values()] or [1])
    return f"mean and each of {splits} split{'s' * (splits != 1)}{' · recorded' if recorded else ''}"


Star = tuple[str, str, str, int, float]


def _star(view: RunView, *, counted: bool = False) -> Star | None:
    """Run, name, kind of its data, place on the axis and accuracy of a finished run of the bench."""
    if view.run.state != "finished" or METRIC not in view.run.summary:
        return None
    spec = view.run.spec
    place = place_of(spec, counted=counted)
    return view.run.id, built_title(spec), getattr(spec.data, "half", "B"), place, view.run.summary[METRIC]


def _curves_figure(board: Board, stars: Sequence[Star]) -> go.Figure:
    experiment = board.experiment
    published: dict[str, Sequence[float]] = {}
    if overlaid(experiment):
        dissimilar = experiment.preset.name == "dissimilar"
        published = (
            {"AnB": yosinski.relative_dissimilar()}
            if dissimilar
            else {curve: yosinski.relative(curve) for curve in yosinski.CURVES if curve != "random"}
        )
    base = board.values(BASE)
    figure = transfer_curves(
        board.points, base, published=published, published_source=yosinski.SOURCE,
        marked=split_arm(chosen_run(experiment)), layers=LAYERS,
    )  # fmt: skip
    _make_clickable(figure, board, {curve: curve for curve in LOOKS})
    for star in stars:
        figure.add_trace(_star_trace(star, LAYERS))
    levels = [star[4] for star in stars] + [
        base_level + value for base_level in base[:1] for curve in published.values() for value in curve
    ]
    view = figure.layout.yaxis.range
    if view and levels:
        figure.layout.yaxis.range = [max(0.0, min(view[0], *(one - 0.03 for one in levels))),
                                     min(1.0, max(view[1], *(one + 0.03 for one in levels)))]  # fmt: skip
    if not board.finished.views and not stars:
        say_empty(figure)
        figure.update_yaxes(range=[0, 1])  # Plotly's own axis of nothing has shares below 0
    return figure


def _kept_figure(board: Board, stars: Sequence[Star]) -> go.Figure:
    points = {
        change: {kept: board.points[name] for kept in ("first", "last") if (name := f"{change}:{kept}") in board.points}
        for change in CHANGES
    }
    bases = {change: board.values(f"{change}:base") for change in CHANGES}
    figure: go.Figure = kept_curves(points, bases, CHANGES)
    for change, axis in zip(CHANGES, ("x", "x2"), strict=True):
        _make_clickable(figure, board, {kept: f"{change}:{kept}" for kept in ("first", "last")}, axis)
    for star in stars:
        column = 1 if star[2] == "B" else 2
        figure.add_trace(_star_trace(star, LAYERS - 1), row=1, col=column)
    if not board.finished.views and not stars:
        say_empty(figure)
    return figure


def _star_trace(star: Star, last: int) -> go.Scatter:
    run, name, _, place, value = star
    return go.Scatter(
        x=[min(max(place, 0.85), last + 0.15)], y=[value], mode="markers", showlegend=False, name=name,
        customdata=[f"{run}|"], hovertemplate=f"{html.escape(name)}: %{{y:.1%}}<extra>from the bench</extra>",
        marker={"symbol": "star", "size": 16, "color": role_colour("label"),
                "line": {"width": 1, "color": role_colour("ink")}},
    )  # fmt: skip


def _make_clickable(figure: go.Figure, board: Board, names: Mapping[str, str], axis: str = "x") -> None:
    """Give every dot of a split, and every mean, the run it opens. names: the curve's arms by its trace's group."""
    for trace in figure.data:
        if trace.legendgroup not in names or (trace.xaxis or "x") != axis:
            continue
        dots: dict[int, list[str]] = {}
        for count in dict.fromkeys(int(x) for x in trace.x):
            arm = arm_name(names[trace.legendgroup], count)
            dots[count] = [f"{arm}|{seed}" for seed in board.by_split(arm)]
        if trace.mode == "markers":
            trace.customdata = [one for found in dots.values() for one in found]
        else:
            shown = f"|{board.experiment.seed}"
            trace.customdata = [
                next((one for one in found if one.endswith(shown)), found[0]) for found in dots.values()
            ]


# The numbers -------------------------------------------------------------------------------------------------------


def table_card(board: Board) -> None:
    """Mean ± sd over splits, a row for each curve and a column for each n; in the bases nothing is transferred."""
    with card("table"):
        card_header("The numbers", "accuracy on the task, mean ± sd over splits")
        if not board.finished.views:
            st.caption("They come with the first run that finishes.")
            return
        parts = [part for part in map(split_arm, board.experiment.arms) if part is not None]
        counts = sorted({count for _, count in parts})
        names = {arm: _base_name(arm) for arm in board.experiment.arms if split_arm(arm) is None}
        rows = [
            f"<tr><td style='white-space:nowrap'>{html.escape(name)}</td><td>{_cell(board.values(arm))}</td>"
            f"{'<td></td>' * len(counts)}</tr>"
            for arm, name in names.items()
        ]
        for curve in dict.fromkeys(curve for curve, _ in parts):
            cells = "".join(f"<td>{_cell(board.values(arm_name(curve, count)))}</td>" for count in counts)
            change, _, kept = curve.partition(":")
            name = f"{CHANGES[change]}: {kept} kept" if change in CHANGES else curve
            rows.append(f"<tr><td>{html.escape(name)}</td><td></td>{cells}</tr>")
        head = "".join(f"<th>n = {count}</th>" for count in (0, *counts))
        st.html(f'<div class="tl-scroll"><table class="tl-table"><tr><th></th>{head}</tr>{"".join(rows)}</table></div>')


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    summary = summarise(values)
    spread = f" <small>± {summary.sd:.3f}</small>".replace("0.", ".") if summary.sd is not None else ""
    return f"{summary.mean:.3f}{spread}"


def _base_name(arm: str) -> str:
    change = arm.partition(":")[0]
    if change in CHANGES:
        return f"base, {CHANGES[change]}"
    return "base A" if arm == BASE_A else "base"


def address_of_figure(experiment: Experiment) -> dict[str, str | None]:
    """What of the figure belongs into the address."""
    return {"overlay": OVERLAY if overlaid(experiment) else None, **chosen_address(experiment)}
