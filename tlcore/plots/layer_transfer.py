"""Figures of layer transfer, from plain dictionaries: accuracy against the number of layers, split by split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tlcore.plots.style import LIGHT, role_colour, style_figure

Points = Mapping[str, Mapping[int, Sequence[float]]]
"""Values over the splits by curve, then by n."""

LOOKS = {
    "BnB": ("target", "solid", "circle"),
    "BnB+": ("target", "dash", "circle-open"),
    "AnB": ("source", "solid", "circle"),
    "AnB+": ("source", "dash", "circle-open"),
    "random": ("soft", "dot", "diamond"),
    "first": ("source", "solid", "circle"),
    "last": ("target", "solid", "circle"),
}
TITLES = {
    "BnB": "BnB: from itself, frozen",
    "BnB+": "BnB+: from itself, learning on",
    "AnB": "AnB: from the other half, frozen",
    "AnB+": "AnB+: from the other half, learning on",
    "random": "random, frozen",
    "first": "first layers kept",
    "last": "last layers kept",
}
MARGIN = 0.05  # accuracy: what is seen beyond the curves, so that there is room for words
NOTICEABLE = 0.01  # accuracy: a smaller gap is not pointed at


@dataclass(frozen=True)
class Gap:
    """Where something shows: the mean of one curve, `below`, lies `size` under another's, `above`, at n layers."""

    layers: int
    below: float
    above: float

    @property
    def size(self) -> float:
        """In accuracy."""
        return self.above - self.below


def co_adaptation(points: Points, base: Sequence[float]) -> Gap | None:
    """Where BnB dips deepest below the base: the layers came from the very same task, so they are no less fit for it,
    but those above cannot learn again what they had learned together with them. None where nothing dips."""
    own = _means(points.get("BnB", {}))
    if not own or not base:
        return None
    count = min(own, key=lambda n: own[n])
    return _noticed(Gap(count, own[count], float(np.mean(base))))


def specificity(points: Points) -> Gap | None:
    """Where AnB lies furthest below BnB: both were cut at the same place, so what is left is that the layers were made
    for the other task. None where it lies nowhere below."""
    other, own = _means(points.get("AnB", {})), _means(points.get("BnB", {}))
    both = sorted(other.keys() & own.keys())
    if not both:
        return None
    count = max(both, key=lambda n: own[n] - other[n])
    return _noticed(Gap(count, other[count], own[count]))


def transfer_curves(
    points: Points,
    base: Sequence[float],
    *,
    published: Mapping[str, Sequence[float]] | None = None,
    published_source: str = "",
    marked: tuple[str, int] | None = None,
    layers: int = 5,
) -> go.Figure:
    """Accuracy on B against n: each curve's mean as a line, each split as a faint dot, the base as a band.

    base: over the splits; the band reaches from its lowest to its highest value. published: curves of another network
    relative to its own base, for n = 1, 2, …; they are drawn from our base on, their layers stretched over ours.
    marked: curve and n of a point that is pointed at. layers: how many can be transferred, the end of the axis.
    The view is that of the trained curves: random layers fall out of it, and where to is written at its lower edge.
    """
    figure = go.Figure()
    level = float(np.mean(base)) if len(base) else None
    if level is not None:
        _band(figure, base)
    for curve in (name for name in LOOKS if name in points):
        _curve(figure, curve, points[curve])
    longest = max((len(values) for values in (published or {}).values()), default=0)
    if level is not None:
        for index, (curve, values) in enumerate((published or {}).items()):
            _published(figure, curve, values, level, longest, layers, published_source, named=index == 0)
    for gap, name, side in (
        (co_adaptation(points, base), "fragile co-adaptation", -1),
        (specificity(points), "specificity", 1),
    ):
        if gap:
            _point_at(figure, gap, name, side, layers)
    if marked and marked[1] in points.get(marked[0], {}):
        value = float(np.mean(points[marked[0]][marked[1]]))
        figure.add_trace(
            go.Scatter(
                x=[marked[1]], y=[value], mode="markers", showlegend=False, hoverinfo="skip",
                marker={"size": 18, "symbol": "circle-open", "color": role_colour("ink"), "line": {"width": 2}},
            )
        )  # fmt: skip
    view = _view(points, base)
    _say_below(figure, points, view)
    style_figure(
        figure, uirevision="transfer", hovermode="closest",
        yaxis={"tickformat": ".0%", "title": "accuracy on B", "range": view},
        xaxis={"title": "layers transferred, n", "tickvals": list(range(1, layers + 1)), "range": [0.7, layers + 0.3]},
    )  # fmt: skip
    return figure


