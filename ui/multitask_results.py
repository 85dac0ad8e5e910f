"""What sharing bought: each task against its own network, the figure of each lesson, and how the gradients agree."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import streamlit as st

from tlcore.analysis.statistics import summarise
from tlcore.plots import multitask as plots
from tlcore.presets.multitask import MANY_SMALL_TASKS, TOO_SMALL, UNRELATED
from tlcore.runs import Series
from tlcore.specs import Shared
from ui.feed import moving_chart
from ui.library import RunView, metrics_of
from ui.live_chart import live_chart
from ui.multitask_runs import Board, family, gradient_cosines, tasks_of
from ui.page import card, card_header
from ui.terms import marked

MOST_TASKS = 8  # rows of the table and lines of a figure
HIGH = 270


def table_card(board: Board) -> None:
    """Every task alone and in each shared arm, and Δm: means over seeds with their spread."""
    arms = [arm for arm in board.shared_arms if any(board.changes(arm).values())]
    count = max((len(values) for arm in arms for values in board.changes(arm).values()), default=0)
    recorded = " · recorded" if board.finished.recorded else ""
    with card("comparison"):
        card_header(
            "Each task and its own network",
            f"mean ± sd, {count} seed{'s' * (count != 1)}{recorded}" if count else "nothing yet",
        )
        if not arms:
            st.caption("A task and its own network must both have finished before they can be compared.")
            return
        st.html(f'<div class="tl-scroll">{_table(board, arms)}</div>')
        st.caption(
            "In brackets the change relative to the task's own network of the same size, trained for as many steps. "
            "Δm is its mean over all tasks (Maninis et al. 2019); where not every task has a network of its own there "
            "is none."
        )


def _table(board: Board, arms: Sequence[str]) -> str:
    tasks = list(dict.fromkeys(task for arm in arms for task in board.alone(arm)))[:MOST_TASKS]
    networks = len({board.experiment.arms[arm].network for arm in arms})
    head = "".join(f"<th>{html.escape(task)}</th>" for task in tasks)
    rows = []
    if networks == 1:
        alone = board.alone(max(arms, key=lambda arm: len(board.alone(arm))))
        cells = [_cell(_alone_values(board, alone.get(task))) for task in tasks]
        rows.append("<tr><td>alone</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "<td>–</td></tr>")
    for arm in arms:
        changes = board.changes(arm)
        seeds = sorted(board.views)
        cells = []
        for task in tasks:
            values = [score for seed in seeds if (score := board.scores(arm, seed).get(task)) is not None]
            cells.append(_cell(values) + _change(changes.get(task, [])))
        mean = _change(changes.get("", []), brackets=False)
        rows.append(
            f"<tr><td>{html.escape(board.titles[arm])}</td>"
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + f"<td>{mean or '–'}</td></tr>"
        )
    return f'<table class="tl-table"><tr><th></th>{head}<th>{marked("Δm")}</th></tr>{"".join(rows)}</table>'


def _alone_values(board: Board, arm: str | None) -> list[float]:
    if arm is None:
        return []
    task = tasks_of(board.experiment.arms[arm])[0]
    return [score for seed in sorted(board.views) if (score := board.scores(arm, seed).get(task)) is not None]


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    found = summarise(values)
    spread = f" <small>± {found.sd:.3f}</small>" if found.sd is not None else ""
    return f"{found.mean:.3f}{spread}"


def _change(values: Sequence[float], *, brackets: bool = True) -> str:
    if not values:
        return ""
    found = summarise(values)
    way = "up" if found.mean > 0 else "down"
    spread = f" ± {100 * found.sd:.1f}" if found.sd is not None else ""
    text = f"{100 * found.mean:+.1f}{spread} %".replace("-", "−")
    return f' <small data-change="{way}">({text})</small>' if brackets else f'<span data-change="{way}">{text}</span>'


# The figure of the lesson ------------------------------------------------------------------------------------------


def lesson_card(board: Board) -> None:
    """The figure that the experiment is made for."""
    name = board.experiment.preset.name
    arms = board.experiment.arms
    main = next((tasks_of(spec)[0] for spec in arms.values() if tasks_of(spec)), "")
    with card("lesson"):
        if not board.finished.seeds:
            card_header("Alone and together")
            st.caption("Drawn as runs finish.")
        elif name == MANY_SMALL_TASKS.name:
            card_header("What companions are worth")
            values = {
                len(tasks_of(spec)) - 1: board.finished.values(arm, "target_accuracy") for arm, spec in arms.items()
            }
            live_chart(
                plots.companions_curve(values, main=main), key="lesson", height=HIGH,
                description="accuracy of the task with few labels against the number of companions",
            )  # fmt: skip
            words = _gain_words(values, main)
            if words:
                st.html(f'<p class="tl-words">{html.escape(words)}</p>')
        elif name == TOO_SMALL.name:
            card_header("Is there room for two?")
            live_chart(
                plots.width_gap(_gaps(board)), key="lesson", height=HIGH,
                description="accuracy of shared less separate networks against their width",
            )  # fmt: skip
        elif name == UNRELATED.name:
            card_header(f"What the companion does to “{main}”")
            values_by_arm = {board.titles[arm]: board.finished.values(arm, "target_accuracy") for arm in arms}
            live_chart(
                plots.accuracy_bars(values_by_arm, axis=f"accuracy of “{main}”"), key="lesson", height=HIGH,
                description="accuracy of the main task alone and with each companion",
            )  # fmt: skip
        else:
            card_header("Change against alone")
            changes = {
                arm: {task: values for task, values in board.changes(arm).items() if task in tasks_of(arms[arm])}
                for arm in board.shared_arms
            }
            live_chart(
                plots.task_changes_bars(changes, board.titles), key="lesson", height=HIGH,
                description="change of every task against its own network",
            )  # fmt: skip


def _gain_words(values: Mapping[int, Sequence[float]], main: str) -> str:
    """How much the companions gained at most, in a sentence."""
    known = {count: summarise(seeds).mean for count, seeds in values.items() if len(seeds)}
    if 0 not in known or len(known) < 2:
        return ""
    best = max(known, key=lambda count: known[count])
    gain = known[best] - known[0]
    companions = f"{best} companion{'s' * (best != 1)}"
    if not best:
        return f"No number of companions has brought “{main}” anything."
    return f"With {companions} “{main}” gains {100 * gain:.1f} points of accuracy."


def _gaps(board: Board) -> dict[str, dict[int, list[float]]]:
    """Shared less alone of each task, by the network's width."""
    found: dict[str, dict[int, list[float]]] = {}
    for arm in board.shared_arms:
        width = int(arm.partition("@")[2] or 0)
        for task in tasks_of(board.experiment.arms[arm]):
            found.setdefault(task, {})[width] = board.differences(arm, task)
    return found


