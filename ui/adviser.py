"""Which way of using a source suits the data at hand: advice before training, checked by training."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from tlcore.analysis.advice_check import check_advice
from tlcore.execution.questions import ask, pinned
from tlcore.plots.fine_tuning import shots_words
from tlcore.presets.four_cases import FOUR_CASES
from tlcore.specs import RunSpec, RunStart, TaskPair, with_seed
from tlcore.specs.model_questions import AdviseTransfer
from ui.background import background, lively, look, look_again
from ui.data_pieces import empty, facts, pieces_style, quiet, said, waiting
from ui.experiment import Experiment
from ui.four_cases import four_cases
from ui.library import executor
from ui.measured_arms import accuracies, mean_cell, submit_all, tested_on, trouble_of_submitting, views_of
from ui.page import card, card_header, paragraph

__all__ = ["adviser", "four_cases"]

SECONDS = 400.0  # features of a large network take a while the first time; they are kept
ADVISED_ARMS = ("scratch", "fixed_features", "early_features", "fine_tune", "l2_sp", "output_matching")
_ASKED = "_adviser_asked"
_STYLE = """
.tl-advice{display:grid;grid-template-columns:minmax(0,1fr) max-content;gap:.2rem 1.2rem;align-items:end;margin:.5rem 0}
.tl-advice b{font-size:1.35rem;line-height:1.25;overflow-wrap:anywhere}
.tl-advice small{color:var(--tl-soft)}
.tl-sure{width:150px;height:8px;border-radius:4px;background:var(--tl-line);overflow:hidden}
.tl-sure i{display:block;height:100%;background:var(--tl-label)}
"""


def adviser(experiment: Experiment) -> None:
    """The adviser's card for an experiment whose arms are a task pair with so many labels per class."""
    lively(partial(_adviser, experiment), "adviser")


def _adviser(experiment: Experiment) -> None:
    pieces_style()
    st.html(f"<style>{_STYLE}</style>")
    with card("adviser"):
        card_header("The adviser", "predicts, says why, and is checked")
        places = places_of(experiment.arms)
        if not places:
            empty("There is nothing to advise on: no arm of this experiment starts from a source network.")
            return
        quiet(
            "It looks at the few labelled pictures through the source network, before anything is trained on them, and "
            "says which way of using the network it expects to win. Then train the arms and see whether it was right."
        )
        names = list(places)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            place = st.selectbox(
                "Labels", names, index=min(1, len(names) - 1), key=f"adviser-{experiment.preset.name}", width=230
            )
            arms = places[place if place in places else names[0]]
            asked = _asked(experiment, arms)
            st.button(
                "Ask", icon=":material/psychology_alt:", key="adviser-ask",
                on_click=partial(_ask_again, asked),
            )  # fmt: skip
        trouble_of_submitting()
        if st.session_state.get(_ASKED) == asked:
            _answer(experiment, arms)


def _ask_again(asked: str) -> None:
    st.session_state[_ASKED] = asked
    snapshot = background().peek(asked)
    if snapshot is not None and snapshot.error:
        background().forget(asked)  # what was missing may be there by now


def _asked(experiment: Experiment, arms: Mapping[str, str]) -> str:
    """What names this question: the same for the same runs, whoever asks."""
    runs = experiment.runs(experiment.seed)
    return f"advice {' '.join(runs[arm] for arm in arms.values())}"


def places_of(arms: Mapping[str, RunSpec]) -> dict[str, dict[str, str]]:
    """Where the arms can be compared: for each source and number of labels, arm by way of transfer.

    Only those are taken that have an arm which begins with a source network, and at least one other to compare with.
    """
    found: dict[str, dict[str, RunSpec]] = {}
    named: dict[str, dict[str, str]] = {}
    for arm, spec in arms.items():
        source, _, rest = arm.rpartition(":")
        method, at, _ = rest.partition("@")
        if not at or not isinstance(spec.data, TaskPair) or method not in ADVISED_ARMS:
            continue
        count = spec.data.labels_per_class
        words = shots_words(count)
        for group in [source] if method != "scratch" or source else _groups(arms):
            place = f"{words}, {group} source" if group else words
            found.setdefault(place, {})[method] = spec
            named.setdefault(place, {})[method] = arm
    return {
        place: named[place] for place, specs in found.items() if len(specs) > 1 and any(map(_begins, specs.values()))
    }


