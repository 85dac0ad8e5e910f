"""Figures that compare the arms of any experiment: final figures over seeds, confusion, what each class gained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from tlcore.analysis.confusion import per_class_gain
from tlcore.analysis.statistics import summarise
from tlcore.plots.style import LIGHT, role_colour, style_figure
from tlcore.runs import Confusion


def comparison(
    values: Mapping[str, Sequence[float]],
    titles: Mapping[str, str],
    published: Mapping[str, float] | None = None,
    *,
    metric: str = "target accuracy",
) -> go.Figure:
    """Each arm's values over the seeds as dots, their mean as a bar, sample standard deviation as its whisker."""
    figure = go.Figure()
    arms = [arm for arm in values if len(values[arm])]
    names = [titles[arm] for arm in arms]
    summaries = [summarise(values[arm]) for arm in arms]
    means, deviations = [summary.mean for summary in summaries], [summary.sd or 0.0 for summary in summaries]
    figure.add_trace(
        go.Bar(
            x=names, y=means, marker={"color": role_colour("target"), "opacity": 0.55}, name="mean",
            error_y={"array": deviations, "color": role_colour("ink"), "thickness": 1.2},
            hovertemplate="%{x}: %{y:.3f}<extra></extra>",
        )
    )  # fmt: skip
    for arm, name in zip(arms, names, strict=True):
        figure.add_trace(
            go.Scatter(
                x=[name] * len(values[arm]), y=list(values[arm]), mode="markers", showlegend=False,
                marker={"color": role_colour("ink"), "size": 6, "symbol": "circle-open"},
                hovertemplate="seed: %{y:.3f}<extra></extra>",
            )
        )  # fmt: skip
    shown = {arm: value for arm, value in (published or {}).items() if arm in arms}
    if shown:
        figure.add_trace(
            go.Scatter(
                x=[titles[arm] for arm in shown], y=list(shown.values()), mode="markers", name="published",
                marker={"color": role_colour("label"), "size": 11, "symbol": "diamond"},
            )
        )  # fmt: skip
    return style_figure(
        figure, uirevision="comparison", hovermode="closest", showlegend=bool(shown),
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "title": metric},
    )  # fmt: skip


def confusion_matrix(confusion: Confusion, class_names: Sequence[str]) -> go.Figure:
    """True (rows) against predicted (columns) classes as shares of each row; the counts stand in the hover text."""
    counts = confusion.counts.astype(float)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    colour = role_colour("source" if confusion.domain == "source" else "target")
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=list(class_names), y=list(class_names), zmin=0, zmax=1, showscale=False, xgap=1, ygap=1,
            colorscale=[[0, "rgba(127,127,127,0.06)"], [1, colour]], customdata=confusion.counts,
            hovertemplate="true %{y}, predicted %{x}<br>%{customdata} of these, %{z:.0%}<extra></extra>",
        )
    )  # fmt: skip
    style_figure(figure, hovermode="closest")
    figure.update_xaxes(title="predicted", type="category", showgrid=False)
    return figure.update_yaxes(title="true", type="category", autorange="reversed", showgrid=False)


def class_gain(before: Confusion, after: Confusion, class_names: Sequence[str]) -> go.Figure:
    """Per-class accuracy on the target after adaptation less before it; bars to the left are classes that lost."""
    gain = per_class_gain(before.counts, after.counts)
    colours = [role_colour("extractor") if value >= 0 else LIGHT.wrong for value in gain]
    figure = go.Figure(
        go.Bar(
            x=gain, y=list(class_names), orientation="h", marker={"color": colours},
            hovertemplate="class %{y}: %{x:+.1%}<extra></extra>",
        )
    )  # fmt: skip
    style_figure(figure, hovermode="closest", xaxis={"tickformat": "+.1%", "nticks": 5, "title": "change in accuracy"})
    return figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
