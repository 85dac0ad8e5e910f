"""Figures of a fine-tuning experiment: the data-efficiency curve, and what happens inside the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from tlcore.analysis.statistics import summarise
from tlcore.plots.style import LIGHT, role_colour, say_empty, style_figure
from tlcore.runs import Series

# How far methods stand beside one another at one number of labels, of which the next is 1 away.
STEP_ASIDE, WIDEST = 0.05, 0.4
PLOT_STATE = Literal["finished", "running", "queued"]


@dataclass(frozen=True)
class Look:
    """How a method is drawn wherever it appears: no two differ in colour alone. pattern: of its bars."""

    colour: str
    dash: str
    symbol: str
    pattern: str = ""

    @property
    def hollow(self) -> str:
        """The outline of its symbol."""
        return f"{self.symbol.removesuffix('-open')}-open"


# Grey, green, blue-violet, ochre and sky stay apart for colour-blind people; source blue and target orange stay free.
LOOKS = {
    "scratch": Look(LIGHT.classes[7], "dot", "circle"),
    "fixed_features": Look(LIGHT.extractor, "dash", "square"),
    "fine_tune": Look(LIGHT.label, "solid", "diamond"),
    "l2_sp": Look(LIGHT.classes[2], "longdash", "triangle-up"),
    "output_matching": Look(LIGHT.classes[4], "dashdot", "cross"),
}
FURTHER = tuple(
    Look(LIGHT.classes[index], dash, symbol)
    for index, dash, symbol in (
        (1, "solid", "triangle-down"), (5, "dash", "pentagon"), (6, "longdash", "star"), (9, "dot", "hexagon"),
        (8, "dashdot", "x"), (3, "longdashdot", "triangle-left"), (10, "solid", "triangle-right"),
        (1, "dot", "square-open"), (5, "longdash", "diamond-open"), (6, "solid", "circle-open"),
    )
)  # fmt: skip


def looks_of(methods: Sequence[str]) -> dict[str, Look]:
    """The look of each method: those that are known keep theirs on every page, others take what is left, in order.
    Of two sources, as in `near:fine_tune` and `far:fine_tune`, the second has the colours of the first, dotted, hollow.
    """
    parts = {method: method.rpartition(":") for method in methods}
    others = dict.fromkeys(name for _, _, name in parts.values() if name not in LOOKS)
    further = {name: FURTHER[index % len(FURTHER)] for index, name in enumerate(others)}
    looks = {method: LOOKS.get(name) or further[name] for method, (_, _, name) in parts.items()}
    first = next((source for source, _, _ in parts.values() if source), "")
    for method, (source, _, _) in parts.items():
        if source != first and source:
            looks[method] = replace(looks[method], dash="dot", symbol=looks[method].hollow, pattern="/")
    return looks


def shots_label(shots: int) -> str:
    """Labels per class as the axis has it; 0 stands for all there are."""
    return f"{shots}" if shots else "all"


def shots_words(shots: int) -> str:
    """`1 label per class`, `5 labels per class`; `all labels` for 0."""
    return f"{shots} label{'s' * (shots != 1)} per class" if shots else "all labels"


@dataclass(frozen=True)
class Measured:
    """One run on the curve. shots: labels per class, 0 for all. value: None while there is none. run: what a click on
    it asks for."""

    method: str
    shots: int
    seed: int
    state: PLOT_STATE
    value: float | None
    run: str


@dataclass(frozen=True)
class Reference:
    """A dashed line across the curve: what the source network reaches on its own task, or chance."""

    value: float
    text: str
    role: str


def efficiency_curve(
    points: Sequence[Measured],
    titles: Mapping[str, str],
    shots: Sequence[int],
    *,
    metric: str = "target accuracy",
    references: Sequence[Reference] = (),
    chosen: Sequence[tuple[str, int]] = (),
    revision: str = "efficiency",
) -> go.Figure:
    """A metric in [0, 1] against labels per class: for each method its mean over the finished seeds with their sample
    standard deviation, each seed as a faint dot; runs that train or wait are hollow. With a single number of labels the
    methods stand beside each other instead.

    titles: by method, in the order of the legend. shots: the places of the axis. chosen: (method, shots) to be ringed.
    revision: the zoom stays as long as this does.
    """
    figure = go.Figure()
    methods = [method for method in titles if any(point.method == method for point in points)]
    looks, one_place = looks_of([*titles]), len(shots) == 1
    apart = min(STEP_ASIDE, WIDEST / max(len(methods) - 1, 1))
    place = {count: index for index, count in enumerate(shots)}
    rings: list[tuple[float, float]] = []
    for index, method in enumerate(methods):
        aside = index if one_place else apart * (index - (len(methods) - 1) / 2)
        mine = [point for point in points if point.method == method]
        at = {count: aside + (0 if one_place else place[count]) for count in shots}
        rings += _means(figure, mine, at, titles[method], looks[method], chosen)
        _singles(figure, mine, at, titles[method], looks[method])
    if rings:
        figure.add_trace(
            go.Scatter(
                x=[x for x, _ in rings], y=[y for _, y in rings], mode="markers", name="shown below", hoverinfo="skip",
                marker={"symbol": "circle-open", "size": 20, "color": LIGHT.ink, "line": {"width": 1.5}},
                showlegend=False,
            )
        )  # fmt: skip
    for reference in references:
        figure.add_hline(
            y=reference.value, line={"color": role_colour(reference.role), "width": 1.2, "dash": "dash"},
            annotation={"text": reference.text, "font": {"color": role_colour(reference.role), "size": 12}},
            annotation_position="bottom right" if reference.value > 0.9 else "top right",
        )  # fmt: skip
    style_figure(
        figure, uirevision=revision, hovermode="closest", yaxis={"range": [0, 1.03], "tickformat": ".0%"},
    )  # fmt: skip
    figure.update_yaxes(title=metric)
    words = [titles[method] for method in methods] if one_place else [shots_label(count) for count in shots]
    if not points:
        say_empty(figure)
    title = shots_words(shots[0]) if one_place and shots else "labels per class"
    return figure.update_xaxes(
        title=title, tickvals=[*range(len(words))], ticktext=words, range=[-0.4, max(len(words), 1) - 0.6],
        showgrid=False,
    )  # fmt: skip


def _means(
    figure: go.Figure, points: Sequence[Measured], at: Mapping[int, float], title: str, look: Look,
    chosen: Sequence[tuple[str, int]],
) -> list[tuple[float, float]]:  # fmt: skip
    """The line of a method; returns where its chosen points are."""
    x, y, spread, targets, words, rings = [], [], [], [], [], []
    for count in at:
        finished = [point for point in points if point.shots == count and point.state == "finished"]
        found = [(point.run, point.value) for point in finished if point.value is not None]
        if not found:
            continue
        summary = summarise([value for _, value in found])
        x.append(at[count])
        y.append(summary.mean)
        spread.append(summary.sd or 0.0)
        targets.append(found[0][0])
        seeds = "1 seed" if summary.sd is None else f"± {summary.sd:.3f}, {summary.n} seeds"
        words.append(f"{shots_label(count)} per class: {summary.mean:.3f} ({seeds})")
        if (points[0].method, count) in chosen:
            rings.append((x[-1], summary.mean))
    figure.add_trace(
        go.Scatter(
            x=x, y=y, mode="lines+markers", name=title, legendgroup=title, customdata=targets, text=words,
            line={"color": look.colour, "dash": look.dash, "width": 2.2},
            marker={"color": look.colour, "symbol": look.symbol, "size": 9},
            error_y={"array": spread, "color": look.colour, "thickness": 1.2, "width": 3},
            hovertemplate=f"<b>{title}</b><br>%{{text}}<extra></extra>",
        )
    )  # fmt: skip
    return rings


def _singles(figure: go.Figure, points: Sequence[Measured], at: Mapping[int, float], title: str, look: Look) -> None:
    """Every run of a method as a dot: faint where it has finished, hollow at its present value while it trains, and
    hollow on the ground while it waits."""
    several = {point.shots for point in points if point.seed != points[0].seed}
    done = [point for point in points if point.state == "finished" and point.value is not None and several]
    under_way = [point for point in points if point.state != "finished"]
    for group, name, opacity, symbol, size in (
        (done, "seeds", 0.35, look.symbol, 6), (under_way, "under way", 0.9, look.hollow, 9),
    ):  # fmt: skip
        if not group:
            continue
        said = {"finished": "", "running": " so far", "queued": " waits"}
        figure.add_trace(
            go.Scatter(
                x=[at[point.shots] for point in group], y=[point.value or 0.0 for point in group], mode="markers",
                name=f"{title}, {name}", legendgroup=title, showlegend=False, opacity=opacity,
                marker={"color": look.colour, "symbol": symbol, "size": size},
                customdata=[point.run for point in group],
                text=[
                    f"{shots_label(point.shots)} per class, seed {point.seed}: "
                    + ("" if point.value is None else f"{point.value:.3f}") + said[point.state]
                    for point in group
                ],
                hovertemplate=f"<b>{title}</b><br>%{{text}}<extra></extra>",
            )
        )  # fmt: skip


_LEGEND = {"font": {"size": 11}, "itemwidth": 30}


def layer_bars(
    values: Mapping[str, Mapping[str, float]], titles: Mapping[str, str], layers: Sequence[str], *, metric: str
) -> go.Figure:
    """A number of each layer, beside each other for each method. values: by method, then by layer."""
    figure, looks = go.Figure(), looks_of([*titles])
    for method, by_layer in values.items():
        figure.add_trace(
            go.Bar(
                x=[layer for layer in layers if layer in by_layer],
                y=[by_layer[layer] for layer in layers if layer in by_layer],
                name=titles[method],
                marker={"color": looks[method].colour, "pattern": {"shape": looks[method].pattern}},
                hovertemplate=f"<b>{titles[method]}</b><br>%{{x}}: %{{y:.3f}}<extra></extra>",
            )
        )  # fmt: skip
    style_figure(figure, uirevision=metric, hovermode="closest", barmode="group", bargap=0.25, legend=_LEGEND)
    figure.update_yaxes(title=metric, rangemode="tozero")
    return figure.update_xaxes(type="category", showgrid=False, categoryorder="array", categoryarray=list(layers))


def layer_lines(series: Mapping[str, Series], layers: Sequence[str], *, metric: str) -> go.Figure:
    """A number of each layer over the steps of one run, the first layer light, the last dark. series: by layer."""
    figure = go.Figure()
    dashes = ("solid", "dash", "dot", "dashdot", "longdash")
    present = [layer for layer in layers if layer in series]
    for index, layer in enumerate(present):
        line = series[layer]
        figure.add_trace(
            go.Scatter(
                x=line.steps, y=line.values, name=layer, mode="lines+markers",
                opacity=0.4 + 0.6 * (index + 1) / len(present),
                line={"color": role_colour("extractor"), "dash": dashes[index % len(dashes)]},
                marker={"size": 5},
            )
        )  # fmt: skip
    style_figure(figure, uirevision=f"{metric}-over-time", xaxis={"title": "step"})
    return figure.update_yaxes(title=metric, rangemode="tozero")


def forgetting_curves(
    metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str], source: float | None
) -> go.Figure:
    """Accuracy on the source task over the steps in which the target is learned. metrics: by method, then by name.
    source: what the source network reached before."""
    figure, looks = go.Figure(), looks_of([*titles])
    for method, series in metrics.items():
        line = series.get("source_accuracy")
        if line is not None:
            _line(figure, line, titles[method], looks[method].colour, looks[method].dash)
    if source is not None:
        figure.add_hline(
            y=source, line={"color": role_colour("source"), "width": 1.2, "dash": "dash"},
            annotation={"text": "before", "font": {"color": role_colour("source"), "size": 11}},
            annotation_position="top right",
        )  # fmt: skip
    return style_figure(
        figure, uirevision="forgetting", xaxis={"title": "step"}, legend=_LEGEND,
        yaxis={"tickformat": ".0%", "title": "source accuracy"},
    )  # fmt: skip


def overfitting_curves(metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str]) -> go.Figure:
    """Cross-entropy on the labels that are learned from (dotted) and on held-out ones (drawn through), a colour a
    method. metrics: by method, then by name."""
    figure, looks = go.Figure(), looks_of([*titles])
    for method, series in metrics.items():
        for name, words, dash in (
            ("target_cross_entropy", "", "solid"), ("target_train_cross_entropy", ", learned from", "dot"),
        ):  # fmt: skip
            line = series.get(name)
            if line is not None:
                _line(figure, line, f"{titles[method]}{words}", looks[method].colour, dash)
                figure.data[-1].showlegend = not words  # its twin of the same colour stands for both
    return style_figure(
        figure, uirevision="overfitting", legend=_LEGEND, xaxis={"title": "step"},
        yaxis={"rangemode": "tozero", "title": "cross-entropy (nats)"},
    )  # fmt: skip


def _line(figure: go.Figure, series: Series, name: str, colour: str, dash: str) -> None:
    line = {"color": colour, "dash": dash}
    figure.add_trace(
        go.Scatter(x=series.steps, y=series.values, name=name, mode="lines+markers", line=line, marker={"size": 5})
    )


def filter_mosaic(filters: np.ndarray, *, most: int = 64, around_zero: bool = False) -> np.ndarray:
    """First-layer filters (N, C, H, W), with C of 1 or 3, as one picture (rows, columns, 4) uint8, transparent between
    them: each is stretched to its own range; with `around_zero` all share one range, in which middle grey is zero, so
    that they can be compared.
    """
    shown = np.nan_to_num(filters[:most].astype(np.float64))
    if shown.shape[1] not in (1, 3):
        raise ValueError(f"filters of {shown.shape[1]} channels are no pictures")
    shown = np.broadcast_to(shown, (len(shown), 3, *shown.shape[2:]))
    if around_zero:
        largest = max(float(np.abs(shown).max()), 1e-12)
        scaled = 0.5 + 0.5 * shown / largest
    else:
        low = shown.min(axis=(1, 2, 3), keepdims=True)
        scaled = (shown - low) / np.maximum(shown.max(axis=(1, 2, 3), keepdims=True) - low, 1e-12)
    columns = int(np.ceil(np.sqrt(len(shown))))
    rows = -(-len(shown) // columns)
    height, width = shown.shape[2] + 1, shown.shape[3] + 1
    mosaic = np.zeros((rows * height - 1, columns * width - 1, 4), np.uint8)
    for index, one in enumerate(scaled):
        top, left = index // columns * height, index % columns * width
        place = mosaic[top : top + height - 1, left : left + width - 1]
        place[..., :3], place[..., 3] = np.rint(255 * one.transpose(1, 2, 0)), 255
    return mosaic