def _groups(arms: Mapping[str, RunSpec]) -> list[str]:
    """The sources that stand before the names of arms; one without a name where there are none."""
    return sorted({arm.rpartition(":")[0] for arm in arms if "@" in arm and ":" in arm}, reverse=True) or [""]


def _begins(spec: RunSpec) -> bool:
    """Whether a run begins with a source network: another run's, or published weights."""
    published = getattr(spec.network, "weights", "none") != "none"
    return spec.method.name != "scratch" and (isinstance(spec.start, RunStart) or published)


def _task_of(experiment: Experiment, arms: Mapping[str, str]) -> RunSpec:
    """A run of these arms that begins with the source network, of the seed that is shown."""
    specs = with_seed(experiment.arms, experiment.seed) if experiment.seed else experiment.arms
    return next(specs[arm] for arm in arms.values() if _begins(specs[arm]))


def _answer(experiment: Experiment, arms: Mapping[str, str]) -> None:
    """The advice, or what is missing for it, and below it how it compares with what was trained."""
    task = _task_of(experiment, arms)
    if isinstance(task.start, RunStart):
        specs = with_seed(experiment.arms, experiment.seed)
        arm = next((arm for arm, spec in specs.items() if spec == task.start.spec), None)
        # Own data are named with their content in the runs that learned from them, though not in the arms.
        identity = experiment.runs(experiment.seed)[arm] if arm else task.start.spec.content_hash
        first = executor().store.get(identity)
        if first is None or first.state != "finished":
            _train_source(task.start.spec, first is not None and first.live, first.step / first.steps if first else 0.0)
            return
    store = str(executor().store.folder)

    def work(report: Any) -> Any:
        return ask(AdviseTransfer(task=pinned(task), arms=tuple(arms), store=store), report=report, seconds=SECONDS)

    snapshot = look(_asked(experiment, arms), work)
    if not snapshot.done:
        waiting(snapshot, "Looking at the labelled pictures")
        return
    if snapshot.error:
        said(snapshot.error, "error")
        return
    titles = {method: experiment.arms[arm].method.title for method, arm in arms.items()}
    titles |= {"early_features": "Fixed features, earlier layer"} if "early_features" in arms else {}
    order = snapshot.answer["advice"]["order"]
    _advice(snapshot.answer, order, titles)
    _check(experiment, arms, order[0], titles)


def _train_source(spec: RunSpec, live: bool, share: float) -> None:
    if live:
        look_again()
        st.progress(min(1.0, share), text="The source network is being trained")
        return
    empty(
        "The source network has not been trained on this machine: the recorded runs come without their weights. Train "
        "it, which takes about a minute, and the adviser can look through it."
    )
    st.button("Train the source network", icon=":material/play_arrow:", key="adviser-source",
              on_click=partial(submit_all, {"source": spec}))  # fmt: skip


def _advice(answer: Mapping[str, Any], order: Sequence[str], titles: Mapping[str, str]) -> None:
    measured, advice = answer["measured"], answer["advice"]
    sure = float(advice["confidence"])
    words = "rather sure" if sure >= 0.75 else "not very sure" if sure >= 0.6 else "little more than a guess"
    st.html(
        f'<div class="tl-advice"><div><small>advised</small><br><b>{html.escape(titles[order[0]])}</b></div>'
        f"<div><small>confidence {sure:.0%}: {words}</small>"
        f'<div class="tl-sure" role="img" aria-label="confidence {sure:.0%}"><i style="width:{sure:.0%}"></i></div>'
        "</div></div>"
    )
    paragraph(" ".join(advice["words"]))
    quiet(
        f"Taken for: {advice['size']} data, {advice['distance']} source. The textbook's advice: {advice['textbook']}."
    )
    rows = {
        "Labelled pictures": f"{measured['labels']:,} of {measured['classes']:,} classes",
        "Proxy A-distance": _number(measured["distance"], "0 cannot be told apart, 2 apart", "the source's pictures"),
        "Left-out accuracy": _pair(
            measured["separable"], measured["plain_separable"], "{:.0%}", "two labels per class"
        ),
        "LogME": _pair(measured["logme"], measured["plain_logme"], "{:.3f}", "two classes"),
        "LEEP": _number(measured["leep"], "nats; the nearer to 0 the better", "the source's own label predictor"),
    }
    with st.expander("What was measured"):
        facts(rows)
        quiet(
            "Left-out accuracy: a linear classifier on the source network's features names labelled pictures that it "
            "was not fitted to; beside it the same on bare pixels. LogME (You et al. 2021) compares the two without "
            "leaving anything out. LEEP (Nguyen et al. 2020) asks how well the source's own classes tell the target's."
        )


