"""Zero-shot learning: the page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from tlcore.errors import LabError
from tlcore.player.film import Curve
from tlcore.plots import zero_shot as plots
from tlcore.presets.zero_shot import PAGE
from tlcore.runs import Notice, Series
from ui.background import lively
from ui.choices import first_until_chosen
from ui.comparison import finished_runs
from ui.experiment import Experiment, from_address
from ui.feed import feed, moving_chart
from ui.films import film_panel, projections_of
from ui.library import RunView, warm_up
from ui.notices import notice_box
from ui.page import card, card_header, explained, page_header, refreshing, steps_to_look_for
from ui.player import BEGINS, PlayerState, no_player, player, player_address, player_state, wanted_by_address
from ui.run_bar import run_bar
from ui.shown_runs import ended_notices
from ui.take_along import take_along, watched
from ui.zero_shot_ask import ask_card
from ui.zero_shot_edit import edit_card
from ui.zero_shot_model import askable, probe_of
from ui.zero_shot_results import calibration_card, confusion_cards, protocol_table

PREFERRED = ("margin", "ale", "eszsl", "devise", "attributes", "conse", "naive")
ASKED = ("margin", "ale", "devise", "eszsl", "attributes", "conse")
PROJECTIONS = ("pca", "umap")
COLOUR = "domain"
LOSS_HEIGHT = 220
HEIGHT = 320  # of the curves: as many lines as there are methods, and their names above them
OBJECTIVE = r"""
\text{naive:}\quad \min_{f,\,g}\; \lVert f(x^n)-g(y^n)\rVert^2
\qquad\qquad
\text{margin:}\quad \min_{f,\,g}\; \max\Big(0,\; k-\underbrace{f(x^n)\cdot g(y^n)}_{\text{its own description}}
+\underbrace{\max_{m\neq n} f(x^n)\cdot g(y^m)}_{\text{the strongest other}}\Big)
"""
TERMS = """
- $f$ maps a picture $x$, $g$ a class's description $y$, a row of attributes, into one space. $f(x)\\cdot g(y)$ is the
  score of the class; a class needs no picture to be scored.
- The **naive** objective is smallest, zero, where all pictures and all descriptions lie in one point.
- The **margin** objective asks that the right description lead every other by $k$: it pushes as well as pulls.
- **Attribute prediction** guesses each attribute by itself and looks up which description fits. **ConSE** mixes the
  descriptions of those seen classes that a plain classifier believes in. **ESZSL** solves one bilinear map in closed
  form. **DeViSE** and **ALE** rank the descriptions; ALE weighs the top of the ranking most.
- **Two protocols, never mixed.** Among unseen classes: which of the classes never shown is this? Among all classes:
  which of all? Every figure is a mean over classes. The **harmonic mean** of seen and unseen is small unless both are
  large.
