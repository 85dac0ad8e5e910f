"""Multitask learning and progressive networks: the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from tlcore.errors import LabError
from tlcore.player.film import Curve, accuracy_curve
from tlcore.presets.multitask import PAGE, PROGRESSIVE, YOURS
from tlcore.runs import Notice, Series
from ui.experiment import Experiment, from_address
from ui.feed import feed
from ui.films import film_panel, projections_of
from ui.fine_tuning_arms import metrics_of, probe_of
from ui.fine_tuning_network import network_style
from ui.library import warm_up
from ui.multitask_network import trunk_scene
from ui.multitask_own import own_table_card
from ui.multitask_progressive import forgetting_card, lean_card, network_card, price_card
from ui.multitask_results import (
    WEIGHTING_PATH,
    curves_card,
    gradients_card,
    lesson_card,
    table_card,
    weighting_choice,
)
from ui.multitask_runs import Board, arm_title, board_of
from ui.notices import notice_box
from ui.page import card, card_header, explained, page_header, refreshing, steps_to_look_for
from ui.player import PlayerState, player, player_address, player_state, wanted_by_address
from ui.run_bar import run_bar
from ui.scene import draw
from ui.shown_runs import ended_notices
from ui.take_along import take_along, watched

PROJECTIONS = ("umap", "pca")
COLOUR = "class"
SHARED_OBJECTIVE = r"""
\min_{\theta,\,\phi_1\ldots\phi_K}\;\; \sum_{k=1}^{K} w_k\, L_k\big(\underbrace{\phi_k}_{\text{head } k}\!,\;
\underbrace{\theta}_{\text{trunk}}\big)
\qquad
\Delta_m = \frac1K \sum_{k=1}^{K} \frac{M_k - M_k^{\text{alone}}}{M_k^{\text{alone}}}
"""
SHARED_TERMS = """
- $L_k$ is the loss of task $k$: cross-entropy for classes, the squared error in standard deviations for a quantity.
  A **missing label adds nothing** to it, neither to its value nor to any gradient.
- $w_k$: **equal**, $1/K$. **Fixed**, as told. **Uncertainty**, learned: $e^{-s_k}L_k+\\tfrac12 s_k$, half of it for a
  quantity, with $s_k=\\log\\sigma_k^2$ (Kendall, Gal and Cipolla 2018). Each head learns from its own loss alone.
- **PCGrad** takes from each task's gradient what points against another's (Yu et al. 2020). **CAGrad** looks near the
  mean for the direction in which the task that gains least gains most (Liu et al. 2021). **UPGrad** averages the
  gradients' projections onto the cone of directions that hurt nobody (Quinton and Rey 2024).
- $M_k$ is the score of task $k$ together, $M_k^{\\text{alone}}$ that of its own network.
"""
COLUMN_OBJECTIVE = r"""
h_i^{(k)} = \sigma\Big(W_i^{(k)} h_{i-1}^{(k)} + \sum_{j<k} \underbrace{U_i^{(k:j)}\,\sigma\big(V_i^{(k:j)}\,
\alpha_i^{(k:j)}\, h_{i-1}^{(j)}\big)}_{\text{the lateral from column } j}\Big)
"""
COLUMN_TERMS = """
- $h_i^{(k)}$ is layer $i$ of column $k$. Columns $j<k$ are **frozen**: neither their weights nor the statistics of
  their normalisation change, so what they answer to old tasks is the same bit for bit.
- $V$ brings the older column's layer to a common width, $U$ has the shape of the layer it joins, $\\alpha$ is one
  learned number that begins small (Rusu et al. 2016, equation 2). One adapter a column, so that each can be silenced.
- Controls: a **single column** without help; a **random** frozen first column, which adds parameters but no
  knowledge; fine-tuning the **output** alone, and **all** layers.
