"""The words of the run bar."""

from __future__ import annotations

from pathlib import Path

from tlcore.presets import all_presets
from tlcore.runs import Store
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
