"""Figures of a zero-shot experiment, from what the store holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from tlcore.plots.style import LIGHT, class_colour, role_colour, say_no_curves, style_figure
from tlcore.runs import Series

Floats = npt.NDArray[np.floating]
SPREAD = (("naive", "dot"), ("margin", "solid"))
ARMS = ("naive", "margin", "attributes", "conse", "eszsl", "devise", "ale")  # each has its colour in every experiment
SOLVED = ("conse", "eszsl")  # at once, not step by step
LEGEND = {"font": {"size": 11}, "itemwidth": 30}  # seven names stand beside each other in half a page


def accuracy_curves(metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str], chance: float) -> go.Figure:
    """`unseen_accuracy` over the steps, an arm a line; chance as a dashed line. metrics: by arm, then by name.

    What is solved at once has one answer, whatever the step: a level line, from where the others begin to where they
    end, and nothing before it is solved.
    """
    figure = go.Figure()
    known = [*ARMS, *(arm for arm in metrics if arm not in ARMS)]
    for arm, series in metrics.items():
        line = series.get("unseen_accuracy")
        if line is None or arm not in titles:
            continue
        look, values, mode = {"color": class_colour(known.index(arm))}, line.values, "lines"
        if arm in SOLVED:
            if len(line.steps) < 2:
                continue
            values, look = np.full(len(line.steps), line.values[-1]), look | {"dash": "dashdot"}
        elif len(line.steps) <= 2:
            mode = "lines+markers"
        figure.add_trace(go.Scatter(x=line.steps, y=values, name=titles[arm], mode=mode, line=look))
    if figure.data and chance > 0:
        figure.add_hline(y=chance, line={"color": LIGHT.soft, "width": 1, "dash": "dash"})
    say_no_curves(figure)
    style_figure(
        figure, uirevision="unseen", legend=LEGEND,
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "among unseen classes"},
    )  # fmt: skip
    return figure.update_xaxes(title="step")


def spread_curves(metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str]) -> go.Figure:
    """How far pictures (blue) and descriptions (violet) lie from their middle; naive is dotted."""
    figure = go.Figure()
    for arm, dash in SPREAD:
        for name, role in (("picture", "source"), ("description", "label")):
            line = metrics.get(arm, {}).get(f"{name}_spread")
            if line is not None and arm in titles:
                figure.add_trace(
                    go.Scatter(
                        x=line.steps, y=line.values, name=f"{titles[arm]}: {name}s", mode="lines+markers",
                        line={"color": role_colour(role), "dash": dash}, marker={"size": 4},
                    )
                )  # fmt: skip
    say_no_curves(figure)
    style_figure(
        figure, uirevision="spread", legend=LEGEND, yaxis={"rangemode": "tozero", "title": "distance from the middle"}
    )
    return figure.update_xaxes(title="step")


def loss_curves(metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str]) -> go.Figure:
    """What the two joint spaces are trained by, on a logarithmic axis: naive is dotted, as its spread is."""
    figure = go.Figure()
    for arm, dash in SPREAD:
        line = metrics.get(arm, {}).get("class_loss")
        if line is not None and arm in titles:
            look = {"color": class_colour(ARMS.index(arm)), "dash": dash}
            figure.add_trace(go.Scatter(x=line.steps, y=line.values, name=titles[arm], mode="lines", line=look))
    say_no_curves(figure)
    style_figure(figure, uirevision="loss", legend=LEGEND, yaxis={"type": "log", "dtick": 1, "title": "loss"})
    return figure.update_xaxes(title="step")


def calibration(unseen: Floats, seen: Floats, at: tuple[float, float] | None, title: str) -> go.Figure:
    """Seen against unseen per-class accuracy for every constant, the area filled. at: (unseen, seen)."""
    figure = go.Figure(
        go.Scatter(
            x=unseen, y=seen, name=title, mode="lines", fill="tozeroy", line={"color": role_colour("label")},
            hovertemplate="unseen %{x:.1%}, seen %{y:.1%}<extra></extra>",
        )
    )  # fmt: skip
    if at is not None:
        figure.add_trace(
            go.Scatter(
                x=[at[0]], y=[at[1]], mode="markers", showlegend=False,
                marker={"size": 12, "color": role_colour("target"), "line": {"width": 2, "color": LIGHT.card}},
                hovertemplate="with this constant: unseen %{x:.1%}, seen %{y:.1%}<extra></extra>",
            )
        )  # fmt: skip
    return style_figure(
        figure, uirevision="calibration", hovermode="closest", showlegend=False,
        xaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "unseen classes"},
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "seen classes"},
    )  # fmt: skip


def hub_bars(nearest: Floats, expected: Floats, names: Sequence[str]) -> go.Figure:
    """The share of the pictures that each description attracts, and the share that belongs there as a line across."""
    order = np.argsort(-nearest, kind="stable")
    labels = [names[index] for index in order]
    figure = go.Figure(
        go.Bar(
            x=labels, y=nearest[order], name="attracted", marker={"color": role_colour("target"), "opacity": 0.7},
            hovertemplate="%{x}: %{y:.1%} of the pictures<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=labels, y=expected[order], name="belong there", mode="markers",
            marker={"symbol": "line-ew", "size": 14, "line": {"width": 2, "color": role_colour("ink")}},
        )
    )  # fmt: skip
    style_figure(figure, hovermode="closest", yaxis={"tickformat": ".0%", "title": "share of unseen pictures"})
    return figure.update_xaxes(type="category", showgrid=False)


def attribute_bars(
    predicted: Floats, table: Floats, names: Sequence[str], guessed: str, described: str
) -> go.Figure:  # fmt: skip
    """What was predicted of one picture for the attributes that matter, beside what the table says of a class.

    guessed, described: how the two are called, so that it is said whose guesses these are.
    """
    figure = go.Figure()
    for values, title, role in ((predicted, guessed, "label"), (table, described, "soft")):
        figure.add_trace(
            go.Bar(
                x=values, y=list(names), name=title, orientation="h", marker={"color": role_colour(role)},
                hovertemplate="%{y}: %{x:.2f}<extra></extra>",
            )
        )  # fmt: skip
    style_figure(figure, hovermode="closest", barmode="group", xaxis={"range": [0, 1.02]})
    return figure.update_yaxes(type="category", autorange="reversed", showgrid=False)


def plane(
    points: Floats, unseen: npt.NDArray[np.bool_], falls: npt.NDArray[np.bool_], before: Floats | None, now: Floats,
    name: str,
) -> go.Figure:  # fmt: skip
    """Where a changed description lies among the pictures (N, 2), which of them fall to it, and where it lay before."""
    figure = go.Figure()
    for chosen, title, role in ((~unseen, "seen", "source"), (unseen, "unseen", "target")):
        figure.add_trace(
            go.Scatter(
                x=points[chosen, 0], y=points[chosen, 1], name=title, mode="markers", hoverinfo="skip",
                marker={"color": role_colour(role), "size": 5, "opacity": 0.45},
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=points[falls, 0], y=points[falls, 1], name="fall to it", mode="markers", hoverinfo="skip",
            marker={"color": "rgba(0,0,0,0)", "size": 10, "line": {"width": 1.5, "color": role_colour("ink")}},
        )
    )  # fmt: skip
    if before is not None:
        figure.add_trace(
            go.Scatter(
                x=[before[0], now[0]], y=[before[1], now[1]], mode="lines", showlegend=False, hoverinfo="skip",
                line={"color": role_colour("soft"), "dash": "dot", "width": 1},
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[now[0]], y=[now[1]], name=name, mode="markers", hovertemplate=f"{name}<extra></extra>",
            marker={"symbol": "star", "size": 18, "color": role_colour("label")},
        )
    )  # fmt: skip
    style_figure(figure, uirevision="plane", hovermode="closest")
    return figure.update_xaxes(showticklabels=False).update_yaxes(showticklabels=False)