# Gradients ---------------------------------------------------------------------------------------------------------


def curves_card(view: RunView | None, title: str) -> None:
    """The score of every task of one run over its steps."""
    with card("curves"):
        known = len(_all_scores(metrics_of(view))) if view is not None else 0
        some = known > MOST_TASKS
        card_header(f"{MOST_TASKS} of {known} tasks" if some else "Every task", title)
        if view is None or not scores_of(metrics_of(view)):
            st.caption("Drawn as the run is tested.")
            return
        moving_chart(
            {title: view}, lambda metrics: plots.task_curves(metrics[title], scores_of(metrics[title])),
            key="task-curves", height=HIGH, description="score of every task over the steps",
        )  # fmt: skip


def scores_of(metrics: Mapping[str, Series]) -> dict[str, str]:
    """Under which name a run tells the score of each of its tasks, of the first `MOST_TASKS`."""
    return dict([*_all_scores(metrics).items()][:MOST_TASKS])


def _all_scores(metrics: Mapping[str, Series]) -> dict[str, str]:
    return {task: f"{score}.{task}" for score in ("accuracy", "r2") for task in family(metrics, score)}


def gradients_card(metrics: Mapping[str, Series], title: str) -> None:
    """The cosines between the tasks' gradients layer by layer as they are now, and how long the gradients are."""
    cosines = gradient_cosines(metrics)
    with card("gradients"):
        card_header("Do the tasks agree?", title)
        if not cosines:
            st.caption("Compared while a run of several tasks trains: look into one that has begun.")
            return
        layers = list(dict.fromkeys(layer for row in cosines.values() for layer in row))
        left, right = st.columns(2)
        with left:
            live_chart(
                plots.cosine_map(cosines, layers), key="cosines", height=max(HIGH, 60 + 22 * len(cosines)),
                description="cosine between the gradients of two tasks, by layer",
            )  # fmt: skip
        with right:
            known = family(metrics, "gradient_norm")
            # In the order of the scores: a task has the same colour in both figures.
            norms = {task: known[task] for task in scores_of(metrics) if task in known} | known
            live_chart(
                plots.norm_curves(dict([*norms.items()][:MOST_TASKS])), key="norms", height=HIGH,
                description="length of each task's gradient over the steps",
            )  # fmt: skip
        step = max(int(line.steps[-1]) for name, line in metrics.items() if name.startswith("gradient_cosine."))
        st.caption(
            f"Gradients at the shared layers on the same examples, at step {step:,}. A cosine below zero: a step that "
            "helps one task hurts the other. Where a gradient is many times as long as another, its task decides."
        )


WEIGHTINGS = {
    "equal": "Equal", "fixed": "Fixed", "uncertainty": "Uncertainty", "pcgrad": "PCGrad", "cagrad": "CAGrad",
    "upgrad": "UPGrad",
}  # fmt: skip
WEIGHTING_PATH = "method.weighting"


def weighting_choice(board: Board) -> str | None:
    """A row of buttons for how the losses are brought together; what was chosen anew, else None.

    Nothing where the arms differ in it already.
    """
    methods = [spec.method for spec in board.experiment.arms.values() if isinstance(spec.method, Shared)]
    present = {method.weighting for method in methods}
    if len(present) != 1:
        return None
    now = present.pop()
    chosen = st.segmented_control(
        "Weighting of the losses", list(WEIGHTINGS), default=now, format_func=WEIGHTINGS.__getitem__, required=True,
        key=f"weighting-{board.experiment.preset.name}-{now}",
        help="Equal: the mean. Fixed: companions weigh as told under Parameters. Uncertainty: learned weights (Kendall "
        "et al. 2018). PCGrad, CAGrad, UPGrad: the gradients are combined so that tasks hurt each other less.",
    )  # fmt: skip
    return chosen if chosen and chosen != now else None