def _number(value: float | None, words: str, missing: str) -> str:
    return f"{value:.2f} ({words})" if value is not None else f"not to be had without {missing}"


def _pair(value: float | None, plain: float | None, form: str, missing: str) -> str:
    if value is None or plain is None:
        return f"not to be had without {missing}"
    return f"{form.format(value)} by the features, {form.format(plain)} by bare pixels"


def _check(experiment: Experiment, arms: Mapping[str, str], advised: str, titles: Mapping[str, str]) -> None:
    """What the arms reached when they were trained, and whether the advice was right."""
    views = views_of(experiment, arms.values())
    values = {method: accuracies(views[arm]) for method, arm in arms.items()}
    shown = {arm: found[0] for arm, found in views.items() if found}
    live = [view for found in views.values() for view in found if view.run.live]
    open_arms = [
        arm for arm in arms.values() if not accuracies(views[arm]) and not (shown.get(arm) and shown[arm].run.live)
    ]
    if live:
        look_again()
        done = sum(view.run.step / max(1, view.run.steps) for view in live) / len(live)
        st.progress(
            min(1.0, done),
            text=f"{len(live)} run{'s' * (len(live) != 1)} {'wait or train' if len(live) != 1 else 'waits or trains'}",
        )
    found = check_advice(advised, values, tested_on(views))
    if found is not None:
        so_far = "So far: " if live or open_arms else ""
        if found.advised == found.best:
            text = f"{so_far}the advice was right: {titles[advised]} came out best, {found.accuracy:.3f}."
        elif found.tie:
            text = (
                f"{so_far}the advice was as good as the best: {titles[advised]} {found.accuracy:.3f}, "
                f"{titles[found.best]} {found.best_accuracy:.3f}, no more apart than chance puts them."
            )
        else:
            text = (
                f"{so_far}the advice was wrong: {titles[found.best]} reached {found.best_accuracy:.3f}, "
                f"{titles[advised]} {found.accuracy:.3f}. Following it would have cost {found.short_by:.3f}."
            )
        said(text[0].upper() + text[1:], "info" if found.right else "warning")
    if found is not None and experiment.preset.identity == FOUR_CASES.identity:
        quiet("The adviser's order of the arms was taken from this very experiment: elsewhere it proves more.")
    if any(values.values()):
        _table(values, titles, advised)
    if open_arms:
        specs = with_seed(experiment.arms, experiment.seed) if experiment.seed else experiment.arms
        st.button(
            f"Check it: train {'these' if len(open_arms) > 1 else 'this'} {len(open_arms)} "
            f"{'arms' if len(open_arms) > 1 else 'arm'}",
            icon=":material/play_arrow:", key="adviser-check",
            on_click=partial(submit_all, {arm: specs[arm] for arm in open_arms}, experiment.preset.identity),
        )  # fmt: skip


def _table(values: Mapping[str, Sequence[float]], titles: Mapping[str, str], advised: str) -> None:
    rows = []
    means = {method: sum(found) / len(found) if found else -1.0 for method, found in values.items()}
    for method in sorted(values, key=lambda method: -means[method]):
        name = html.escape(titles[method])
        name = f"<b>{name}</b> <small>advised</small>" if method == advised else name
        rows.append(f"<tr><td>{name}</td><td>{mean_cell(values[method])}</td></tr>")
    st.html(f'<table class="tl-table"><tr><th></th><th>accuracy on the target</th></tr>{"".join(rows)}</table>')
