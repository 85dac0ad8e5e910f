"""Figures of learning without labels: how many dimensions features use, and how far clusters are classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from tlcore.plots.fine_tuning import looks_of
from tlcore.plots.style import LIGHT, style_figure
from tlcore.runs import Series


def rank_curves(metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str], width: int) -> go.Figure:
    """`effective_rank` of the features (drawn through) and `embedding_rank` of what the loss compares (dotted) over
    the steps, a colour an arm. metrics: by arm, then by name. width: of the features, 0 where it is not known."""
    figure, looks = go.Figure(), looks_of([*titles])
    for arm, series in metrics.items():
        for name, words, dash in (("effective_rank", "", "solid"), ("embedding_rank", ", in the loss", "dot")):
            line = series.get(name)
            if line is not None and arm in titles:
                figure.add_trace(
                    go.Scatter(
                        x=line.steps, y=line.values, name=f"{titles[arm]}{words}", mode="lines+markers",
                        line={"color": looks[arm].colour, "dash": dash}, marker={"size": 5}, showlegend=not words,
                    )
                )  # fmt: skip
    style_figure(figure, uirevision="rank", yaxis={"rangemode": "tozero", "title": "effective rank"})
    if width:
        figure.update_yaxes(title=f"effective rank (of {width})")
    return figure.update_xaxes(title="step")


def agreement_curves(metrics: Mapping[str, Mapping[str, Series]], titles: Mapping[str, str]) -> go.Figure:
    """The share of the target's test pictures whose nearest neighbours show the same class, over the steps."""
    figure, looks = go.Figure(), looks_of([*titles])
    for arm, series in metrics.items():
        line = series.get("neighbour_agreement")
        if line is not None and arm in titles:
            figure.add_trace(
                go.Scatter(
                    x=line.steps, y=line.values, name=titles[arm], mode="lines+markers",
                    line={"color": looks[arm].colour}, marker={"size": 5},
                )
            )  # fmt: skip
    style_figure(
        figure, uirevision="agreement", yaxis={"range": [0, 1.02], "tickformat": ".0%", "title": "neighbours agree"}
    )
    return figure.update_xaxes(title="step")


@dataclass(frozen=True)
class Clustered:
    """One seed of an arm. chosen: of the start of k-means with the smallest inertia; lowest, mean, highest: over all
    starts; chance: the largest of several draws with shuffled labels."""

    arm: str
    seed: int
    chosen: float
    lowest: float
    mean: float
    highest: float
    chance: float | None


def cluster_marks(found: Sequence[Clustered], titles: Mapping[str, str], metric: str) -> go.Figure:
    """Each seed of each arm: a line from the lowest to the highest start of k-means, a bar at the mean, a dot at the
    one that was chosen without labels; chance as a dashed line."""
    figure, looks = go.Figure(), looks_of([*titles])
    arms = [arm for arm in titles if any(one.arm == arm for one in found)]
    for place, arm in enumerate(arms):
        mine = sorted((one for one in found if one.arm == arm), key=lambda one: one.seed)
        x = [place + 0.1 * (index - (len(mine) - 1) / 2) for index in range(len(mine))]
        figure.add_trace(
            go.Scatter(
                x=x, y=[one.chosen for one in mine], mode="markers", name=titles[arm],
                marker={"color": looks[arm].colour, "symbol": looks[arm].symbol, "size": 11},
                error_y={
                    "symmetric": False, "array": [one.highest - one.chosen for one in mine],
                    "arrayminus": [one.chosen - one.lowest for one in mine], "color": looks[arm].colour,
                    "thickness": 1.4, "width": 4,
                },
                text=[
                    f"seed {one.seed}: {one.chosen:.3f}; over all starts {one.lowest:.3f} to {one.highest:.3f}, "
                    f"mean {one.mean:.3f}" for one in mine
                ],
                hovertemplate=f"<b>{titles[arm]}</b><br>%{{text}}<extra></extra>",
            )
        )  # fmt: skip
    chance = [one.chance for one in found if one.chance is not None]
    if chance:
        figure.add_hline(
            y=max(chance), line={"color": LIGHT.soft, "width": 1.2, "dash": "dash"},
            annotation={"text": "chance", "font": {"color": LIGHT.soft, "size": 12}}, annotation_position="top right",
        )  # fmt: skip
    top = max([one.highest for one in found], default=0.5)
    style_figure(figure, uirevision=f"clusters-{metric}", hovermode="closest", showlegend=False)
    figure.update_yaxes(
        title=metric, range=[min(-0.03, *(one.lowest for one in found), 0), min(1.05, 1.25 * top + 0.05)]
    )
    return figure.update_xaxes(
        tickvals=[*range(len(arms))], ticktext=[titles[arm] for arm in arms], range=[-0.6, len(arms) - 0.4],
        showgrid=False,
    )  # fmt: skip
