"""Fine-tuning: the page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from tlcore.errors import LabError
from tlcore.player.film import Caption, Curve, accuracy_curve
from tlcore.plots.comparison import class_gain, confusion_matrix
from tlcore.presets.fine_tuning import PAGE
from tlcore.runs import Notice, Series
from tlcore.specs.fine_tuning import Tuning
from ui.adviser import adviser
from ui.experiment import Experiment, from_address, seed_of_address
from ui.films import film_panel, projections_of
from ui.fine_tuning_arms import (
    Board,
    Pair,
    arm_titles,
    board_of,
    chosen_pair,
    metrics_of,
    moment_of,
    pair_address,
    pair_choice,
    probe_of,
)
from ui.fine_tuning_curve import METRICS, chosen_metric, curve_card, table_card, warnings_box
from ui.fine_tuning_inside import inside_cards, network_card
from ui.fine_tuning_network import network_style
from ui.four_cases import four_cases
from ui.library import RunView, warm_up
from ui.live_chart import live_chart
from ui.own_choice import own_choice
from ui.own_classifier import own_classifier, usable_runs
from ui.page import card, card_header, explained, page_header, refreshing, steps_to_look_for
from ui.player import PlayerState, no_player, player, player_address, player_state, wanted_by_address
from ui.remembered import remembered
from ui.run_bar import run_bar
from ui.shown_runs import ended_notices, run_lines
from ui.take_along import take_along, watched

PROJECTIONS = ("umap", "pca")
COLOUR = "class"
OBJECTIVE = r"""
\text{L2-SP:}\quad \min_{w,\,h}\;\;
\underbrace{L\big(h(f_w(x)),\ \text{label}\big)}_{\text{learn the few labels}}
\;+\;\frac{\alpha}{2}\,\underbrace{\lVert w - w^0\rVert^2}_{\text{stay near the old parameters}}
\;+\;\frac{\beta}{2}\,\lVert h\rVert^2
"""
MATCHING = r"""
\text{Output matching:}\quad \min_{w,\,h}\;\; L\big(h(f_w(x)),\ \text{label}\big)
\;+\;\mu\,T^2\,\underbrace{\mathrm{KL}\Big(\mathrm{softmax}\tfrac{z^0(x)}{T}\,\Big\Vert\,
\mathrm{softmax}\tfrac{z(x)}{T}\Big)}_{\text{give the old answers on the same pictures}}
"""
TERMS = """
- $f_w$ is the **feature extractor** with weights $w$; it begins as the source network, $w^0$. $h$ is a **fresh head**
  for the target's classes. From scratch, $w$ begins at random and nothing is held.
- **Fixed features:** $w = w^0$ for good; only $h$ is found, which has one exact solution.
- **Fine-tuned:** the first term alone. The head is warmed first, so that its random beginnings do not shake the body,
  and it learns faster than the body.
- **L2-SP** (Li, Grandvalet and Davoine 2018) draws the parameters back to where they were, not to zero as weight decay
  does. $\\alpha$ says how firmly, $\\beta$ keeps the head small.
- **Output matching** (after Li and Hoiem 2016) leaves the parameters free and holds what they *do*: $z^0$ are the
  source network's answers on the target's own pictures, $z$ the present ones. $T$ softens both; $T^2$ keeps the
  gradient strong.
"""


def main() -> None:
    """Draw the page from its address."""
    page_header(
        "Fine-tuning",
        "A network has learned a **source** task with plenty of labels; the **target** has a few. Keep its features, "
        "tune them, or hold them near: how much is it worth, and until when?",
        quadrant="both labelled",
        paper="Yosinski et al., How transferable are features in deep neural networks?, 2014 · Li, Grandvalet and "
        "Davoine, Explicit Inductive Bias for Transfer Learning, 2018",
        paper_url="https://proceedings.mlr.press/v80/li18a.html",
        tour="fine_tuning",
    )
    network_style()
    try:
        experiment, remark = from_address(PAGE)
        if remark:
            st.warning(remark)
        warm_up()
        own_choice(experiment)
        moves, pair, usable = experiment.moves, chosen_pair(experiment), bool(usable_runs(experiment))
        refreshing(live_view, experiment, moves, pair, usable)
        adviser(experiment)
        four_cases()
        own_classifier(experiment)
    except LabError as error:
        st.error(str(error))
        return
    with st.expander("The objective, term by term"):
        st.latex(OBJECTIVE)
        st.latex(MATCHING)
        explained(TERMS)
    views = experiment.views(experiment.seed)
    with card("take-along"):
        card_header("Take it along")
        take_along(
            experiment, [view for view in views.values() if view], beside=pair.arms, titles=arm_titles(experiment.arms)
        )


def live_view(experiment: Experiment, moves: bool, pair: Pair, usable: bool) -> None:
    """Everything that changes while runs train, with the controls, so that they never wait for the rest of the page."""
    seed = seed_of_address()
    if moves != experiment.moves or pair != chosen_pair(experiment) or seed != experiment.seed:
        st.rerun()  # begins or ends the refreshing, or shows other runs everywhere on the page
    if not usable and usable_runs(experiment):
        st.rerun()  # the first classifier is there, long before the last run has ended
    run_bar(PAGE, experiment, experiment.refresh_seconds())
    board = board_of(experiment)
    metric = chosen_metric(board)
    shown = {arm: view for arm in pair.arms if (view := board.view(arm)) is not None}
    names = _class_names(board)
    curve_card(board, pair, metric, len(names))
    pair_choice(board)
    state = player_of(board, shown)
    watched(PAGE).state = state  # what a download takes along
    experiment.write_address(
        **pair_address(experiment, pair),
        metric=metric if metric != next(iter(METRICS)) else None,
        **player_address(state, PROJECTIONS[0], COLOUR),
    )
    run_lines(shown, board.title, missing=[arm for arm in pair.arms if arm not in shown])
    network_card(board, pair)
    inside_cards(board, pair)
    table_card(board, metric)
    with card("look-for"):
        look_for(experiment)
        warnings_box(board, names, notices_of(board, shown))
    confusions(board, shown, names)


def _class_names(board: Board) -> tuple[str, ...]:
    """The target's classes, from the first run of a target that has begun."""
    views = [arms[0] for arm, arms in board.finished.views.items() if "@" in arm]
    views += [view for arm, view in board.views[board.experiment.seed].items() if view is not None and "@" in arm]
    probes = (probe_of(view) for view in views)
    return next((probe.class_names for probe in probes if probe is not None), ())


