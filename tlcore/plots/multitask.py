"""Figures of multitask learning and progressive networks, from plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from tlcore.analysis.statistics import summarise
from tlcore.plots.style import LIGHT, class_colour, role_colour, style_figure
from tlcore.runs import Series

Values = Sequence[float]
CONFLICT_SCALE = [[0, LIGHT.wrong], [0.5, "rgba(127,127,127,0.08)"], [1, role_colour("source")]]
DASHES = ("solid", "dash", "dot", "dashdot")


def companions_curve(values: Mapping[int, Values], *, main: str) -> go.Figure:
    """Accuracy of the main task against the number of companions, 0 among them: mean, spread, and each seed.

    The companions double from place to place, so the places are even.
    """
    counts = sorted(count for count, seeds in values.items() if len(seeds))
    figure = go.Figure()
    _mean_line(
        figure,
        [str(count) for count in counts],
        [values[count] for count in counts],
        "shared",
        role_colour("extractor"),
    )
    if counts and counts[0] == 0:
        alone = float(np.mean(values[0]))
        figure.add_hline(
            y=alone, line={"color": role_colour("soft"), "width": 1.2, "dash": "dash"},
            annotation={"text": "alone", "font": {"color": role_colour("soft"), "size": 12}},
            annotation_position="bottom right",
        )  # fmt: skip
    style_figure(
        figure, uirevision="companions", hovermode="closest", showlegend=False,
        yaxis={"tickformat": ".0%", "title": f"accuracy of “{main}”"},
    )  # fmt: skip
    return figure.update_xaxes(title="companion tasks", type="category")


def width_gap(gaps: Mapping[str, Mapping[int, Values]]) -> go.Figure:
    """Shared less alone against the width of the network, a line for each task: below zero, sharing hurts."""
    figure = go.Figure()
    for index, (task, by_width) in enumerate(gaps.items()):
        widths = sorted(width for width, seeds in by_width.items() if len(seeds))
        _mean_line(
            figure, [str(width) for width in widths], [by_width[width] for width in widths], task,
            class_colour(index), dash=DASHES[index % len(DASHES)],
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": role_colour("ink"), "width": 1})
    style_figure(
        figure,
        uirevision="gap",
        hovermode="closest",
        yaxis={"tickformat": "+.2f", "title": "accuracy, shared less alone"},
    )
    return figure.update_xaxes(title="channels of the first convolution", type="category")


def task_changes_bars(changes: Mapping[str, Mapping[str, Values]], titles: Mapping[str, str]) -> go.Figure:
    """Relative change of each task against its own network, in groups by arm; whiskers are standard deviations."""
    figure = go.Figure()
    for index, (arm, tasks) in enumerate(changes.items()):
        shown = {task: summarise(values) for task, values in tasks.items() if len(values)}
        figure.add_trace(
            go.Bar(
                x=list(shown), y=[one.mean for one in shown.values()], name=titles.get(arm, arm),
                marker={"color": class_colour(index), "opacity": 0.75},
                error_y={
                    "array": [one.sd or 0.0 for one in shown.values()], "color": role_colour("ink"), "thickness": 1.2,
                },
                hovertemplate=f"{titles.get(arm, arm)}, %{{x}}: %{{y:+.1%}}<extra></extra>",
            )
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": role_colour("ink"), "width": 1})
    style_figure(
        figure, uirevision="changes", hovermode="closest", barmode="group",
        yaxis={"tickformat": "+.1%", "title": "relative change against alone"},
    )  # fmt: skip
    return figure.update_xaxes(type="category", showgrid=False)


def accuracy_bars(values: Mapping[str, Values], *, axis: str) -> go.Figure:
    """One bar an arm, its seeds as dots: in the order given."""
    shown = {name: seeds for name, seeds in values.items() if len(seeds)}
    figure = go.Figure(
        go.Bar(
            x=list(shown), y=[float(np.mean(seeds)) for seeds in shown.values()],
            marker={"color": role_colour("extractor"), "opacity": 0.55}, hovertemplate="%{x}: %{y:.1%}<extra></extra>",
        )
    )  # fmt: skip
    for name, seeds in shown.items():
        figure.add_trace(
            go.Scatter(
                x=[name] * len(seeds), y=list(seeds), mode="markers",
                marker={"color": role_colour("ink"), "size": 6, "symbol": "circle-open"},
                hovertemplate="one seed: %{y:.1%}<extra></extra>",
            )
        )  # fmt: skip
    style_figure(
        figure, uirevision="bars", hovermode="closest", showlegend=False,
        yaxis={"tickformat": ".0%", "title": axis, "range": [0, 1]},
    )  # fmt: skip
    return figure.update_xaxes(type="category", showgrid=False)


def task_curves(metrics: Mapping[str, Series], scores: Mapping[str, str]) -> go.Figure:
    """The score of each task over the steps. scores: task to the name of its metric."""
    figure = go.Figure()
    for index, (task, name) in enumerate(scores.items()):
        line = metrics.get(name)
        if line is not None:
            figure.add_trace(
                go.Scatter(
                    x=line.steps, y=line.values, name=task, mode="lines",
                    line={"color": class_colour(index), "dash": DASHES[index // 10 % len(DASHES)]},
                    hovertemplate="%{y:.1%}",
                )
            )  # fmt: skip
    style_figure(figure, uirevision="tasks", yaxis={"tickformat": ".0%", "title": "accuracy (R² of quantities)"})
    return figure.update_xaxes(title="step")


def norm_curves(norms: Mapping[str, Series]) -> go.Figure:
    """Length of each task's gradient at the shared parameters, over the steps; the axis is logarithmic."""
    figure = go.Figure()
    for index, (task, line) in enumerate(norms.items()):
        figure.add_trace(
            go.Scatter(
                x=line.steps, y=line.values, name=task, mode="lines",
                line={"color": class_colour(index), "dash": DASHES[index // 10 % len(DASHES)]},
                hovertemplate="%{y:.3g}",
            )
        )  # fmt: skip
    style_figure(figure, uirevision="norms", yaxis={"type": "log", "dtick": 1, "title": "length of the gradient"})
    return figure.update_xaxes(title="step")


def cosine_map(cosines: Mapping[tuple[str, str], Mapping[str, float]], layers: Sequence[str]) -> go.Figure:
    """Cosines between the gradients of two tasks (rows), for each shared layer and for all of them: red where what one
    wants the other does not."""
    rows = [f"{one} · {other}" for one, other in cosines]
    table = [[values.get(layer, float("nan")) for layer in layers] for values in cosines.values()]
    few = len(rows) * len(layers) <= 60
    figure = go.Figure(
        go.Heatmap(
            z=table, x=list(layers), y=rows, zmin=-1, zmax=1, colorscale=CONFLICT_SCALE, xgap=2, ygap=2,
            texttemplate="%{z:+.2f}" if few else None, textfont={"color": role_colour("ink")},
            colorbar={"title": {"text": "cosine", "side": "top"}, "thickness": 10, "len": 0.9, "outlinewidth": 0},
            hovertemplate="%{y} in %{x}: cosine %{z:+.2f}<extra></extra>",
        )
    )  # fmt: skip
    style_figure(figure, uirevision="cosines", hovermode="closest")
    figure.update_xaxes(type="category", showgrid=False)
    return figure.update_yaxes(type="category", autorange="reversed", showgrid=False)


def old_and_new(new: Mapping[str, Values], old: Mapping[str, Values], before: Values) -> go.Figure:
    """Accuracy on the new task, and on the old one afterwards, of each arm; the dashed line is the old one before."""
    figure = go.Figure()
    for values, name, role in ((new, "new task", "target"), (old, "old task afterwards", "source")):
        shown = {arm: summarise(seeds) for arm, seeds in values.items() if len(seeds)}
        figure.add_trace(
            go.Bar(
                x=list(shown), y=[one.mean for one in shown.values()], name=name,
                marker={"color": role_colour(role), "opacity": 0.75},
                error_y={
                    "array": [one.sd or 0.0 for one in shown.values()], "color": role_colour("ink"), "thickness": 1.2,
                },
                hovertemplate=f"%{{x}}, {name}: %{{y:.1%}}<extra></extra>",
            )
        )  # fmt: skip
    if len(before):
        figure.add_hline(
            y=float(np.mean(before)), line={"color": role_colour("source"), "width": 1.2, "dash": "dash"},
            annotation={"text": "old task before", "font": {"color": role_colour("source"), "size": 12}},
            annotation_position="top right",
        )  # fmt: skip
    style_figure(
        figure, uirevision="old-new", hovermode="closest", barmode="group",
        yaxis={"tickformat": ".0%", "range": [0, 1.02], "title": "accuracy"},
    )  # fmt: skip
    return figure.update_xaxes(type="category", showgrid=False)


def sensitivity_map(shares: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Average Fisher sensitivity: for each layer (columns) the share that lies in each column of the network (rows)."""
    layers = list(dict.fromkeys(layer for row in shares.values() for layer in row))
    figure = go.Figure(
        go.Heatmap(
            z=[[row.get(layer, float("nan")) for layer in layers] for row in shares.values()], x=layers, y=list(shares),
            # The extractor's green, faint enough for the numbers in it to be read in either theme.
            zmin=0, zmax=1, colorscale=[[0, "rgba(127,127,127,0.06)"], [1, "rgba(59,154,87,0.6)"]], xgap=2, ygap=2,
            texttemplate="%{z:.2f}", textfont={"color": role_colour("ink")}, showscale=False,
            hovertemplate="%{y}, %{x}: %{z:.1%}<extra></extra>",
        )
    )  # fmt: skip
    style_figure(figure, uirevision="fisher", hovermode="closest")
    figure.update_xaxes(type="category", showgrid=False)
    return figure.update_yaxes(type="category", showgrid=False)


def ablation_bars(losses: Mapping[str, Values]) -> go.Figure:
    """How much accuracy on the new task is lost with one lateral connection taken away; whiskers are over seeds."""
    shown = {name: summarise(values) for name, values in losses.items() if len(values)}
    figure = go.Figure(
        go.Bar(
            y=list(shown), x=[one.mean for one in shown.values()], orientation="h",
            marker={"color": role_colour("source"), "opacity": 0.75},
            error_x={
                "array": [one.sd or 0.0 for one in shown.values()], "color": role_colour("ink"), "thickness": 1.2,
            },
            hovertemplate="without %{y}: %{x:.1%} of accuracy is lost<extra></extra>",
        )
    )  # fmt: skip
    style_figure(
        figure, uirevision="ablation", hovermode="closest", xaxis={"tickformat": ".0%", "title": "accuracy lost"}
    )
    return figure.update_yaxes(type="category", autorange="reversed", showgrid=False)


def parameters_against_tasks(counts: Mapping[str, Sequence[tuple[int, float]]]) -> go.Figure:
    """All parameters that are kept, against how many tasks are known by then, a line for each way to learn them."""
    figure = go.Figure()
    for index, (name, points) in enumerate(counts.items()):
        figure.add_trace(
            go.Scatter(
                x=[tasks for tasks, _ in points], y=[parameters for _, parameters in points], name=name,
                mode="lines+markers", line={"color": class_colour(index), "dash": DASHES[index % len(DASHES)]},
                hovertemplate=f"{name}, %{{x}} tasks: %{{y:,.0f}} parameters<extra></extra>",
            )
        )  # fmt: skip
    style_figure(figure, uirevision="parameters", hovermode="closest", yaxis={"rangemode": "tozero"})
    figure.update_xaxes(title="tasks learned", dtick=1)
    return figure.update_yaxes(title="parameters")


def _mean_line(
    figure: go.Figure, x: list[Any], values: Sequence[Values], name: str, colour: str, dash: str = "solid"
) -> None:
    summaries = [summarise(seeds) for seeds in values]
    figure.add_trace(
        go.Scatter(
            x=[place for place, seeds in zip(x, values, strict=True) for _ in seeds],
            y=[value for seeds in values for value in seeds], mode="markers", showlegend=False, legendgroup=name,
            marker={"color": colour, "size": 5, "opacity": 0.35},
            hovertemplate=f"{name}, one seed: %{{y:.1%}}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=x, y=[one.mean for one in summaries], mode="lines+markers", name=name, legendgroup=name,
            line={"color": colour, "dash": dash, "width": 2}, marker={"color": colour, "size": 8},
            error_y={"array": [one.sd or 0.0 for one in summaries], "color": colour, "thickness": 1.2},
            hovertemplate=f"{name}: %{{y:.1%}}<extra></extra>",
        )
    )  # fmt: skip
