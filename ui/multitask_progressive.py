"""What becomes of old tasks, what the new column leans on, and what columns cost."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from tlcore.analysis.statistics import summarise
from tlcore.plots import multitask as plots
from tlcore.runs import Series
from tlcore.specs import Progressive
from ui.live_chart import live_chart
from ui.multitask_columns import WEIGHTS, columns_scene, leans, plain_scene
from ui.multitask_runs import Board, columns_in, latest
from ui.page import card, card_header
from ui.scene import draw

NEW, OLD = "target_accuracy", "source_accuracy"
SAME = 5e-4  # accuracy: less is none


def network_card(board: Board, arm: str, metrics: Mapping[str, Series]) -> None:
    """The columns of an arm, with the arrows' weights as they are measured."""
    spec = board.experiment.arms[arm]
    if not isinstance(spec.method, Progressive):
        draw(plain_scene(spec), key="columns-drawing")
        return
    measured = {"share": bool(latest(metrics, "lateral_share")), "ablation": False, "fisher": False}
    measured["fisher"] = bool(latest(metrics, "fisher"))
    measured["ablation"] = any(name.startswith("without_") for name in metrics)
    kinds = [kind for kind in WEIGHTS if measured[kind]] or ["share"]
    kind = st.segmented_control(
        "Width of the arrows", kinds, default=kinds[0], required=True, format_func=WEIGHTS.__getitem__,
        key=f"arrows-{'-'.join(kinds)}",
        help="The first is followed while training; the other two are measured when it ends.",
    ) or kinds[0]  # fmt: skip
    draw(columns_scene(spec, metrics, kind), key="columns-drawing")


def forgetting_card(board: Board) -> None:
    """Old and new task of every arm, in a figure and in words."""
    arms = [arm for arm in board.experiment.arms if not arm.startswith(("first", "third"))]
    new = {board.titles[arm]: board.finished.values(arm, NEW) for arm in arms}
    old = {board.titles[arm]: board.finished.values(arm, OLD) for arm in arms if arm != "single_column"}
    before = board.finished.values("first_column", OLD)
    count = board.finished.seeds
    with card("forgetting"):
        recorded = " · recorded" if board.finished.recorded else ""
        card_header("The new task, and the old one afterwards", f"{count} seed{'s' * (count != 1)}{recorded}")
        live_chart(
            plots.old_and_new(new, old, before), key="old-new", height=300,
            description="accuracy on the new task and on the old one afterwards",
        )  # fmt: skip
        st.html(f'<div class="tl-scroll">{_table(board)}</div>')
        words = _forgetting_words(board)
        if words:
            st.html(f'<p class="tl-words">{html.escape(words)}</p>')


def _table(board: Board) -> str:
    rows = []
    for arm in board.experiment.arms:
        if arm == "first_column":
            continue
        cells = []
        for metric in (NEW, OLD):
            values = board.finished.values(arm, metric)
            cells.append(_cell(values))
        before = board.finished.values("progressive", NEW) if arm.startswith("third_p") else (
            board.finished.values("first_column", OLD)
        )  # fmt: skip
        old = board.finished.values(arm, OLD)
        change = summarise(old).mean - summarise(before).mean if old and before and len(old) == len(before) else None
        cells.append("–" if change is None else "0" if abs(change) < SAME else f"{100 * change:+.1f} points")
        name = html.escape(board.titles[arm])
        rows.append(f"<tr><td>{name}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "<th></th><th>new task</th><th>old task afterwards</th><th>forgotten</th>"
    return f'<table class="tl-table"><tr>{head}</tr>{"".join(rows)}</table>'


def _cell(values: list[float]) -> str:
    if not values:
        return "–"
    found = summarise(values)
    return f"{found.mean:.3f}" + (f" <small>± {found.sd:.3f}</small>" if found.sd is not None else "")


def _forgetting_words(board: Board) -> str:
    """Progressive against fine-tuning and a single column, in sentences, where all have finished."""
    values = {arm: board.finished.values(arm, NEW) for arm in ("progressive", "single_column", "fine_tune_all")}
    before, tuned = board.finished.values("first_column", OLD), board.finished.values("fine_tune_all", OLD)
    if not (all(values.values()) and before and tuned):
        return ""
    gain = summarise(values["progressive"]).mean - summarise(values["single_column"]).mean
    lost = summarise(before).mean - summarise(tuned).mean
    way = "more" if gain >= 0 else "less"
    return (
        f"On the new task the progressive network reaches {100 * abs(gain):.1f} points {way} than a single column. "
        f"Fine-tuning all layers has cost {100 * lost:.1f} points of the old task; the frozen column has lost nothing: "
        "its weights are the same, bit for bit."
    )


def lean_card(board: Board) -> None:
    """What the new columns lean on: laterals taken away, and the average Fisher sensitivity."""
    arms = [
        arm for arm, spec in board.experiment.arms.items()
        if isinstance(spec.method, Progressive) and board.finished.views.get(arm)
    ]  # fmt: skip
    with card("leans"):
        card_header("Which layers does the new task lean on?")
        if not arms:
            st.caption("Measured when a progressive run has finished.")
            return
        arm = st.segmented_control(
            "Of", arms, default=arms[0], required=True, format_func=board.titles.__getitem__,
            key=f"leans-{len(arms)}", label_visibility="collapsed",
        ) or arms[0]  # fmt: skip
        lost, shares = leans(board, arm)
        left, right = st.columns(2)
        with left:
            live_chart(
                plots.ablation_bars(lost), key="ablation", height=max(240, 60 + 22 * len(lost)),
                description="accuracy lost with each lateral taken away",
            )  # fmt: skip
        with right:
            live_chart(
                plots.sensitivity_map(shares), key="fisher", height=240,
                description="share of the Fisher sensitivity in each column, by layer",
            )  # fmt: skip
        st.caption(
            "Left: one lateral is silenced in the finished network, without learning anew. Right: how much the answers "
            "change when a layer's activations are disturbed, as shares that sum to 1 in each layer (Rusu et al. 2016, "
            "section 3). Few pictures move both: read the spread."
        )


def price_card(board: Board) -> None:
    """All parameters that must be kept against the number of tasks."""
    counts: dict[str, list[tuple[int, float]]] = {}
    single = _one_column(board)
    if single:
        counts["a network for each task"] = [(tasks, tasks * single) for tasks in (1, 2, 3)]
        counts["fine-tuning, old tasks given up"] = [(tasks, single) for tasks in (1, 2, 3)]
        told = [(1, single)]
        for arm in ("progressive", "third_progressive"):
            views = board.finished.views.get(arm, ())
            total = next((view.run.summary.get("parameters.total") for view in views), None)
            if total:
                told.append((len(columns_in(board.experiment.arms[arm])), total))
        counts["columns and laterals"] = told
    with card("price"):
        card_header("What columns cost")
        if not counts:
            st.caption("Counted when runs have finished.")
            return
        live_chart(
            plots.parameters_against_tasks(counts), key="price", height=260,
            description="parameters against the number of tasks",
        )  # fmt: skip


def _one_column(board: Board) -> float | None:
    """How many parameters one column has: those of a progressive run that are no laterals and no frozen ones."""
    for view in board.finished.views.get("progressive", ()):
        summary = view.run.summary
        if "parameters.trained" in summary:
            return summary["parameters.trained"] - summary.get("parameters.laterals", 0.0)
    return None