- **Calibration** takes one constant from the scores of all seen classes; the curve shows what every constant gives.
"""
LINES = (
    "lines lead to the three descriptions that answer for it best in the whole space, by the product of the two where "
    "that is how they are scored"
)
# Those of the films that ship with the lab were recorded so.
LINES_BY_DISTANCE = (
    "in these recorded films lines lead to the three descriptions nearest to it in the whole space, by distance; it is "
    "called by the largest product, so the class it is taken for need not be among them"
)
TUNING = (
    "Settings are chosen here: some of the seen classes are held out and play the unseen ones. The classes that are in "
    "truth unseen take no part."
)


def main() -> None:
    """Draw the page from its address."""
    page_header(
        "Zero-shot learning",
        "Labels exist for the **source**, the classes that are seen. The **target** is classes of which there is no "
        "picture at all, only a description, and they are recognised by it.",
        quadrant="source labelled",
        paper="Xian et al., Zero-Shot Learning: A Comprehensive Evaluation of the Good, the Bad and the Ugly, 2019",
        paper_url="https://doi.org/10.1109/TPAMI.2018.2857768",
        tour="zero_shot",
    )
    try:
        experiment, remark = from_address(PAGE)
        if remark:
            st.warning(remark)
        warm_up()
        moves = experiment.moves
        feed(moves)
        refreshing(live_view, experiment, moves)
        lively(partial(questions, experiment), "zero-shot-questions")
    except LabError as error:
        st.error(str(error))
        return
    with st.expander("The objective, term by term"):
        st.latex(OBJECTIVE)
        explained(TERMS)
    with card("take-along"):
        card_header("Take it along")
        take_along(experiment, [view for view in experiment.views(experiment.seed).values() if view])


def live_view(experiment: Experiment, moves: bool) -> None:
    """Everything that changes while runs train, with the controls."""
    if moves != experiment.moves:
        st.rerun()  # begins or ends the refreshing, and shows what can be asked of what has finished
    run_bar(PAGE, experiment, experiment.refresh_seconds())
    views = experiment.views(experiment.seed)
    started = {arm: view for arm, view in views.items() if view is not None}
    metrics = {arm: view.store.metrics(view.run.id) for arm, view in started.items()}
    state = player_of(experiment, started, metrics)
    watched(PAGE).state = state  # what a download takes along
    titles = experiment.titles()
    chance = _chance(started)
    left, right = st.columns(2)
    with left, card("chart-unseen"):
        solved = "dash-dotted: solved at once" if set(plots.SOLVED) & set(started) else ""
        aside = ", ".join(part for part in (f"chance {chance:.1%}" if chance else "", solved) if part)
        card_header("Right among unseen classes", aside)
        moving_chart(
            started, lambda metrics: plots.accuracy_curves(metrics, titles, chance),
            key="chart-unseen", about=(*titles.items(), chance), height=HEIGHT,
            description="zero-shot accuracy over the steps",
        )  # fmt: skip
    with right, card("chart-spread"):
        card_header("Does the space collapse?")
        moving_chart(
            started, lambda metrics: plots.spread_curves(metrics, titles),
            key="chart-spread", about=tuple(titles.items()), height=HEIGHT,
            description="how far pictures and descriptions lie from their middle",
        )  # fmt: skip
    if "naive" in started:  # its loss is what a collapse looks good by
        with card("chart-loss"):
            card_header("What the joint spaces are trained by", "the loss of each step's batch")
            moving_chart(
                started, lambda metrics: plots.loss_curves(metrics, titles),
                key="chart-loss", about=tuple(titles.items()), height=LOSS_HEIGHT,
                description="the loss of the joint spaces over the steps",
            )  # fmt: skip
    with card("comparison"):
        finished = finished_runs(experiment)
        count = finished.seeds
        recorded = " · recorded" if finished.recorded else ""
        aside = f"per-class mean ± sd, {count} seed{'s' * (count != 1)}{recorded}" if count else "nothing trained yet"
        card_header("Two protocols", aside)
        protocol_table(experiment.published, titles, finished)
    with card("look-for"):
        card_header("What to look for")
        preset = experiment.preset
        steps_to_look_for(preset.look_for, _explanation(experiment))
        notice_box(notices_of(started, titles))


def _explanation(experiment: Experiment) -> str:
    """What is behind the experiment; where other classes are the unseen ones, what the preset counts is not so."""
    if experiment.other_data:
        return ""
    if experiment.changes.get("data.unseen") == "tuning":
        return TUNING
    return experiment.preset.explanation


def _chance(started: Mapping[str, RunView]) -> float:
    """One among the unseen classes; 0 while nothing is known of them."""
    for view in started.values():
        probe = view.store.probe(view.run.id)
        if probe is not None:
            classes = len(probe.class_names) // 2
            unseen = int((probe.domains[-classes:] == 1).sum())
            return 1 / unseen if unseen else 0.0
    return 0.0


def player_of(
    experiment: Experiment, started: Mapping[str, RunView], metrics: Mapping[str, Mapping[str, Series]]
) -> PlayerState | None:
    """Both spaces side by side; None while no run has probe points yet."""
    side_by_side = [arm for arm in experiment.preset.side_by_side if arm in started]
    probes = [started[arm].store.probe(started[arm].run.id) for arm in side_by_side]
    probe = next((found for found in probes if found is not None), None)
    if probe is None:
        waiting = any(view.run.live for view in started.values())
        no_player(BEGINS if waiting else "No run with these parameters yet: press Train.")
        return None
    shown = [started[arm] for arm in side_by_side]
    projections = projections_of(shown, PROJECTIONS)
    key, wanted = f"player-{PAGE}", wanted_by_address(projections, COLOUR)
    state = player_state(key, projections, **wanted)
    titles = experiment.titles()
    panels = [
        film_panel(started[arm], titles[arm], _curve(metrics[arm].get("unseen_accuracy")), state)
        for arm in side_by_side
    ]
    live = any(view.run.live for view in shown)
    recorded = next((view for view in shown if view.is_recorded), None)
    last = metrics[side_by_side[-1]]
    curves = [_curve(last.get("unseen_accuracy")), _curve(last.get("seen_accuracy"), "seen accuracy", "source")]
    state = player(
        panels,
        probe,
        key=key,
        projections=projections,
        curves=[curve for curve in curves if curve],
        live=live,
        autoplay=not live and wanted["initial_step"] is None,
        total_steps=max(view.run.steps for view in shown),
        badge=f"recorded run · {recorded.machine} · press Train for your own" if recorded else None,
        **wanted,
    )
    st.caption(
        "Source: seen classes, target: unseen ones. A dot is a test picture, a star the description of a class. Click "
        f"a picture: {LINES_BY_DISTANCE if recorded else LINES}. Pictures are brought to the descriptions' size by one "
        "factor. A picture is predicted among all classes."
    )
    experiment.write_address(**player_address(state, projections[0], COLOUR))
    return state


def _curve(series: Series | None, name: str = "unseen accuracy", role: str = "target") -> Curve | None:
    if series is None or not len(series.steps):
        return None
    return Curve(name, role, series.steps.tolist(), series.values.tolist())


def notices_of(started: Mapping[str, RunView], titles: Mapping[str, str]) -> list[Notice]:
    """What the shown runs have to say, failures first."""
    notices: list[Notice] = []
    for view in started.values():
        told = view.store.notices(view.run.id)
        notices += [one for one in told if view.run.live or one.code != "preparation"]
    return notices + ended_notices(started, titles.__getitem__)


def questions(experiment: Experiment) -> None:
    """What one chosen run says: the curve between seen and unseen, who is confused, and whatever it is asked."""
    views = experiment.views(experiment.seed)
    done = {
        arm: views[arm]
        for arm in PREFERRED
        if arm in views and views[arm] is not None and views[arm].run.state == "finished"  # type: ignore[union-attr]
    }
    if not done:
        return
    titles = experiment.titles()
    arm: str = st.segmented_control(
        "Look into", list(done), required=True, format_func=titles.__getitem__, key="look-into",
        on_change=first_until_chosen("look-into", list(done)),
    )  # fmt: skip
    view = done[arm]
    assert view is not None
    probe = probe_of(view.store, view.run.id)
    model = askable(view)
    with card("calibration"):
        calibration_card(view.store.metrics(view.run.id), titles[arm], arm)
    if probe is not None:
        confusion_cards(view, probe.class_names[: len(probe.class_names) // 2], titles[arm], model)
    if model is None:
        st.caption("The weights of this run are not on this machine: press Train, and it can be asked.")
        return
    if arm == "naive":
        st.caption("This space is only looked at: where all lie in one point, no description decides anything.")
    if arm in ASKED:
        attributes = done.get("attributes")
        beside = askable(attributes) if attributes else None
        ask_card(view, model, (attributes, beside) if attributes and beside else None, titles[arm])
        edit_card(model, titles[arm])


main()
