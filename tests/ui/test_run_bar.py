"""The words of the run bar."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st

from tlcore.presets import all_presets
from tlcore.runs import Store
from ui import run_bar
from ui.experiment import Experiment
from ui.run_bar import time_left


def test_while_runs_train_the_bar_tells_how_long_they_still_need(tmp_path: Path) -> None:
    store = Store(tmp_path)
    arms = all_presets()["domain-adversarial/moons"].arms
    first, second, third = (store.add(spec, arm=arm) for arm, spec in arms.items())
    assert time_left(store.runs()) == "", "nothing has a pace yet"
    store.change(first, state="running", step=500, seconds=10.0)  # of 1,500 steps
    store.change(second, state="running", step=750, seconds=10.0)
    assert time_left(store.runs()) == "about 20 s left, then 1 more"
    store.change(third, state="finished")
    store.change(first, seconds=100.0)
    assert time_left(store.runs()) == "about 3 min left"
    store.change(first, paused=True)
    store.change(second, paused=True)
    assert time_left(store.runs()) == ""


@pytest.mark.parametrize("renamed", [False, True])
def test_the_page_is_drawn_anew_where_training_has_given_the_runs_other_names(
    monkeypatch: pytest.MonkeyPatch, renamed: bool
) -> None:
    """The content of own data is known once they are read, and the runs are named by it."""
    shown = Experiment(all_presets()["domain-adversarial/moons"], {})
    state: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(Experiment, "train", lambda self, seeds: None)
    monkeypatch.setattr(Experiment, "trained_seeds", lambda self: 0)
    monkeypatch.setattr(Experiment, "write_address", lambda self, **view: None)
    monkeypatch.setattr(
        Experiment, "runs", lambda self, seed: {"dann": "named anew" if renamed and self is not shown else "as before"}
    )
    run_bar._train(shown, 1)
    assert state == {run_bar._OTHER_RUNS: renamed}
