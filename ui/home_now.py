"""The machine, and what it is doing at this moment."""

from __future__ import annotations

import html

import streamlit as st

from tlcore.errors import LabError
from tlcore.presets import all_presets
from tlcore.processors import usable_cores
from tlcore.runs import Run, Store
from ui.library import executor, runs_at_once
from ui.page import card_header
from ui.runs_reach import experiment_of, page_of

BUSY_SECONDS, IDLE_SECONDS = 1.5, 10.0
SHOWN = 4
LOOKED_AT = 100  # of the runs that ended last, for one that was trained here
_PACE = "_home_pace"


def home_now() -> None:
    """Draw it, and look again: often while something trains, now and then while nothing does."""
    pace = st.session_state.get(_PACE, IDLE_SECONDS)
    st.fragment(_draw, run_every=pace)(pace)


def _draw(pace: float) -> None:
    try:
        store = executor().store
        running, waiting = store.runs(["running"], limit=50), store.count("queued")
    except LabError as error:
        st.error(str(error))
        return
    card_header("This machine", machine(store))
    st.caption(summary(len(running), waiting))
    for run in running[:SHOWN]:
        _row(run)
    if len(running) > SHOWN:
        st.caption(f"and {len(running) - SHOWN} more")
    wanted = BUSY_SECONDS if running or waiting else IDLE_SECONDS
    if wanted != pace:
        st.session_state[_PACE] = wanted
        st.rerun()


def machine(store: Store) -> str:
    """What runs train on here, in a few words; a GPU is known once a run has trained on it."""
    slots = runs_at_once()
    at_once = "1 run at a time" if slots == 1 else f"{slots} runs at once"
    ended = store.runs(["finished"], limit=LOOKED_AT, newest=True)
    newest = next((run for run in ended if "imported" not in run.provenance), None)  # that was another machine
    if newest is not None and newest.provenance.get("device", "cpu") != "cpu":
        return str(newest.provenance.get("device_name", "GPU"))
    return f"{usable_cores()} CPU core{'s' * (usable_cores() != 1)} · {at_once}"


def summary(running: int, waiting: int) -> str:
    """How many runs train and wait, in a sentence."""
    if not running and not waiting:
        return "Nothing is training. Recorded runs play on every page; Train makes your own."
    trains = "Nothing trains yet" if not running else "1 run trains" if running == 1 else f"{running} runs train"
    waits = "none waits" if not waiting else "1 waits" if waiting == 1 else f"{waiting:,} wait"
    return f"{trains}, {waits}."


def _row(run: Run) -> None:
    preset = all_presets().get(run.preset or "")
    experiment = experiment_of(run)
    page = page_of(preset) if preset else None
    share = run.step / max(run.steps, 1)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"home-run-{run.id}"):
        words = run.spec.method.title + (f" · seed {run.spec.seed}" if run.spec.seed else "")
        if page is not None and experiment is not None:
            st.page_link(page, label=words, icon=":material/play_arrow:", query_params=experiment.query())
        else:
            st.caption(words, width="content")
        state = "paused" if run.paused else f"{share:.0%}"
        bar = (
            f'<div class="tl-bar" role="progressbar" aria-valuenow="{share * 100:.0f}" aria-valuemin="0" '
            f'aria-valuemax="100" aria-label="{html.escape(words, quote=True)}"><i style="width:{share * 100:.1f}%">'
            f"</i></div>"
        )
        st.html(f'<div class="tl-now">{bar}<span>{state}</span></div>')