"""


def main() -> None:
    """Draw the page from its address."""
    page_header(
        "Multitask learning",
        "Several tasks of the same pictures, all labelled. One network for all of them, or one for each? And when a "
        "task comes later: what of the **source**, the old task, is left once the **target**, the new one, is learned?",
        quadrant="both labelled",
        paper="Caruana, Multitask Learning, 1997; Rusu et al., Progressive Neural Networks, 2016",
        paper_url="https://arxiv.org/abs/1606.04671",
        tour="multitask",
    )
    network_style()
    try:
        experiment, remark = from_address(PAGE)
        if remark:
            st.warning(remark)
        warm_up()
        own_table_card(experiment)
        moves = experiment.moves
        feed(moves)
        refreshing(live_view, experiment, moves)
    except LabError as error:
        st.error(str(error))
        return
    columns = experiment.preset.name == PROGRESSIVE.name
    with st.expander("A layer of a column, term by term" if columns else "The objective, term by term"):
        st.latex(COLUMN_OBJECTIVE if columns else SHARED_OBJECTIVE)
        explained(COLUMN_TERMS if columns else SHARED_TERMS)
    with card("look-for"):
        card_header("What to look for")
        preset = experiment.preset
        steps_to_look_for(preset.look_for, "" if experiment.other_data else preset.explanation)
    with card("take-along"):
        card_header("Take it along")
        take_along(
            experiment, [view for view in experiment.views(experiment.seed).values() if view],
            titles={arm: arm_title(arm, spec) for arm, spec in experiment.arms.items()},
        )  # fmt: skip


def live_view(experiment: Experiment, moves: bool) -> None:
    """Everything that changes while runs train, with the controls."""
    if moves != experiment.moves:
        st.rerun()  # begins or ends the refreshing
    run_bar(PAGE, experiment, experiment.refresh_seconds())
    if experiment.preset.name == YOURS:
        st.caption("Choose a table and its tasks above.")
        return
    board = board_of(experiment)
    columns = experiment.preset.name == PROGRESSIVE.name
    chosen = run_choice(board)
    view = board.view(chosen)
    metrics = metrics_of(view) if view is not None else {}
    if columns:
        network_card(board, chosen, metrics)
    else:
        draw(trunk_scene(experiment.arms[chosen], metrics, {}), key="network")
    state = player_of(board)
    watched(PAGE).state = state  # what a download takes along
    if columns:
        forgetting_card(board)
        lean_card(board)
        price_card(board)
    else:
        left, right = st.columns(2)
        with left:
            lesson_card(board)
        with right:
            curves_card(view, board.titles[chosen])
        gradients_card(metrics, board.titles[chosen])
        table_card(board)
    notice_box(notices_of(board))
    experiment.write_address(
        arm=chosen if chosen != _default(experiment) else None,
        **player_address(state, PROJECTIONS[0], COLOUR),
    )


def _default(experiment: Experiment) -> str:
    """The arm whose network is drawn at first: the one that has most to show."""
    wanted = [arm for arm in experiment.preset.side_by_side if arm in experiment.arms]
    return wanted[0] if experiment.preset.name == PROGRESSIVE.name else wanted[-1]


def run_choice(board: Board) -> str:
    """The arm whose network, curves and gradients are shown, and how its losses are weighed."""
    experiment = board.experiment
    key, arms = f"arm-{experiment.preset.name}", list(experiment.arms)
    if st.session_state.get(key) not in arms:
        asked = st.query_params.get("arm")
        st.session_state[key] = asked if asked in arms else _default(experiment)
    with st.container(horizontal=True, vertical_alignment="bottom", key="run-choice"):
        chosen: str = st.selectbox("Look into", arms, format_func=board.titles.__getitem__, key=key, width=280)
        weighting = weighting_choice(board)
    if weighting is not None:
        changes = {path: value for path, value in experiment.changes.items() if path != WEIGHTING_PATH}
        usual = {getattr(spec.method, "weighting", weighting) for spec in experiment.preset.arms.values()}
        changes |= {} if usual == {weighting} else {WEIGHTING_PATH: weighting}
        replace(experiment, changes=changes, forks=()).write_address()
        st.rerun()
    return chosen


def player_of(board: Board) -> PlayerState | None:
    """The spaces side by side, coloured by the labels of any task; None while no run has probe points yet."""
    shown = {arm: view for arm in board.experiment.preset.side_by_side if (view := board.view(arm)) is not None}
    probes = {arm: found for arm, view in shown.items() if (found := probe_of(view)) is not None}
    if not probes:
        with card("player-empty"):
            waiting = any(view.run.live for view in shown.values())
            st.write("Training is about to begin." if waiting else "No run with these parameters yet: press Train.")
        return None
    probe = max(probes.values(), key=lambda one: len(one.others))  # knows what the others know, and more
    beside = {arm: shown[arm] for arm in probes if np.array_equal(probes[arm].labels, probe.labels)}
    projections = projections_of([*beside.values()], PROJECTIONS)
    key, wanted = f"player-{PAGE}", wanted_by_address(projections, COLOUR)
    state = player_state(key, projections, **wanted)
    metrics = {arm: metrics_of(view) for arm, view in beside.items()}
    panels = [
        film_panel(view, board.titles[arm], accuracy_curve(metrics[arm].get("target_accuracy")), state)
        for arm, view in beside.items()
    ]
    live = any(view.run.state == "running" for view in beside.values())
    recorded = next((view for view in beside.values() if view.is_recorded), None)
    return player(
        panels,
        probe,
        key=key,
        projections=projections,
        curves=_curves(metrics[[*beside][-1]]),
        live=live,
        autoplay=not live and wanted["initial_step"] is None,
        total_steps=max(view.run.steps for view in beside.values()),
        badge=f"recorded run · {recorded.machine} · press Train for your own" if recorded else None,
        **wanted,
    )


def _curves(metrics: Mapping[str, Series]) -> list[Curve]:
    """The accuracies under the timeline: of the main task, and of the old one where there is one."""
    found = []
    for name, role, words in (("target_accuracy", "target", "accuracy"), ("source_accuracy", "source", "old task")):
        line = metrics.get(name)
        if line is not None and len(line.steps):
            found.append(Curve(words, role, line.steps.tolist(), line.values.tolist()))
    return found


def notices_of(board: Board) -> list[Notice]:
    """What the shown runs have to say, and which runs failed or were stopped."""
    views = {arm: view for arm, view in board.views[board.experiment.seed].items() if view is not None}
    notices: list[Notice] = []
    for arm, view in views.items():
        told = [one for one in view.store.notices(view.run.id) if view.run.live or one.code != "preparation"]
        notices += [replace(one, text=f"{board.titles[arm]}: {one.text}") for one in told]
    return _of_each_code_one(notices + ended_notices(views, board.titles.__getitem__))


def _of_each_code_one(notices: Sequence[Notice]) -> list[Notice]:
    """Runs of one experiment say the same of the data: once is enough."""
    return [*{notice.code: notice for notice in notices}.values()]


main()