def kept_curves(points: Mapping[str, Points], bases: Mapping[str, Sequence[float]], titles: Mapping[str, str]) -> Any:
    """First layers kept against last layers kept, one panel for each change. points: by change, then as ever."""
    changes = list(points)
    figure = make_subplots(1, max(1, len(changes)), shared_yaxes=True, horizontal_spacing=0.06)
    for column, change in enumerate(changes, 1):
        panel = go.Figure()
        if len(bases.get(change, ())):
            _band(panel, bases[change])
        for curve in ("first", "last"):
            if curve in points[change]:
                _curve(panel, curve, points[change][curve])
        for trace in panel.data:
            trace.showlegend = bool(trace.showlegend is not False and column == 1)
            figure.add_trace(trace, row=1, col=column)
        longest = max((n for curve in points[change].values() for n in curve), default=1)
        figure.update_xaxes(
            title_text=f"{titles.get(change, change)}<br>layers kept", tickvals=list(range(1, longest + 1)),
            range=[0.7, longest + 0.3], row=1, col=column,
        )  # fmt: skip
    style_figure(figure, uirevision="kept", hovermode="closest")
    figure.update_xaxes(automargin=True, zeroline=False, title_standoff=8, gridcolor=LIGHT.line)
    figure.update_yaxes(automargin=True, zeroline=False, tickformat=".0%", gridcolor=LIGHT.line)
    return figure.update_yaxes(title_text="accuracy on the new task", row=1, col=1)


def layer_contents(layers: Sequence[str], similarity: Sequence[float], probes: Mapping[str, Sequence[float]]) -> Any:
    """What the layers of A's and B's networks have in common (CKA), and what a linear probe reads off each layer.

    similarity: of the same layers of both, 0 to 1. probes: accuracy after each layer, by what was read from where.
    """
    figure = go.Figure(
        go.Bar(
            x=list(layers), y=list(similarity), name="CKA of A's and B's layer",
            marker={"color": role_colour("extractor"), "opacity": 0.4}, hovertemplate="%{x}: CKA %{y:.2f}",
        )
    )  # fmt: skip
    dashes = ("solid", "dash", "dot", "dashdot")
    for index, (name, values) in enumerate(probes.items()):
        role = "source" if name.lower().startswith("a") else "target"
        figure.add_trace(
            go.Scatter(
                x=list(layers), y=list(values), name=name, mode="lines+markers", hovertemplate="%{x}: %{y:.1%}",
                line={"color": role_colour(role), "dash": dashes[index % len(dashes)]},
            )
        )  # fmt: skip
    return style_figure(figure, uirevision="contents", bargap=0.6, yaxis={"range": [0, 1.02], "title": "CKA, accuracy"})


def _means(curve: Mapping[int, Sequence[float]]) -> dict[int, float]:
    return {count: float(np.mean(values)) for count, values in sorted(curve.items()) if len(values)}


def _noticed(gap: Gap) -> Gap | None:
    return gap if gap.size >= NOTICEABLE else None


def _view(points: Points, base: Sequence[float]) -> list[float] | None:
    """From a little below the lowest of the trained curves to a little above the highest; None while there are none."""
    shown = [*base, *(value for curve in LOOKS if curve != "random" for one in points.get(curve, {}).values()
                      for value in one)]  # fmt: skip
    return [max(0.0, min(shown) - MARGIN), min(1.0, max(shown) + MARGIN)] if shown else None


def _say_below(figure: go.Figure, points: Points, view: Sequence[float] | None) -> None:
    """Where random layers end that lie below the view."""
    means = {n: float(np.mean(values)) for n, values in points.get("random", {}).items() if len(values)}
    if view is None or not means or min(means.values()) >= view[0]:
        return
    lowest = min(means, key=lambda n: means[n])
    figure.add_annotation(
        text=f"random, frozen: down to {means[lowest]:.0%} at n = {lowest}", xref="paper", yref="paper", x=0.01, y=0.01,
        xanchor="left", yanchor="bottom", showarrow=False, font={"size": 11, "color": role_colour("soft")},
    )  # fmt: skip


