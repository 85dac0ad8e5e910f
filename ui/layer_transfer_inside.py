"""What the layers of the two base networks hold: first filters, how alike they are, what can be read off each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from tlcore.execution.questions import ask
from tlcore.plots.fine_tuning import filter_mosaic
from tlcore.plots.layer_transfer import layer_contents
from tlcore.specs import with_seed
from tlcore.specs.model_questions import CompareLayers
from ui.background import background, look, peek
from ui.experiment import Experiment
from ui.fine_tuning_network import FILTERS_SHOWN, first_filters, moment_of, mosaic_figures
from ui.layer_transfer_runs import CHANGES, compared_bases
from ui.library import RunView, executor
from ui.live_chart import live_chart
from ui.measured_arms import submit_all, trouble_of_submitting
from ui.page import card, card_header, paragraph
from ui.remembered import remembered

SECONDS = 300.0  # on a busy machine its process starts slowly


def bases_ready(experiment: Experiment) -> bool:
    """Whether both base networks of the split that is shown have been trained by this lab."""
    return all(_trained(view) for view in _bases(experiment).values())


def _bases(experiment: Experiment) -> dict[str, RunView | None]:
    views = experiment.views(experiment.seed)
    return {arm: views.get(arm) for arm in compared_bases(experiment)}


def _trained(view: RunView | None) -> bool:
    return view is not None and view.run.state == "finished" and not view.is_recorded


def contents_card(experiment: Experiment) -> None:
    """Filters at once; what takes time to compute when it is asked for."""
    bases = _bases(experiment)
    with card("contents"):
        card_header("What the layers hold", f"base networks of A and B, split {experiment.seed}")
        views = [view for view in bases.values() if view is not None and _trained(view)]
        if len(views) < 2:
            _train_bases(experiment, bases)
            return
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.html("<b>First-layer filters</b>")
            folders = [executor().store.run_folder(view.run.id) for view in views]
            pictures = _filters(*folders, *map(moment_of, folders))
            if pictures:
                st.html(pictures)
                st.caption("Where they look alike, the first layer is general: both tasks ask for the same strokes.")
            else:
                st.caption("This network has no first filters that are pictures, or its weights are gone.")
        with right:
            _comparison(experiment, views)


def _train_bases(experiment: Experiment, bases: Mapping[str, RunView | None]) -> None:
    """What is missing, and the way to have it without the other arms."""
    if any(view is not None and view.run.live for view in bases.values()):
        st.caption("The base networks are being trained; then one can look into them.")
        return
    recorded = any(view is not None and view.is_recorded for view in bases.values())
    why = "Recorded runs ship without their weights: train" if recorded else "Train"
    st.caption(f"{why} both base networks to look into them.")
    if st.button("Train both base networks", key="train-bases", icon=":material/play_arrow:"):
        specs = with_seed(experiment.arms, experiment.seed)
        submit_all({arm: specs[arm] for arm in bases}, experiment.preset.identity)
        st.rerun()  # the figure above follows them
    trouble_of_submitting()


@lru_cache(maxsize=50)
def _filters(one: Path, other: Path, *moments: int) -> str:
    """Filters of both base networks. moments: when their weights were written."""
    found = {
        "base A": first_filters(one / "weights.safetensors"),
        "base B": first_filters(other / "weights.safetensors"),
    }
    shown = {name: filter_mosaic(weights, most=FILTERS_SHOWN) for name, weights in found.items() if weights is not None}
    return mosaic_figures(shown) if len(shown) == 2 else ""


def _comparison(experiment: Experiment, views: list[RunView]) -> None:
    one, other = (view.run.id for view in views)
    st.html("<b>How alike, and for which task of use</b>")
    key = f"compare-layers-{one}-{other}"
    found = peek(key)
    if found is None:
        st.caption(
            "Runs the test pictures through both networks and fits a linear classifier on every layer, for both tasks."
        )
        if not st.button("Compare their layers", key="compare-layers", icon=":material/compare_arrows:"):
            return
        found = look(key, lambda report: ask(CompareLayers(run=one, other=other), report=report, seconds=SECONDS))
    if not found.done:
        st.progress(min(1.0, found.share), text=found.text or "Reading the layers")
        return
    if found.error:
        st.warning(found.error)
        st.button(
            "Try again", key="compare-again", icon=":material/refresh:", on_click=background().forget, args=(key,)
        )
        return
    answer: Mapping[str, Any] = found.answer
    names = _task_names(experiment)
    probes = {
        f"{'AB'[network]}'s network, {names[task]}": answer["probes"][network][task]
        for network in range(2) for task in range(2)
    }  # fmt: skip
    live_chart(
        remembered(("contents", one, other, *names), lambda: layer_contents(answer["layers"], answer["cka"], probes)),
        key="layer-contents", height=330,
        description="CKA between the same layers of both networks, and linear-probe accuracy of every layer",
    )  # fmt: skip
    paragraph(contents_words(answer))


def _task_names(experiment: Experiment) -> tuple[str, str]:
    change = compared_bases(experiment)[1].partition(":")[0]
    return "task A", f"task {CHANGES[change]}" if change in CHANGES else "task B"


def contents_words(answer: Mapping[str, Any]) -> str:
    """Where the two networks part, and where a probe of A's network serves B best."""
    layers, known = answer["layers"], [value for value in answer["cka"] if value is not None]
    if not known:
        return ""
    said = f"The first layers have a CKA of {known[0]:.2f}, the last of {known[-1]:.2f}"
    said += ": the networks part on the way up." if known[-1] < known[0] - 0.05 else "."
    across, own = answer["probes"][0][1], answer["probes"][1][1]
    best = max(range(len(across)), key=across.__getitem__)
    said += f" Of A's network {layers[best]} serves B best ({across[best]:.1%})"
    if best < len(across) - 1 and across[best] - across[-1] >= 0.01:
        said += f"; at its last layer {100 * (across[best] - across[-1]):.1f} points of that are lost"
    gap = own[-1] - across[-1]
    return (
        f"{said}. At the last layer B's own network is {abs(100 * gap):.1f} points {'ahead' if gap >= 0 else 'behind'}."
    )
