"""Figures of a domain-adversarial experiment, from what the store holds."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from tlcore.plots.style import LIGHT, role_colour, say_no_curves, style_figure
from tlcore.runs import Series

DASHES = {"source_only": "dot", "dann": "solid", "train_on_target": "dash"}


def accuracy_curves(metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str]) -> go.Figure:
    """Source and target accuracy over the steps, an arm a line style. metrics: by arm, then by name."""
    figure = go.Figure()
    for arm, series in metrics.items():
        for domain in ("source", "target"):
            line = series.get(f"{domain}_accuracy")
            if line is not None:
                _line(figure, line, f"{titles[arm]}: {domain}", domain, DASHES.get(arm, "solid"))
                figure.data[-1].update(showlegend=False, legendgroup=arm)
    # Colours and line styles are named apart: names of both at once leave no room for the curves.
    arms = {trace.legendgroup: trace.name.rpartition(": ")[0] for trace in figure.data}
    for domain in ("source", "target") if arms else ():
        _named(figure, domain, role_colour(domain), "solid")
    for arm, title in arms.items():
        _named(figure, title, LIGHT.soft, DASHES.get(arm, "solid"), arm)
    say_no_curves(figure)
    style_figure(
        figure, uirevision="accuracy", yaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "accuracy"},
        legend={"font": {"size": 11}, "itemwidth": 30},
    )  # fmt: skip
    return figure.update_xaxes(title="step")


def _named(figure: go.Figure, name: str, colour: str, dash: str, group: str | None = None) -> None:
    """An entry of the legend that stands for the lines of a group, or for a colour."""
    line = {"color": colour, "dash": dash}
    figure.add_trace(go.Scatter(x=[None], y=[None], name=name, mode="lines", line=line, legendgroup=group))


def adversary_curves(series: Mapping[str, Series]) -> go.Figure:
    """How the game between extractor and domain classifier goes: its accuracy, a fresh probe's, and λ on the right."""
    figure = go.Figure()
    for name, title, role, dash in (
        ("domain_accuracy", "domain classifier", "domain", "solid"),
        ("probe_domain_accuracy", "fresh probe", "domain", "dot"),
    ):
        line = series.get(name)
        if line is not None:
            _line(figure, line, title, role, dash)
    strength = series.get("grl_lambda")
    if strength is not None:
        _line(figure, strength, "λ", "soft", "solid")
        figure.data[-1].yaxis = "y2"
    say_no_curves(figure)
    if figure.data:
        figure.add_hline(y=0.5, line={"color": LIGHT.line, "width": 1, "dash": "dash"})
    style_figure(
        figure, uirevision="adversary", xaxis={"title": "step"},
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "accuracy"},
    )  # fmt: skip
    axis = {"overlaying": "y", "side": "right", "rangemode": "tozero", "showgrid": False, "zeroline": False}
    return figure.update_layout(yaxis2=axis | {"title": {"text": "λ", "standoff": 8}, "automargin": True})


def loss_curves(series: Mapping[str, Series]) -> go.Figure:
    """Class loss and domain loss in nats, on the training batches."""
    figure = go.Figure()
    for name, title, role in (("class_loss", "class loss", "label"), ("domain_loss", "domain loss", "domain")):
        line = series.get(name)
        if line is not None:
            _line(figure, line, title, role, "solid")
    say_no_curves(figure)
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
    say_no_curves(figure)
    return style_figure(
        figure, uirevision="gradient", xaxis={"title": "step"}, yaxis={"type": "log", "title": "gradient"}
    )


def _line(figure: go.Figure, series: Series, name: str, role: str, dash: str) -> None:
    line = {"color": role_colour(role), "dash": dash}
    # One point makes no line: the very first is shown as a dot, so that one sees at once that training has begun.
    mode = "lines" if len(series.steps) > 2 else "lines+markers"
    figure.add_trace(go.Scatter(x=series.steps, y=series.values, name=name, mode=mode, line=line))
