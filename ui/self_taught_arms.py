"""The arms of a self-taught experiment as its page sees them: what learns without labels, and what uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from tlcore.analysis.statistics import Summary, summarise
from tlcore.plots.fine_tuning import Measured
from tlcore.presets.fine_tuning import arm_name, split_arm
from ui.experiment import Experiment
from ui.fine_tuning_arms import Board, Pair, board_of
from ui.library import RunView

TITLES = {
    "scratch": "From scratch",
    "pca": "Principal components",
    "autoencoder": "Denoising autoencoder",
    "contrastive": "Contrastive (SimCLR)",
    "target_only": "The target alone",
    "with_source": "With the source",
    "held": "Agreement, variance, covariance",
    "no_covariance": "Without covariance",
    "collapsed": "Agreement alone",
}
WAYS = {
    "target_accuracy": "As each is judged",
    "linear_probe_accuracy": "Linear classifier",
    "nearest_neighbours_accuracy": "Nearest neighbours",
    "fine_tune_accuracy": "Fine-tuned",
}
"""What the curve and the table can tell of: the ways of using features, by their metric."""
SCRATCH = "scratch"
BASELINES = ("pca",)


class SelfTaughtBoard(Board):
    """A board on which learning from scratch, which has no features of before, has one accuracy whatever is asked."""

    def summary(self, method: str, shots: int, metric: str) -> Summary | None:
        """A metric of an arm over its finished seeds; None where there is none."""
        values = self.finished.values(arm_name(method, shots), _metric(method, metric))
        return summarise(values) if values else None

    def measured(self, metric: str) -> list[Measured]:
        """Every run that has finished, trains or waits, with its value."""
        alone = [point for point in super().measured("target_accuracy") if point.method == SCRATCH]
        return alone + [point for point in super().measured(metric) if point.method != SCRATCH]


def _metric(method: str, metric: str) -> str:
    return "target_accuracy" if method == SCRATCH else metric


def self_taught_board(experiment: Experiment) -> SelfTaughtBoard:
    """Read the runs of an experiment."""
    board = board_of(experiment)
    titles = {method: TITLES.get(method, title) for method, title in board.titles.items()}
    return SelfTaughtBoard(board.experiment, board.views, board.methods, board.shots, titles)


def without_baselines(board: SelfTaughtBoard) -> SelfTaughtBoard:
    """The same board without those methods of which nobody expects that they beat learning from scratch."""
    methods = tuple(method for method in board.methods if method not in BASELINES)
    return SelfTaughtBoard(board.experiment, board.views, methods, board.shots, board.titles)


def arm_title(arm: str) -> str:
    """`Contrastive (SimCLR), 5 labels per class`; of an arm that learns without labels its name alone."""
    parts = split_arm(arm)
    if parts is None:
        return TITLES.get(arm, arm.replace("_", " "))
    method, shots = parts
    return f"{TITLES.get(method, method)}, {shots} label{'s' * (shots != 1)} per class"


def learners(experiment: Experiment) -> list[str]:
    """The arms that learn without labels."""
    return [arm for arm, spec in experiment.arms.items() if spec.data.kind == "unlabelled"]


# The two arms that are shown ---------------------------------------------------------------------------------------


def _keys(experiment: Experiment) -> tuple[str, str]:
    return f"self-taught-left-{experiment.preset.name}", f"self-taught-right-{experiment.preset.name}"


def shown_pair(experiment: Experiment) -> Pair:
    """The pair of this session; at first that of the address, else the preset's."""
    (left, right), state = _keys(experiment), st.session_state
    if state.get(left) not in experiment.arms or state.get(right) not in experiment.arms:
        asked = st.query_params.get("arms", "").split(",")
        chosen = asked if len(asked) == 2 and all(arm in experiment.arms for arm in asked) else None
        state[left], state[right] = chosen or experiment.preset.side_by_side[:2]
    return Pair(state[left], state[right])


def pair_of_address(experiment: Experiment, pair: Pair) -> str | None:
    """What of the choice belongs into the address."""
    return None if pair == Pair(*experiment.preset.side_by_side[:2]) else f"{pair.left},{pair.right}"


def show_point(experiment: Experiment, point: str) -> None:
    """Show the run behind a point of the curve, `ARM|SEED`, on the right, and on the left what it started from."""
    arm, _, seed = point.partition("|")
    parts = split_arm(arm)
    if arm not in experiment.arms or parts is None or not seed.isdigit():
        return
    left, right = _keys(experiment)
    origin = parts[0] if parts[0] in experiment.arms else arm_name("contrastive", parts[1])
    st.session_state[right] = arm
    st.session_state[left] = origin if origin in experiment.arms else arm
    if int(seed) != experiment.seed:
        arms = pair_of_address(experiment, shown_pair(experiment))
        replace(experiment, seed=int(seed)).write_address(arms=arms)


def pair_widgets(experiment: Experiment, views: Mapping[int, Mapping[str, RunView | None]]) -> None:
    """The two arms and the seed: a row of widgets."""
    left, right = _keys(experiment)
    shown_pair(experiment)
    with st.container(horizontal=True, vertical_alignment="bottom", key="pair-choice"):
        for key, side in ((left, "Left"), (right, "Right")):
            st.selectbox(side, [*experiment.arms], format_func=arm_title, key=key, width=300)
        seeds = sorted({seed for seed, arms in views.items() if any(arms.values())} | {experiment.seed})
        if len(seeds) > 1:
            key = f"self-taught-seed-{experiment.preset.name}"
            st.session_state[key] = experiment.seed

            def choose() -> None:
                arms = pair_of_address(experiment, shown_pair(experiment))
                replace(experiment, seed=st.session_state[key]).write_address(arms=arms)

            st.selectbox("Seed", seeds, key=key, on_change=choose, width=76)
