"""Figures of a domain-adversarial experiment, from what the store holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from tlcore.plots.style import LIGHT, role_colour, style_figure
from tlcore.runs import Confusion, Series

DASHES = {"source_only": "dot", "dann": "solid", "train_on_target": "dash"}


def accuracy_curves(metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str]) -> go.Figure:
    """Source and target accuracy over the steps, an arm a line style. metrics: by arm, then by name."""
    figure = go.Figure()
    for arm, series in metrics.items():
        for domain in ("source", "target"):
            line = series.get(f"{domain}_accuracy")
            if line is not None:
                _line(figure, line, f"{titles[arm]}: {domain}", domain, DASHES.get(arm, "solid"))
    style_figure(figure, uirevision="accuracy", yaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "accuracy"})
    return figure.update_xaxes(title="step")


def adversary_curves(series: Mapping[str, Series]) -> go.Figure:
    """How the game between extractor and domain classifier goes: its accuracy, a fresh probe's, and λ."""
    figure = go.Figure()
    for name, title, role, dash in (
        ("domain_accuracy", "domain classifier", "domain", "solid"),
        ("probe_domain_accuracy", "fresh probe", "domain", "dot"),
        ("grl_lambda", "λ", "soft", "solid"),
    ):
        line = series.get(name)
        if line is not None:
            _line(figure, line, title, role, dash)
    if figure.data:
        figure.add_hline(y=0.5, line={"color": LIGHT.line, "width": 1, "dash": "dash"})
    return style_figure(
        figure, uirevision="adversary", xaxis={"title": "step"}, yaxis={"rangemode": "tozero", "title": "accuracy, λ"}
    )


def loss_curves(series: Mapping[str, Series]) -> go.Figure:
    """Class loss and domain loss in nats, on the training batches."""
    figure = go.Figure()
    for name, title, role in (("class_loss", "class loss", "label"), ("domain_loss", "domain loss", "domain")):
        line = series.get(name)
        if line is not None:
            _line(figure, line, title, role, "solid")
    return style_figure(
        figure, uirevision="loss", xaxis={"title": "step"}, yaxis={"rangemode": "tozero", "title": "loss (nats)"}
    )


def gradient_curves(series: Mapping[str, Series]) -> go.Figure:
    """Length of the gradient that arrives at the features from either head, averaged over the examples of a batch."""
    figure = go.Figure()
    for name, title, role in (
        ("class_gradient_norm", "from the label predictor", "label"),
        ("domain_gradient_norm", "from the domain classifier, reversed", "domain"),
    ):
        line = series.get(name)
        if line is not None:
            _line(figure, line, title, role, "solid")
    return style_figure(
        figure, uirevision="gradient", xaxis={"title": "step"}, yaxis={"type": "log", "title": "gradient"}
    )


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
    means = [float(np.mean(values[arm])) for arm in arms]
    deviations = [float(np.std(values[arm], ddof=1)) if len(values[arm]) > 1 else 0.0 for arm in arms]
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
    gain = recalls(after.counts) - recalls(before.counts)
    colours = [role_colour("extractor") if value >= 0 else LIGHT.wrong for value in gain]
    figure = go.Figure(
        go.Bar(
            x=gain, y=list(class_names), orientation="h", marker={"color": colours},
            hovertemplate="class %{y}: %{x:+.1%}<extra></extra>",
        )
    )  # fmt: skip
    style_figure(figure, hovermode="closest", xaxis={"tickformat": "+.0%", "title": "change in target accuracy"})
    return figure.update_yaxes(type="category", autorange="reversed", showgrid=False)


def recalls(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Accuracy of each class (K,), NaN for a class without examples."""
    totals = counts.sum(1)
    return np.divide(np.diag(counts), totals, out=np.full(len(counts), np.nan), where=totals > 0)


def _line(figure: go.Figure, series: Series, name: str, role: str, dash: str) -> None:
    line = {"color": role_colour(role), "dash": dash}
    figure.add_trace(go.Scatter(x=series.steps, y=series.values, name=name, mode="lines", line=line))
