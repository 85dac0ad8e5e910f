"""Domain-adversarial training: the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from tlcore.analysis.moments import domains_meet, strength_rises, target_passes
from tlcore.errors import LabError
from tlcore.player.film import Curve, accuracy_curve, captions_of
from tlcore.plots import domain_adversarial as plots
from tlcore.plots.comparison import class_gain, confusion_matrix
from tlcore.presets.domain_adversarial import LOOK_FOR
from tlcore.runs import Notice, Series
from tlcore.specs import CheckpointStart
from ui.comparison import comparison_table, comparison_words, finished_runs
from ui.experiment import Experiment, from_address
from ui.feed import Draw, feed, moving_chart
from ui.films import film_panel, projections_of
from ui.library import RunView, metrics_of, warm_up
from ui.live_chart import live_chart
from ui.network_diagram import DiagramState, network_diagram
from ui.notices import notice_box
from ui.page import card, card_header, explained, page_header, refreshing, steps_to_look_for
from ui.player import BEGINS, PlayerState, no_player, player, player_address, player_state, wanted_by_address
from ui.remembered import remembered
from ui.run_bar import run_bar, take_step
from ui.shown_runs import ended_notices
from ui.step_words import StepMode
from ui.take_along import take_along, watched

PAGE = "domain-adversarial"
ARMS = ("source_only", "dann", "train_on_target")
CAPTIONS = {
    "small-cnn": "conv {channels} · conv {channels2} · dense {features}",
    "paper-mnist": "conv 32 · conv 48",
    "paper-svhn": "conv 64 · conv 64 · conv 128",
    "perceptron": "{hidden_units} sigmoid units",
}
OBJECTIVE = r"""
\min_{f,\,y}\;\; \underbrace{L_y\big(y(f(x_s)),\ \text{label}\big)}_{\text{tell the classes apart}}
\;-\; \lambda\, \underbrace{L_d\big(d(f(x)),\ \text{domain}\big)}_{\text{and hide the domain}}
\qquad \min_{d}\; L_d\big(d(f(x)),\ \text{domain}\big)
"""
TERMS = """
- $f$, the **feature extractor**, turns a picture $x$ into features; $y$, the **label predictor**, turns features into a
  class; $d$, the **domain classifier**, guesses from the same features whether the picture is from the source or the
  target.
- $L_y$ is the cross-entropy on labelled source pictures $x_s$. No target label is ever used.
- $L_d$ is the cross-entropy of source against target, on pictures of both. $d$ makes it small; $f$ makes it large.
- $\\lambda$ weighs the two. It sits in the **gradient reversal**: forwards the identity, backwards times $-\\lambda$.
  It acts on $f$ alone; $d$ itself learns with full weight. It rises as $2/(1+e^{-10p})-1$ with $p$ the share of
  training done, so that features first become useful and then become alike.
- The **fresh probe** is a new linear classifier fitted to the features at each look. If the domain classifier guesses
  (50 %) *and* the probe guesses, the domains are aligned. If the probe succeeds, the domain classifier is beaten only
  in name. **Proxy A-distance** is $2(1-2\\varepsilon)$ with $\\varepsilon$ the probe's error: 2 apart, 0 aligned.