def _band(figure: go.Figure, base: Sequence[float]) -> None:
    level, low, high = float(np.mean(base)), float(min(base)), float(max(base))
    ends = [0.0, 100.0]
    figure.add_trace(_edge(ends, high))
    figure.add_trace(_edge(ends, low) | {"fill": "tonexty", "fillcolor": "rgba(127,127,127,0.14)"})
    splits = f"{len(base)} split{'s' * (len(base) != 1)}"
    figure.add_trace(
        go.Scatter(
            x=ends, y=[level, level], mode="lines", name=f"base ({splits})",
            line={"color": role_colour("ink"), "width": 1}, hovertemplate=f"base: {level:.1%}<extra></extra>",
        )
    )  # fmt: skip


def _edge(ends: Iterable[float], level: float) -> dict[str, Any]:
    line = {"width": 0, "color": "rgba(127,127,127,0)"}
    x = list(ends)
    return {"type": "scatter", "x": x, "y": [level] * len(x), "mode": "lines", "line": line, "hoverinfo": "skip",
            "showlegend": False}  # fmt: skip


def _curve(figure: go.Figure, curve: str, values: Mapping[int, Sequence[float]]) -> None:
    role, dash, symbol = LOOKS[curve]
    colour, means = role_colour(role), _means(values)
    dots = [(count, value) for count in means for value in values[count]]
    figure.add_trace(
        go.Scatter(
            x=[count for count, _ in dots], y=[value for _, value in dots], mode="markers", showlegend=False,
            marker={"color": colour, "size": 5, "opacity": 0.35}, legendgroup=curve,
            hovertemplate=f"{curve}, n = %{{x}}, one split: %{{y:.1%}}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=list(means), y=list(means.values()), mode="lines+markers", name=TITLES[curve], legendgroup=curve,
            line={"color": colour, "dash": dash, "width": 2}, marker={"color": colour, "size": 9, "symbol": symbol},
            hovertemplate=f"{curve}, n = %{{x}}, mean: %{{y:.1%}}<extra></extra>",
        )
    )  # fmt: skip


def _published(
    figure: go.Figure, curve: str, values: Sequence[float], level: float, longest: int, layers: int, source: str,
    *, named: bool,
) -> None:  # fmt: skip
    stretch = (layers - 1) / max(1, longest - 1)
    numbers = list(range(1, len(values) + 1))
    figure.add_trace(
        go.Scatter(
            x=[1 + (number - 1) * stretch for number in numbers], y=[level + value for value in values],
            mode="lines+markers", name="2014, relative to its own base", legendgroup="published", showlegend=named,
            opacity=0.6,
            line={"color": role_colour(LOOKS[curve][0]), "dash": LOOKS[curve][1], "width": 1},
            marker={"size": 5, "symbol": "x-thin-open", "color": role_colour(LOOKS[curve][0])},
            customdata=[[number, value] for number, value in zip(numbers, values, strict=True)],
            hovertemplate=f"{curve}, n = %{{customdata[0]}} of {longest}: %{{customdata[1]:+.1%}} from its base"
            f"<br>{source}<extra></extra>",
        )
    )  # fmt: skip


def _point_at(figure: go.Figure, gap: Gap, name: str, side: int, layers: int) -> None:
    """A bracket beside the points, so that it hides neither, and its name where there is room."""
    place, ink = gap.layers + 0.1 * side, role_colour("ink")
    leftwards = gap.layers > (layers + 1) / 2
    figure.add_shape(type="line", x0=place, x1=place, y0=gap.below, y1=gap.above, line={"color": ink, "width": 2})
    figure.add_annotation(
        x=place, y=gap.below + 0.35 * gap.size, text=f"{name}<br>{100 * gap.size:.1f} points", showarrow=True,
        ax=-56 if leftwards else 56, ay=44, arrowwidth=1, arrowcolor=ink, font={"color": ink, "size": 12},
        align="right" if leftwards else "left", xanchor="right" if leftwards else "left",
    )  # fmt: skip
