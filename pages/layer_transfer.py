"""Layer transfer: the page."""

from __future__ import annotations

import numpy as np
import streamlit as st

from tlcore.errors import LabError
from tlcore.player.film import Curve, accuracy_curve
from tlcore.presets.layer_transfer import BASE_A, GLYPHS, PAGE
from tlcore.runs import Notice
from ui.background import lively
from ui.experiment import Experiment, from_address, seed_of_address
from ui.films import film_panel, projections_of
from ui.fine_tuning_arms import metrics_of, probe_of
from ui.fine_tuning_network import network_style
from ui.layer_transfer_bench import bench_address, bench_card
from ui.layer_transfer_figure import address_of_figure, figure_card, table_card
from ui.layer_transfer_inside import bases_ready, contents_card
from ui.layer_transfer_runs import Board, arm_title, base_of, board_of, choices, chosen_run, pace_of
from ui.library import RunView, warm_up
from ui.notices import notice_box
from ui.own_choice import own_choice
from ui.own_paths import TWO_TASKS
from ui.page import card, card_header, page_header, refreshing, steps_to_look_for
from ui.player import PlayerState, no_player, player, player_address, player_state, wanted_by_address
from ui.run_bar import run_bar
from ui.shown_runs import ended_notices, run_lines
from ui.take_along import take_along, watched

PROJECTIONS = ("umap", "pca")
COLOUR = "class"
SIDE = 32  # of own pictures: what the small network of this page is made for


def main() -> None:
    """Draw the page from its address."""
    page_header(
        "Layer transfer",
        "Put the first n layers of a network that learned **source** classes A into one that learns **target** "
        "classes B. Frozen or learning on: up to which layer is what it knows of use?",
        quadrant="both labelled",
        paper="Yosinski, Clune, Bengio and Lipson, How transferable are features in deep neural networks?, 2014",
        paper_url="https://arxiv.org/abs/1411.1792",
        tour="layer_transfer",
    )
    network_style()
    try:
        experiment, remark = from_address(PAGE)
        if remark:
            st.warning(remark)
        warm_up()
        moves, ready = pace_of(experiment) is not None, bases_ready(experiment)
        refreshing(live_view, experiment, moves, ready)
        lively(lambda: contents_card(experiment), f"contents-{experiment.preset.name}")
        own_choice(
            experiment,
            offer="The same with your own pictures" if experiment.preset is GLYPHS else "",
            fewest_classes=TWO_TASKS,
            usual_side=SIDE,
            trained="Their classes are halved into A and B. Train draws the figure on them.",
        )
    except LabError as error:
        st.error(str(error))
        return
    with card("look-for"):
        look_for(experiment)
    views = experiment.views(experiment.seed)
    with card("take-along"):
        card_header("Take it along")
        chosen = chosen_run(experiment)
        beside = tuple(dict.fromkeys(arm for arm in (base_of(experiment, chosen), chosen) if arm in experiment.arms))
        titles = {arm: arm_title(arm) for arm in experiment.arms}
        take_along(experiment, [view for view in views.values() if view], beside=beside, titles=titles)


def live_view(experiment: Experiment, moves: bool, ready: bool) -> None:
    """Everything that changes while runs train, with the controls, so that they never wait for the rest of the page."""
    pace = pace_of(experiment)
    changed = moves != (pace is not None) or seed_of_address() != experiment.seed
    if changed or ready != bases_ready(experiment):
        st.rerun()  # begins or ends the refreshing, or shows other runs everywhere on the page
    run_bar(PAGE, experiment, pace)
    board = board_of(experiment)
    figure_card(board, {"bench": bench_address(experiment)})
    bench_card(board)
    chosen = run_choice(board)
    shown = {name: view for name in _beside(experiment, chosen) if (view := board.view(name)) is not None}
    state = player_of(board, shown)
    watched(PAGE).state = state  # what a download takes along
    experiment.write_address(
        **address_of_figure(experiment),
        bench=bench_address(experiment),
        **player_address(state, PROJECTIONS[0], COLOUR),
    )
    run_lines(shown, board.title, seed="split")
    notice_box(notices_of(board, shown))
    table_card(board)


