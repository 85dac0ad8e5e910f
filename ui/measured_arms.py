"""What the arms of an experiment have reached so far, and training those that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from tlcore.analysis.statistics import summarise
from tlcore.errors import LabError
from tlcore.specs import RunSpec
from ui.data_pieces import said
from ui.experiment import COMPARED_SEEDS, Experiment
from ui.library import RunView, executor

_TROUBLE = "_measured_arms_trouble"


def mean_cell(values: Sequence[float]) -> str:
    """Mean ± standard deviation over seeds, as HTML; a dash where there is none."""
    if not values:
        return "–"
    summary = summarise(values)
    spread = f" <small>± {summary.sd:.3f}, {summary.n} seeds</small>" if summary.sd is not None else ""
    return f"{summary.mean:.3f}{spread}"


def views_of(experiment: Experiment, arms: Iterable[str]) -> dict[str, list[RunView]]:
    """The runs of each arm that anybody has trained or begun, the seed that is shown first."""
    wanted = list(arms)
    seeds = (experiment.seed, *(seed for seed in range(COMPARED_SEEDS) if seed != experiment.seed))
    views = experiment.views_of(seeds)
    return {arm: [view for seed in seeds if (view := views[seed].get(arm)) is not None] for arm in wanted}


def accuracies(views: Sequence[RunView]) -> list[float]:
    """Final accuracy on the target of those runs that have finished."""
    values = (view.run.summary.get("target_accuracy") for view in views if view.run.state == "finished")
    return [value for value in values if value is not None]


def tested_on(views: Mapping[str, Sequence[RunView]]) -> int:
    """On how many pictures an accuracy was measured, from the first run that tells."""
    for found in views.values():
        for view in found:
            confusion = view.store.confusion(view.run.id, "target") if view.run.state == "finished" else None
            if confusion is not None:
                return int(confusion.counts.sum())
    return 0


def under_way(views: Iterable[RunView]) -> str | None:
    """`3 of 16 runs are done`, of those that are trained here; None while none of them waits or trains."""
    own = [view.run for view in views if not view.is_recorded]
    live = sum(run.live for run in own)
    done = sum(run.state == "finished" for run in own)
    return f"{done} of {done + live} runs are done" if live else None


def submit_all(specs: Mapping[str, RunSpec], preset: str | None = None) -> None:
    """Queue these runs by their arms; what goes wrong is said by `trouble_of_submitting` when the page is drawn."""
    try:
        for arm, spec in specs.items():
            executor().submit(spec, preset=preset, arm=arm if preset else None)
    except LabError as error:
        st.session_state[_TROUBLE] = str(error)


def trouble_of_submitting() -> None:
    """Say, once, why the last runs could not be queued."""
    trouble = st.session_state.pop(_TROUBLE, None)
    if trouble:
        said(trouble, "error")