"""


def main() -> None:
    """Draw the page from its address."""
    page_header(
        "Domain-adversarial training",
        "Labels exist only for the **source**. Make its features impossible to tell from the **target**'s, and a "
        "classifier that never saw a target label works there too.",
        quadrant="source labelled",
        paper="Ganin et al., Domain-Adversarial Training of Neural Networks, JMLR 2016",
        paper_url="https://jmlr.org/papers/v17/15-239.html",
        tour="domain_adversarial",
    )
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
    with st.expander("The objective, term by term"):
        st.latex(OBJECTIVE)
        explained(TERMS)
    shown = [view for view in experiment.views(experiment.seed).values() if view]
    with card("take-along"):
        card_header("Take it along")
        take_along(experiment, shown)


def live_view(experiment: Experiment, moves: bool) -> None:
    """Everything that changes while runs train, with the controls, so that they never wait for the rest of the page."""
    if moves != experiment.moves:
        st.rerun()  # begins or ends the refreshing
    diagram = st.container(key="network-diagram")
    run_bar(PAGE, experiment, experiment.refresh_seconds())
    views = experiment.views(experiment.seed)
    started = {arm: view for arm, view in views.items() if view is not None}
    metrics = {arm: metrics_of(view) for arm, view in started.items()}
    state = player_of(experiment, started, metrics)
    watched(PAGE).state = state  # what a download takes along
    with diagram:
        draw_network(experiment, started.get("dann"), metrics.get("dann", {}), state.step if state else None)
    curves_of(experiment, started)
    finished = finished_runs(experiment)
    left, right = st.columns(2)
    names = class_names([*started.values(), *(view for views in finished.views.values() for view in views)])
    with left, card("comparison"):
        count = finished.seeds
        recorded = " · recorded" if finished.recorded else ""
        aside = f"mean ± sd, {count} seed{'s' * (count != 1)}{recorded}" if count else "nothing trained yet"
        card_header("What transfer bought", aside)
        comparison_table(experiment.published, experiment.titles(), finished, best="dann")
        comparison_words(finished, names, arms=ARMS)
    with right, card("look-for"):
        look_for(experiment, metrics.get("dann", {}), state.step if state else None)
        notices_of(started)
    confusions(started, names)


def player_of(
    experiment: Experiment, started: Mapping[str, RunView], metrics: Mapping[str, Mapping[str, Series]]
) -> PlayerState | None:
    """The feature spaces side by side; None while no run has probe points yet."""
    side_by_side = [arm for arm in experiment.preset.side_by_side if arm in started]
    probes = [started[arm].store.probe(started[arm].run.id) for arm in side_by_side]
    probe = next((found for found in probes if found is not None), None)
    if probe is None:
        waiting = any(view.run.live for view in started.values())
        no_player(BEGINS if waiting else "No run with these parameters yet: press Train.")
        return None
    shown = [started[arm] for arm in side_by_side]
    read = experiment.arms["dann"].datasets()
    planar = all(data.name == "moons" for data in read) or any(
        "input" in view.store.projections(view.run.id) for view in shown
    )  # features are rarely points of the plane
    projections = projections_of(shown, ("input", "umap", "pca") if planar else ("umap", "pca"))
    key = f"player-{PAGE}"
    wanted = wanted_by_address(projections, "class" if planar else "domain")
    state = player_state(key, projections, **wanted)
    panels = [
        film_panel(
            started[arm], experiment.titles()[arm], accuracy_curve(metrics[arm].get("target_accuracy")), state,
            surfaces=planar and state.projection == "input",
        )
        for arm in side_by_side
    ]  # fmt: skip
    live = any(view.run.live for view in shown)
    recorded = next((view for view in shown if view.is_recorded), None)
    dann, source_only = metrics.get("dann", {}), metrics.get("source_only", {})
    state = player(
        panels,
        probe,
        key=key,
        projections=projections,
        curves=timeline_curves(metrics),
        captions=captions_of(
            (
                strength_rises(dann.get("grl_lambda")),
                domains_meet(dann.get("domain_accuracy")),
                target_passes(dann.get("target_accuracy"), source_only.get("target_accuracy")),
            )
        ),
        live=live,
        autoplay=not live and wanted["initial_step"] is None,
        total_steps=max(view.run.steps for view in shown),
        badge=f"recorded run · {recorded.machine} · press Train for your own" if recorded else None,
        **wanted,
    )
    experiment.write_address(**player_address(state, projections[0], "class" if planar else "domain"))
    return state


def timeline_curves(metrics: Mapping[str, Mapping[str, Series]]) -> list[Curve]:
    """Target accuracy and domain accuracy of the adapted arm, drawn under the timeline."""
    dann = metrics.get("dann", {})
    chosen = (("target accuracy", "target", "target_accuracy"), ("domain accuracy", "domain", "domain_accuracy"))
    return [
        Curve(title, role, dann[name].steps.tolist(), dann[name].values.tolist())
        for title, role, name in chosen
        if name in dann
    ]


def value_at(series: Series | None, step: int | None) -> float | None:
    """The value at a step, or the latest."""
    if series is None or not len(series.steps):
        return None
    index = len(series.steps) - 1 if step is None else int(np.searchsorted(series.steps, step, "right")) - 1
    return float(series.values[max(index, 0)])


def draw_network(experiment: Experiment, view: RunView | None, metrics: Mapping[str, Series], step: int | None) -> None:
    """The network with the numbers of the adapted run at the step shown; while it waits, its step taken apart."""
    network = experiment.arms["dann"].network
    numbers = network.model_dump() | {"channels2": 2 * getattr(network, "channels", 0)}
    names = (
        "class_loss", "domain_loss", "source_accuracy", "target_accuracy", "domain_accuracy", "probe_domain_accuracy",
        "class_gradient_norm", "domain_gradient_norm", "grl_lambda",
    )  # fmt: skip
    values = {name: value_at(metrics.get(name), step) for name in names}
    waits = view is not None and view.run.state == "running" and view.run.paused
    network_diagram(
        DiagramState(CAPTIONS[network.name].format(**numbers), **values),
        key="network",
        step_mode=StepMode(view.run.step, view.store.anatomy(view.run.id)) if view and waits else None,
        on_next_step=lambda: take_step(experiment),
    )


def curves_of(experiment: Experiment, started: Mapping[str, RunView]) -> None:
    """Four charts that are updated in place."""
    titles = experiment.titles()
    dann = {arm: view for arm, view in started.items() if arm == "dann"}
    charts: tuple[tuple[str, str, Mapping[str, RunView], Draw], ...] = (
        ("accuracy", "Accuracy on held-out pictures", started, lambda metrics: plots.accuracy_curves(metrics, titles)),
        ("adversary", "The domain classifier, and a fresh one", dann, _of_dann(plots.adversary_curves)),
        ("loss", "Losses of DANN", dann, _of_dann(plots.loss_curves)),
        ("gradient", "Gradients arriving at the features", dann, _of_dann(plots.gradient_curves)),
    )
    for row in (charts[:2], charts[2:]):
        for column, (name, title, views, draw) in zip(st.columns(2), row, strict=True):
            with column, card(f"chart-{name}"):
                card_header(title)
                moving_chart(
                    views, draw, key=f"chart-{name}-{PAGE}", about=tuple(titles.items()), height=240, description=title
                )


def _of_dann(draw: Callable[[Mapping[str, Series]], go.Figure]) -> Draw:
    return lambda metrics: draw(metrics.get("dann", {}))


def class_names(views: Iterable[RunView]) -> tuple[str, ...]:
    """The names of the classes, from the first of these runs that has begun."""
    probes = (view.store.probe(view.run.id) for view in views)
    return next((probe.class_names for probe in probes if probe is not None), ())


def look_for(experiment: Experiment, metrics: Mapping[str, Series], step: int | None) -> None:
    """A few steps that point at the picture; the one the training is at stands out."""
    strength, domain = value_at(metrics.get("grl_lambda"), step), value_at(metrics.get("domain_accuracy"), step)
    hints = LOOK_FOR if experiment.other_data else experiment.preset.look_for
    at = None
    if strength is not None and domain is not None:
        ceiling = getattr(experiment.arms["dann"].method, "lambda_max", 1.0) or 1.0
        at = 0 if strength < 0.2 * ceiling else 1 if domain > 0.62 else 2 if strength < 0.98 * ceiling else 3
    card_header("What to look for", f"{at + 1} of {len(hints)}" if at is not None else "")
    # The explanation tells of the preset's data.
    steps_to_look_for(hints, "" if experiment.other_data else experiment.preset.explanation, at=at)


def notices_of(started: Mapping[str, RunView]) -> None:
    """What the shown runs have to say, failures first."""
    notices: list[Notice] = []
    for view in started.values():
        notices += view.store.notices(view.run.id)
        start = view.run.spec.start
        if isinstance(start, CheckpointStart):
            title = view.run.spec.method.title
            text = f"{title} goes on from step {start.step:,} of run {start.run}, with other parameters."
            notices.append(Notice(start.step, "info", f"forked-{view.run.id}", text))
    notice_box(notices + ended_notices(started, lambda arm: started[arm].run.spec.method.title))


def confusions(started: Mapping[str, RunView], names: tuple[str, ...]) -> None:
    """Confusion matrices on the target and what each class gained; on the source at request."""
    if not names or "dann" not in started:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        domain = st.segmented_control("Confusion on", ["target", "source"], default="target", key="confusion-domain")
        st.caption("A click on a cell selects its points in the feature space above.", width="content")
    before_view, after_view = started.get("source_only"), started["dann"]
    before = before_view.store.confusion(before_view.run.id, domain or "target") if before_view else None
    after = after_view.store.confusion(after_view.run.id, domain or "target")
    columns = st.columns(3)
    both = (("Source only", before_view, before), ("DANN", after_view, after))
    for column, (title, view, confusion) in zip(columns, both, strict=False):
        if view is not None and confusion is not None:
            with column, card(f"confusion-{title}"):
                card_header(
                    f"{title}: confusion on the {domain or 'target'}", "click a cell to select its points above"
                )
                cells = {"run": view.run.id, "domain": domain or "target"}
                shown = ("confusion", names, confusion.counts.tobytes())
                figure = remembered(shown, lambda confusion=confusion: confusion_matrix(confusion, names))
                live_chart(figure, key=f"confusion-{title}", height=300, cells=cells)
    if before is not None and after is not None:
        with columns[2], card("gain"):
            card_header("What each class gained", f"seed {after_view.run.spec.seed}")
            shown = ("gain", names, before.counts.tobytes(), after.counts.tobytes())
            live_chart(remembered(shown, lambda: class_gain(before, after, names)), key="class-gain", height=300)


main()