def _beside(experiment: Experiment, chosen: str) -> tuple[str, ...]:
    """The base of the same task, and the chosen run; a base is shown alone."""
    return tuple(dict.fromkeys((base_of(experiment, chosen), chosen))) if chosen != BASE_A else (chosen,)


def run_choice(board: Board) -> str:
    """The run whose features are shown below, and the split."""
    experiment = board.experiment
    chosen = chosen_run(experiment)
    key = f"shown-split-{experiment.preset.name}"
    with st.container(horizontal=True, vertical_alignment="bottom", key="run-choice"):
        st.selectbox(
            "Features of", choices(experiment), format_func=board.title, key=f"chosen-run-{experiment.preset.name}",
            width=300,
        )  # fmt: skip
        seeds = sorted({seed for seed, arms in board.views.items() if any(arms.values())} | {experiment.seed})
        if len(seeds) > 1:
            st.session_state[key] = experiment.seed

            def choose() -> None:
                st.query_params["seed"] = str(st.session_state[key])

            st.selectbox("Split", seeds, key=key, on_change=choose, width=84)
    return chosen


def player_of(board: Board, shown: dict[str, RunView]) -> PlayerState | None:
    """The test pictures among the features of the base and of the chosen run; None while there are no probe points."""
    probes = {name: probe_of(view) for name, view in shown.items()}
    probe = next((found for found in reversed([*probes.values()]) if found is not None), None)
    if probe is None:
        live = any(view.run.live for view in shown.values())
        done = chosen_run(board.experiment) in shown and not live
        idle = "Nothing was recorded of its features." if done else "This run is not trained yet: press Train."
        no_player("This run waits for its turn." if live else idle)
        return None
    # One set of points for both panels: runs on other pictures have others, and are left out.
    beside = {
        name: view
        for name, view in shown.items()
        if (own := probes[name]) is None or np.array_equal(own.labels, probe.labels)
    }
    projections = projections_of([*beside.values()], PROJECTIONS)
    key, wanted = f"player-{PAGE}", wanted_by_address(projections, COLOUR)
    state = player_state(key, projections, **wanted)
    metrics = {name: metrics_of(view) for name, view in beside.items()}
    panels = [
        film_panel(view, board.title(name), accuracy_curve(metrics[name].get("target_accuracy")), state)
        for name, view in beside.items()
    ]
    line = metrics[[*beside][-1]].get("target_accuracy")
    live = any(view.run.state == "running" for view in beside.values())
    recorded = next((view for view in beside.values() if view.is_recorded), None)
    return player(
        panels,
        probe,
        key=key,
        projections=projections,
        curves=[Curve("accuracy", "target", line.steps.tolist(), line.values.tolist())] if line is not None else [],
        live=live,
        autoplay=not live and wanted["initial_step"] is None,
        total_steps=max(view.run.steps for view in beside.values()),
        badge=f"recorded run · {recorded.machine} · press Train for your own" if recorded else None,
        **wanted,
    )


def notices_of(board: Board, shown: dict[str, RunView]) -> list[Notice]:
    """What the shown runs have to say, and which runs of the experiment failed or were stopped."""
    told = [(view.run.live, notice) for view in shown.values() for notice in view.store.notices(view.run.id)]
    notices = [notice for live, notice in told if live or notice.code != "preparation"]
    views = board.views[board.experiment.seed] | {view.run.id: view for view in board.built}
    return notices + ended_notices(views, board.title)


def look_for(experiment: Experiment) -> None:
    """A few steps that point at the picture."""
    card_header("What to look for")
    # The explanation tells of the preset's data.
    steps_to_look_for(experiment.preset.look_for, "" if experiment.other_data else experiment.preset.explanation)


main()
