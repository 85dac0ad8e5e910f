"""The bar of a method's page: preset, Train, Pause, Step, Stop, parameters, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from tlcore.errors import LabError
from tlcore.presets import presets_of
from tlcore.runs import Run
from tlcore.specs import override
from tlcore.specs.parameters import REPLACEABLE
from ui.connection import pulse
from ui.experiment import MOST_SEEDS, Experiment
from ui.hosted_words import train_refusal, train_words, waiting_words
from ui.library import estimate, executor
from ui.parameter_form import parameter_form

_ERROR = "_run_bar_error"
_OTHER_RUNS = "_run_bar_other_runs"
TRAIN_WIDTH = 170  # pixels: room for its longest label
PAUSE_WIDTHS = {"pause": 108}
STEP_PATIENCE_SECONDS = 0.4
STEP_LOOK_SECONDS = 0.02


def run_bar(page: str, experiment: Experiment, pace: float | None) -> None:
    """Draw the bar and act on it. What is pressed acts before the page is drawn again.

    pace: seconds until the view that the bar stands in is drawn again by itself, None for never.
    """
    if st.session_state.pop(_OTHER_RUNS, False):
        st.rerun()  # the address tells of another seed, which concerns the whole page
    runs = experiment.live_runs()
    live = [run.id for run in runs]
    paused = bool(runs) and all(run.paused for run in runs if run.state == "running")
    waiting_only = bool(runs) and all(run.state == "queued" for run in runs)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run-bar"):
        _preset_choice(page, experiment)
        label, seeds = _train_label(experiment)
        refusal = None if live else train_refusal(experiment, seeds)
        st.button(
            label, type="primary", icon=":material/play_arrow:", key="train", width=TRAIN_WIDTH,
            disabled=bool(live) or seeds > MOST_SEEDS or refusal is not None,
            help=refusal or f"Train every arm of this experiment on this machine.{train_words()}",
            on_click=_guarded(lambda: _train(experiment, seeds)),
        )  # fmt: skip
        if paused and not waiting_only:
            _steer_button("Resume", ":material/resume:", "resume", live, enabled=True, help="Go on training.")
        else:
            _steer_button(
                "Pause", ":material/pause:", "pause", live, enabled=bool(live), help="Wait after the next step."
            )
        _steer_button(
            "Step", ":material/skip_next:", "step", live, enabled=bool(live),
            help="One training step, with all its numbers; a run that trains is paused first.",
        )  # fmt: skip
        _steer_button(
            "Stop", ":material/stop:", "stop", live, enabled=bool(live),
            help="End these runs. What they recorded stays; Train goes on from there.",
        )  # fmt: skip
        # Dozens of fields are drawn only when someone looks at them: the bar is drawn several times a second.
        parameters = st.popover("Parameters", icon=":material/tune:", key="parameters", on_change="rerun")
        if parameters.open:
            with parameters:
                _parameters(experiment, live)
        expectation = waiting_words(runs) or _expectation(experiment)
        if expectation:
            st.caption(expectation, width="content")
    pulse(runs, pace)
    with st.container(key="run-bar-words"):  # also when there is nothing to say: what stands below keeps its place
        if refusal:
            st.caption(refusal)
        for reason in dict.fromkeys(run.reason for run in runs if run.paused and run.reason):
            st.warning(reason)
        problem = st.session_state.pop(_ERROR, None)
        if problem:
            st.error(problem)


def take_step(experiment: Experiment) -> None:
    """One step of every run that lives, as the Step button does it; what goes wrong is shown under the bar."""
    _guarded(lambda: _steer("step", experiment.live()))()


def _preset_choice(page: str, experiment: Experiment) -> None:
    presets = presets_of(page)
    if experiment.preset not in presets:  # of somebody's own table
        presets = [*presets, experiment.preset]
    names = [preset.name for preset in presets]
    titles = {preset.name: preset.title for preset in presets} | {experiment.preset.name: experiment.title}
    chosen = st.selectbox(
        "Experiment", names, index=names.index(experiment.preset.name), format_func=titles.__getitem__,
        label_visibility="collapsed", key=f"preset-{experiment.preset.name}", width=322,
    )  # fmt: skip
    if chosen != experiment.preset.name:
        Experiment(next(preset for preset in presets if preset.name == chosen), {}).write_address()
        st.rerun()


def _train_label(experiment: Experiment) -> tuple[str, int]:
    """What the button says, and how many seeds it trains in all."""
    trained = experiment.trained_seeds()
    if trained < experiment.seeds:
        begun = any(view and not view.is_recorded and view.run.step for view in experiment.views(trained).values())
        return ("Continue" if begun and not experiment.live() else "Train"), experiment.seeds
    return "Train another seed", trained + 1


def _train(experiment: Experiment, seeds: int) -> None:
    experiment.train(seeds)
    newest = replace(experiment, seeds=seeds, seed=experiment.trained_seeds())
    shown = replace(newest, seed=min(newest.seed, seeds - 1))
    shown.write_address()
    # The runs of own data are named by what the data hold, which may just have been read for the first time.
    renamed = replace(experiment).runs(experiment.seed) != experiment.runs(experiment.seed)
    st.session_state[_OTHER_RUNS] = renamed or (shown.seeds, shown.seed) != (experiment.seeds, experiment.seed)


def _steer_button(label: str, icon: str, command: str, live: list[str], *, enabled: bool, help: str) -> None:
    # Pause and Resume are one button with two faces, of one width: what stands beside it never moves under the mouse.
    key = "pause" if command == "resume" else command
    st.button(
        label,
        icon=icon,
        key=key,
        disabled=not enabled,
        help=help,
        on_click=_guarded(lambda: _steer(command, live)),
        width=PAUSE_WIDTHS.get(key, 84),
    )


def _steer(command: str, live: list[str]) -> None:
    paused = [run for run in executor().store.several(live).values() if run.paused]
    for identity in live:
        getattr(executor(), command)(identity)
    if command == "step":
        _await_steps({run.id: run.step for run in paused})


def _await_steps(before: dict[str, int]) -> None:
    """Give short steps the moment they need, so that the page is drawn once, with what they did."""
    deadline = time.monotonic() + STEP_PATIENCE_SECONDS
    while before and time.monotonic() < deadline:
        time.sleep(STEP_LOOK_SECONDS)
        runs = executor().store.several([*before]).values()
        before = {run.id: before[run.id] for run in runs if run.live and run.step == before[run.id]}


def _guarded(action: Callable[[], None]) -> Callable[[], None]:
    """The action, with what goes wrong kept to be shown as a sentence once the page is drawn."""

    def act() -> None:
        try:
            action()
        except LabError as error:
            st.session_state[_ERROR] = str(error)

    return act


def _parameters(experiment: Experiment, live: list[str]) -> None:
    seeds = st.number_input(
        "Seeds", 1, MOST_SEEDS, experiment.seeds, help="Runs of each arm, which differ in their chance draws alone."
    )
    if seeds != experiment.seeds:
        replace(experiment, seeds=int(seeds)).write_address()
        st.rerun()
    data = {path: value for path, value in experiment.changes.items() if path in REPLACEABLE}
    changes = parameter_form(
        override(experiment.preset.arms, data), experiment.arms, key=f"parameters-{experiment.preset.name}"
    )
    if changes is None or (changes := data | changes) == dict(experiment.changes):
        return
    changed = replace(experiment, changes=changes, forks=())
    try:
        _ = changed.arms
        if live:
            changed = _fork(experiment, changed, live)
    except LabError as error:
        st.error(str(error))
        return
    changed.write_address()
    st.rerun()


def _fork(experiment: Experiment, changed: Experiment, live: list[str]) -> Experiment:
    """Let runs that train go on with the new parameters: each becomes a new run that begins at its present step."""
    forks = []
    arms = {run: arm for seed in range(experiment.seeds) for arm, run in experiment.runs(seed).items()}
    for identity in live:
        run, arm = executor().store.require(identity), arms[identity]
        if run.state == "running" and changed.arms[arm] != experiment.arms[arm]:
            known = {path: value for path, value in changed.changes.items() if experiment.changes.get(path) != value}
            forks.append(executor().fork(identity, known))
    return replace(experiment, forks=(*experiment.forks, *forks)) if forks else changed


def _expectation(experiment: Experiment) -> str:
    """Before training how long it will take; while it trains how long it still does."""
    left = time_left(experiment.live_runs())
    if left:
        return left
    guess = estimate(experiment.preset, experiment.arms)
    return guess.text() if guess else ""


def time_left(runs: Sequence[Run]) -> str:
    """How long the runs that train still need at their pace, in words; empty before they have one."""
    training = [run for run in runs if run.state == "running" and not run.paused and run.step and run.seconds]
    if not training:
        return ""
    seconds = max((run.steps - run.step) * run.seconds / run.step for run in training)
    words = f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"
    waiting = sum(run.state == "queued" for run in runs)
    return f"{words}, then {waiting} more" if waiting else words