def player_of(board: Board, shown: Mapping[str, RunView]) -> PlayerState | None:
    """The target's test pictures among the features of both arms; None while no run has probe points yet."""
    probes = {arm: probe_of(view) for arm, view in shown.items()}
    probe = next((found for found in probes.values() if found is not None), None)
    if probe is None:
        live = any(view.run.live for view in shown.values())
        no_player("These runs wait for their turn." if live else "These two are not trained yet: press Train.")
        return None
    # One set of points for both panels: runs of other data have others, and are left out.
    beside = {
        arm: view
        for arm, view in shown.items()
        if (own := probes[arm]) is None or np.array_equal(own.labels, probe.labels)
    }
    projections = projections_of([*beside.values()], PROJECTIONS)
    key, wanted = f"player-{PAGE}", wanted_by_address(projections, COLOUR)
    state = player_state(key, projections, **wanted)
    metrics = {arm: metrics_of(view) for arm, view in beside.items()}
    panels = [
        film_panel(view, board.title(arm), accuracy_curve(metrics[arm].get("target_accuracy")), state)
        for arm, view in beside.items()
    ]
    live = any(view.run.state == "running" for view in beside.values())
    recorded = next((view for view in beside.values() if view.is_recorded), None)
    last = list(beside)[-1]
    return player(
        panels,
        probe,
        key=key,
        projections=projections,
        curves=_timeline(metrics[last]),
        captions=_captions(beside[last], board.title(last)),
        live=live,
        autoplay=not live and wanted["initial_step"] is None,
        total_steps=max(view.run.steps for view in beside.values()),
        badge=f"recorded run · {recorded.machine} · press Train for your own" if recorded else None,
        **wanted,
    )


def _timeline(metrics: Mapping[str, Series]) -> list[Curve]:
    """Accuracy on the target, and what is left of the source, of the run on the right."""
    chosen = (("target accuracy", "target", "target_accuracy"), ("source accuracy", "source", "source_accuracy"))
    return [
        Curve(title, role, metrics[name].steps.tolist(), metrics[name].values.tolist())
        for title, role, name in chosen
        if name in metrics
    ]


def _captions(view: RunView, title: str) -> list[Caption]:
    """What a lecture says of the run on the right."""
    method = view.run.spec.method
    if not isinstance(method, Tuning) or not 0 < method.head_warm_up < 1:
        return []
    return [
        Caption(0, f"{title}: the source network, and a fresh head that learns alone"),
        Caption(
            round(method.head_warm_up * view.run.steps), "The head is warm. From here on the network moves with it"
        ),
    ]


def look_for(experiment: Experiment) -> None:
    """A few steps that point at the picture."""
    card_header("What to look for")
    # The explanation tells of the preset's data.
    steps_to_look_for(experiment.preset.look_for, "" if experiment.other_data else experiment.preset.explanation)


def notices_of(board: Board, shown: Mapping[str, RunView]) -> list[Notice]:
    """What the two runs have to say, and which runs of the experiment failed or were stopped."""
    told = [(view.run.state, notice) for view in shown.values() for notice in view.store.notices(view.run.id)]
    notices = [notice for state, notice in told if state in ("queued", "running") or notice.code != "preparation"]
    return notices + ended_notices(board.views[board.experiment.seed], board.title)


def confusions(board: Board, shown: Mapping[str, RunView], names: tuple[str, ...]) -> None:
    """Confusion matrices of both arms on the target, and what each class gained from left to right."""
    found = {arm: view.store.confusion(view.run.id, "target") for arm, view in shown.items()}
    tables = {arm: table for arm, table in found.items() if table is not None and len(table.counts) == len(names)}
    if not tables:
        return
    columns = st.columns(3)
    for column, (arm, table) in zip(columns, tables.items(), strict=False):
        with column, card(f"confusion-{'left' if column is columns[0] else 'right'}"):
            card_header(f"Confusion: {board.title(arm)}")
            cells = {"run": shown[arm].run.id, "domain": "target"}
            key = "confusion-left" if column is columns[0] else "confusion-right"
            figure = remembered(("confusion", names, moment_of(shown[arm])), lambda t=table: confusion_matrix(t, names))
            live_chart(
                figure, key=key, height=300, cells=cells,
                description=f"confusion of {board.title(arm)}; a click on a cell selects its points above",
            )  # fmt: skip
    if len(tables) == 2:
        before, after = tables.values()
        with columns[2], card("gain"):
            card_header("What each class gained, left to right")
            moments = [moment_of(shown[arm]) for arm in tables]
            figure = remembered(("gain", names, *moments), lambda: class_gain(before, after, names))
            live_chart(figure, key="class-gain", height=300, description="what each class gained from left to right")


main()
