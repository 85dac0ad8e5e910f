"""What features learned without labels are worth: the curve, the ranks, the pictures they learn from, the clusters."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping

import numpy as np
import streamlit as st
from PIL import Image

from tlcore.analysis.sheets import SHEET, pictures_of
from tlcore.analysis.statistics import summarise
from tlcore.plots import self_taught as plots
from tlcore.plots.fine_tuning import Reference, efficiency_curve
from tlcore.presets.fine_tuning import split_arm
from tlcore.runs import Series
from ui.feed import moving_chart
from ui.fine_tuning_arms import Pair
from ui.fine_tuning_curve import progress
from ui.library import RunView
from ui.live_chart import live_chart
from ui.page import card, card_header
from ui.remembered import remembered
from ui.self_taught_arms import TITLES, WAYS, SelfTaughtBoard, arm_title, learners, show_point
from ui.terms import marked

HEIGHT = 260
ENLARGED = 3  # times
ROWS = {2: ("one view", "another view"), 3: ("what it is given", "what it makes of it", "what was asked for")}
CLUSTER_METRICS = {
    "adjusted_mutual_information": "adjusted mutual information",
    "adjusted_rand_index": "adjusted Rand index",
}


def chosen_way() -> str:
    """Which way of using features the curve and the table tell of."""
    if st.session_state.get("self-taught-way") not in WAYS:
        asked = st.query_params.get("way")
        st.session_state["self-taught-way"] = asked if asked in WAYS else next(iter(WAYS))
    return str(st.session_state["self-taught-way"])


def curve_card(board: SelfTaughtBoard, pair: Pair, way: str, class_count: int) -> None:
    """Accuracy against labels per class, growing in place; a click on a point opens its run below."""
    with card("curve"):
        card_header("How far features without labels go", progress(board))
        with st.container(horizontal=True, vertical_alignment="center", key="curve-controls"):
            st.segmented_control(
                "How features are used", [*WAYS], format_func=WAYS.__getitem__, key="self-taught-way",
                label_visibility="collapsed",
            )  # fmt: skip
            st.caption("Click a point to open its run below.", width="content")
        references = [Reference(1 / class_count, "guessing", "soft")] if class_count else []
        chosen = [part for part in map(split_arm, pair.arms) if part is not None]
        points, revision = board.measured(way), f"{board.experiment.preset.identity}-{way}"
        figure = remembered(
            ("self-taught curve", revision, *points, *board.titles.items(), *board.shots, *references, *chosen),
            lambda: efficiency_curve(
                points, board.titles, board.shots, metric="accuracy on the target", references=references,
                chosen=chosen, revision=revision,
            ),
        )  # fmt: skip
        live_chart(
            figure, key="efficiency-curve", height=380,
            on_point=lambda point: show_point(board.experiment, point),
            description="accuracy on the target against labels per class; the table below has the numbers",
        )  # fmt: skip


def inside_cards(board: SelfTaughtBoard) -> None:
    """How many dimensions the features use, and whether neighbours among them show the same."""
    arms = learners(board.experiment)
    views = {arm: view for arm in arms if (view := board.view(arm)) is not None}
    titles = {arm: TITLES.get(arm, arm) for arm in arms}
    width = max((getattr(board.experiment.arms[arm].network, "features", 0) for arm in arms), default=0)
    left, right = st.columns(2)
    with left, card("rank"):
        # Where a projector stands between the features and the loss, both are measured.
        between = any(getattr(board.experiment.arms[arm].method, "projection", 0) for arm in arms)
        card_header("Do the features collapse?", "dotted: where the loss looks" if between else "")
        moving_chart(
            views, lambda metrics: plots.rank_curves(metrics, titles, width),
            key="effective-rank", about=(*titles.items(), width), height=HEIGHT,
            description="effective rank of the features over the steps: near one they have collapsed",
        )  # fmt: skip
    with right, card("neighbours"):
        card_header("Do neighbours show the same digit?", "labels only to look")
        moving_chart(
            views, lambda metrics: plots.agreement_curves(metrics, titles),
            key="neighbour-agreement", about=tuple(titles.items()), height=HEIGHT,
            description="share of the target's test pictures whose nearest neighbours are of their class",
        )  # fmt: skip


# Pictures ----------------------------------------------------------------------------------------------------------


def sheet_cards(board: SelfTaughtBoard) -> None:
    """What two of the arms learn from: pairs of views, or what is made of a disturbed picture."""
    shown = [arm for arm in board.experiment.preset.side_by_side if arm in learners(board.experiment)]
    sheets = {arm: found for arm in shown if (found := _sheet(board.view(arm))) is not None}
    if not sheets:
        return
    if len(sheets) == 2 and len({content for content, _, _ in sheets.values()}) == 1:
        sheets.popitem()  # the same pairs, drawn by the same seed
    for column, (arm, (content, rows, step)) in zip(st.columns(2), sheets.items(), strict=False):
        with column, card(f"sheet-{shown.index(arm)}"):
            reconstructs = rows == 3
            title = "Reconstructions" if reconstructs else "Pairs of views"
            card_header(f"{title}: {arm_title(arm)}", f"step {step:,}" if reconstructs else "")
            names = ROWS.get(rows, ("",) * rows)
            words = "".join(f"<span>{html.escape(name)}</span>" for name in names)
            st.html(
                f'<div class="tl-sheet tl-scroll" tabindex="0"><div class="tl-sheet-rows">{words}</div>'
                f'<img src="{content}" alt="{html.escape(title)}: {html.escape(", ".join(names))}"></div>'
            )


def _sheet(view: RunView | None) -> tuple[str, int, int] | None:
    """The latest sheet of a run as the address of a picture, with its number of rows and its step."""
    if view is None:
        return None
    surfaces = view.store.surfaces(view.run.id, SHEET)
    if not surfaces:
        return None
    try:
        pictures = pictures_of(surfaces[-1])
    except ValueError:
        return None
    rows, columns, height, width, _ = pictures.shape
    gap = np.ones((rows, columns, height + 1, width + 1, 4), np.float32)
    gap[..., 3] = 0
    gap[:, :, :height, :width, :3], gap[:, :, :height, :width, 3] = pictures, 1
    table = gap.transpose(0, 2, 1, 3, 4).reshape(rows * (height + 1), columns * (width + 1), 4)
    image = Image.fromarray(np.rint(255 * np.nan_to_num(table)).astype(np.uint8), "RGBA")
    buffer = io.BytesIO()
    image.resize((image.width * ENLARGED, image.height * ENLARGED), Image.Resampling.NEAREST).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}", rows, surfaces[-1].step


# Clusters ----------------------------------------------------------------------------------------------------------


def clusters_card(board: SelfTaughtBoard) -> None:
    """How far clusters agree with classes that nobody told: each seed, each start, and chance."""
    titles = {arm: TITLES.get(arm, arm) for arm in board.experiment.arms}
    finished = board.finished
    with card("clusters"):
        seeds = board.finished.seeds
        card_header("How far clusters are classes", f"mean ± sd, {seeds} seed{'s' * (seeds != 1)}" if seeds else "")
        if not finished.views:
            st.caption("The numbers come with the first run that finishes.")
            return
        for column, (metric, words) in zip(st.columns(2), CLUSTER_METRICS.items(), strict=True):
            found = [
                clustered
                for arm, views in finished.views.items()
                for view in views
                if (clustered := _clustered(arm, view, metric)) is not None
            ]
            figure = remembered((metric, *found), lambda f=found, w=words: plots.cluster_marks(f, titles, w))
            with column:
                live_chart(figure, key=f"clusters-{metric}", height=300, description=f"{words} of each arm and seed")
        st.html(f'<div class="tl-scroll">{_cluster_table(board, titles)}</div>')
        st.html(f'<p class="tl-words">{html.escape(cluster_words(board))}</p>')


def _clustered(arm: str, view: RunView, metric: str) -> plots.Clustered | None:
    summary = view.run.summary
    if metric not in summary:
        return None
    parts = [summary.get(f"{metric}.{part}", summary[metric]) for part in ("lowest", "mean", "highest")]
    return plots.Clustered(arm, view.run.spec.seed, summary[metric], *parts, summary.get(f"{metric}.chance"))


def _cluster_table(board: SelfTaughtBoard, titles: Mapping[str, str]) -> str:
    head = "".join(f"<th>{marked(words)}</th><th>mean over starts</th>" for words in ("AMI", "ARI"))
    rows = []
    for arm, title in titles.items():
        cells = []
        for metric in CLUSTER_METRICS:
            cells += [_mean(board, arm, metric), _mean(board, arm, f"{metric}.mean")]
        rows.append(f"<tr><td>{html.escape(title)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    chance = [f"<td>≤ {_highest(board, f'{metric}.chance')}</td><td></td>" for metric in CLUSTER_METRICS]
    rows.append(f"<tr><td>by chance</td>{''.join(chance)}</tr>")
    return f'<table class="tl-table"><tr><th></th>{head}</tr>{"".join(rows)}</table>'


def _mean(board: SelfTaughtBoard, arm: str, metric: str) -> str:
    values = board.finished.values(arm, metric)
    if not values:
        return "–"
    summary = summarise(values)
    return f"{summary.mean:.2f}" + (f" <small>± {summary.sd:.2f}</small>" if summary.sd is not None else "")


def _highest(board: SelfTaughtBoard, metric: str) -> str:
    values = [value for arm in board.experiment.arms for value in board.finished.values(arm, metric)]
    return f"{max(values):.2f}" if values else "–"


def cluster_words(board: SelfTaughtBoard) -> str:
    """What the source bought for clustering, as it is."""
    alone, both = (board.finished.values(arm, "adjusted_mutual_information") for arm in ("target_only", "with_source"))
    if not alone or not both:
        return ""
    gain, count = float(np.mean(both) - np.mean(alone)), min(len(alone), len(both))
    once = " A single seed: repeat it before believing it." if count == 1 else ""
    if gain > 0.01:
        return f"With the source beside it, clusters agree with the digits by {gain:.2f} more.{once}"
    if gain < -0.01:
        return f"The source hurts: with it, clusters agree with the digits by {-gain:.2f} less.{once}"
    return f"The source makes no difference to the clusters.{once}"


def last_value(metrics: Mapping[str, Series], name: str) -> float | None:
    """The latest value of a metric."""
    line = metrics.get(name)
    return float(line.values[-1]) if line is not None and len(line.values) else None
