"""Self-taught learning: the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import streamlit as st

from tlcore.errors import LabError
from tlcore.player.film import Caption, Curve
from tlcore.plots.fine_tuning import looks_of
from tlcore.presets.self_taught import PAGE
from tlcore.runs import Frame, Notice, Probe, Series
from ui.experiment import Experiment, from_address, seed_of_address
from ui.feed import feed
from ui.films import film_panel, projections_of
from ui.fine_tuning_arms import metrics_of, probe_of
from ui.fine_tuning_curve import table_card, warnings_box
from ui.library import RunView, warm_up
from ui.notices import notice_box
from ui.page import card, card_header, explained, page_header, refreshing, steps_to_look_for
from ui.player import PlayerState, player, player_address, player_state, wanted_by_address
from ui.run_bar import run_bar
from ui.self_taught_arms import (
    WAYS,
    SelfTaughtBoard,
    arm_title,
    learners,
    pair_of_address,
    pair_widgets,
    self_taught_board,
    shown_pair,
    without_baselines,
)
from ui.self_taught_network import network_card, self_taught_style
from ui.self_taught_results import chosen_way, clusters_card, curve_card, inside_cards, sheet_cards
from ui.shown_runs import ended_notices, run_lines
from ui.take_along import take_along, watched

PROJECTIONS = ("umap", "pca")
CONTRASTIVE = r"""
\text{contrastive:}\quad \min_{f,\,g}\;\;
-\log\frac{\exp(z_i\cdot z_j/\tau)}{\sum_{k\neq i}\exp(z_i\cdot z_k/\tau)},\qquad
z=\frac{g(f(x))}{\lVert g(f(x))\rVert},\quad x_i,\,x_j\ \text{two views of one picture}
"""
RECONSTRUCTION = r"""
\text{denoising autoencoder:}\quad \min_{f,\,d}\;\; H\big(\,\underbrace{x}_{\text{clean}},\;
d(f(\underbrace{\tilde x}_{\text{disturbed}}))\,\big)
"""
VICREG = r"""
\text{VICReg:}\quad \min_{f,\,g}\;\;
\lambda\,\underbrace{s(Z, Z')}_{\text{views agree}}
+\mu\,\underbrace{[v(Z)+v(Z')]}_{\text{each coordinate varies}}
+\nu\,\underbrace{[c(Z)+c(Z')]}_{\text{different ones differ}}
"""
TERMS = """
- $f$ is the **feature extractor**. It is all that is kept; $g$, the **projector**, and $d$, the **decoder**, are thrown
  away when the labels come.
- A **view** is the picture shifted, turned, scaled, sheared and laid over another crop of two photographs. The source
  stands on black, so its ink is known, and the photograph behind it can be changed: that is how the network is told
  that the background does not matter. $\\tau$ is the temperature: the smaller, the more the nearest wrong view counts.
- **Linear classifier:** logistic regression on the features, solved exactly. **Nearest neighbours:** the nearest
  labelled pictures vote by their cosine. **Fine-tuned:** the whole network learns on, beginning with the linear
  classifier as its head. All three are told; autoencoder and contrastive are judged by fine-tuning, principal
  components, a linear map, by the linear classifier.
- **Effective rank:** the exponential of the entropy of the features' singular values, a number of dimensions. Features
  that are all alike have rank 1 or less: they have **collapsed**.
- **Adjusted mutual information** and **adjusted Rand index** compare clusters with classes; both are 0 on average for
  clusters drawn by chance and 1 where clusters are classes. k-means begins anew several times; the start with the
  smallest inertia is taken, which needs no label.
"""


def main() -> None:
    """Draw the page from its address."""
    clustering = st.query_params.get("preset") == "clustering"
    page_header(
        "Self-taught learning",
        "Nobody has labelled the **source**, and of the **target** only a few pictures, or none. What can be learned "
        "from pictures that nobody explains?",
        quadrant="none labelled" if clustering else "target labelled",
        paper="Raina et al., Self-taught Learning, 2007 · Dai et al., Self-taught Clustering, 2008 · Chen et al., "
        "SimCLR, 2020",
        paper_url="https://doi.org/10.1145/1273496.1273592",
        tour="self_taught",
    )
    self_taught_style()
    try:
        experiment, remark = from_address(PAGE)
        if remark:
            st.warning(remark)
        warm_up()
        moves = experiment.moves
        feed(moves)
        refreshing(live_view, experiment, moves)
    except LabError as error:
        st.error(str(error))
        return
    with st.expander("The objectives, term by term"):
        for formula in (CONTRASTIVE, RECONSTRUCTION, VICREG):
            st.latex(formula)
        explained(TERMS)
    views = experiment.views(experiment.seed)
    with card("take-along"):
        card_header("Take it along")
        take_along(
            experiment, [view for view in views.values() if view], beside=shown_pair(experiment).arms,
            titles={arm: arm_title(arm) for arm in experiment.arms},
        )  # fmt: skip


def live_view(experiment: Experiment, moves: bool) -> None:
    """Everything that changes while runs train, with the controls, so that they never wait for the rest of the page."""
    if moves != experiment.moves or seed_of_address() != experiment.seed:
        st.rerun()  # begins or ends the refreshing, or shows other runs everywhere on the page
    board = self_taught_board(experiment)
    network_card(board)
    run_bar(PAGE, experiment, experiment.refresh_seconds())
    pair = shown_pair(experiment)
    pair_widgets(experiment, board.views)
    shown = {arm: view for arm in pair.arms if (view := board.view(arm)) is not None}
    names = _class_names(board)
    state = player_of(board, shown)
    watched(PAGE).state = state  # what a download takes along
    way = chosen_way()
    experiment.write_address(
        arms=pair_of_address(experiment, pair),
        way=way if board.methods and way != next(iter(WAYS)) else None,
        **player_address(state, PROJECTIONS[0], colour_of(experiment)),
    )
    run_lines(shown, arm_title, missing=[arm for arm in pair.arms if arm not in shown])
    if board.methods:
        curve_card(board, pair, way, len(names))
        table_card(board, way, WAYS[way])
    if experiment.preset.name == "clustering":
        clusters_card(board)
    inside_cards(board)
    sheet_cards(board)
    with card("look-for"):
        look_for(experiment)
        told = notices_of(board)
        if board.methods:
            warnings_box(without_baselines(board), names, told)
        else:
            notice_box(told)


def colour_of(experiment: Experiment) -> str:
    """By what points are coloured at first: clusters where there are any."""
    return "prediction" if experiment.preset.name == "clustering" else "class"


def _class_names(board: SelfTaughtBoard) -> tuple[str, ...]:
    """The target's classes, from the first run that has begun."""
    views = [arms[0] for arms in board.finished.views.values()]
    views += [view for view in board.views[board.experiment.seed].values() if view is not None]
    probes = (probe_of(view) for view in views)
    return next((probe.class_names for probe in probes if probe is not None), ())


def player_of(board: SelfTaughtBoard, shown: Mapping[str, RunView]) -> PlayerState | None:
    """The target's test pictures among the features of both arms; None while no run has probe points yet."""
    experiment = board.experiment
    probes = {arm: probe_of(view) for arm, view in shown.items()}
    probe = next((found for found in probes.values() if found is not None), None)
    if probe is None:
        with card("player-empty"):
            live = any(view.run.live for view in shown.values())
            st.write("These runs wait for their turn." if live else "These two are not trained yet: press Train.")
        return None
    beside = {
        arm: view
        for arm, view in shown.items()
        if (own := probes[arm]) is None or np.array_equal(own.labels, probe.labels)
    }
    projections = projections_of([*beside.values()], PROJECTIONS)
    key, wanted = f"player-{PAGE}", wanted_by_address(projections, colour_of(experiment))
    state = player_state(key, projections, **wanted)
    metrics = {arm: metrics_of(view) for arm, view in beside.items()}
    panels, looks = [], looks_of(["scratch", *learners(experiment)])
    for arm, view in beside.items():
        panel = film_panel(view, arm_title(arm), _value(metrics[arm]), state)
        if getattr(experiment.arms[arm].data, "clusters", 0):
            panel = replace(panel, frames=named_clusters(panel.frames, probe))
        panels.append(panel)
    live = any(view.run.state == "running" for view in beside.values())
    recorded = next((view for view in beside.values() if view.is_recorded), None)
    state = player(
        panels,
        probe,
        key=key,
        projections=projections,
        curves=[
            curve
            for arm, found in metrics.items()
            if (curve := _value(found, arm, looks[arm.partition("@")[0]].colour)) is not None
        ],
        captions=[Caption(0, "Before training: features of random weights")],
        live=live,
        autoplay=not live and wanted["initial_step"] is None,
        total_steps=max(view.run.steps for view in beside.values()),
        badge=f"recorded run · {recorded.machine} · press Train for your own" if recorded else None,
        **wanted,
    )
    if any(getattr(experiment.arms[arm].data, "clusters", 0) for arm in beside):
        st.caption(
            "Clusters have no names. For the eye, and after everything else, each is called after the digit that most "
            "of its pictures show."
        )
    return state


def named_clusters(frames: list[Frame] | tuple[Frame, ...], probe: Probe) -> list[Frame]:
    """The frames with each cluster called after the class of most of its points in the last of them."""
    if not frames:
        return []
    last = max(frames, key=lambda frame: frame.step).predictions
    if len(last) != len(probe.labels) or last.min(initial=0) < 0:
        return list(frames)
    count = int(max(frame.predictions.max(initial=0) for frame in frames)) + 1
    table = np.zeros((count, len(probe.class_names)), np.int64)
    np.add.at(table, (last.astype(int), probe.labels.astype(int)), 1)
    names = table.argmax(axis=1).astype(last.dtype)
    return [replace(frame, predictions=names[frame.predictions.astype(int)]) for frame in frames]


VALUES = (
    ("adjusted_mutual_information", "adjusted mutual information"),
    ("target_accuracy", "target accuracy"),
    ("neighbour_agreement", "neighbours agree"),
)


def _value(metrics: Mapping[str, Series], arm: str | None = None, colour: str = "target") -> Curve | None:
    """What is told beside a run's title; with its arm, as a line under the timeline."""
    for name, words in VALUES:
        line = metrics.get(name)
        if line is not None and len(line.steps):
            title = f"{words}, {arm_title(arm)}" if arm else words
            return Curve(title, colour, line.steps.tolist(), line.values.tolist())
    return None


def look_for(experiment: Experiment) -> None:
    """A few steps that point at the picture."""
    card_header("What to look for")
    steps_to_look_for(experiment.preset.look_for, "" if experiment.other_data else experiment.preset.explanation)


def notices_of(board: SelfTaughtBoard) -> list[Notice]:
    """What the runs of the shown seed have to say, and which of them failed or were stopped."""
    notices: list[Notice] = []
    for arm, view in board.views[board.experiment.seed].items():
        if view is None:
            continue
        run, title = view.run, arm_title(arm)
        told = view.store.notices(run.id)
        notices += [
            replace(one, code=f"{one.code}-{arm}", text=f"{title}: {one.text}")
            for one in told
            if one.level != "info" or (run.live and one.code == "preparation")
        ]
    return notices + ended_notices(board.views[board.experiment.seed], arm_title)


main()
