"""What the player is given of a run, before and after its frames are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tlcore.player.film import Panel, film_message
from tlcore.player.message import Ledger
from tlcore.runs import Frame, Probe, Store
from tlcore.specs import RunSpec
from ui.films import MEANWHILE_WORDS, film_panel
from ui.library import RunView
from ui.player import PlayerState

POINTS = 4


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def run(store: Store) -> str:
    run = store.add(RunSpec())
    store.change(run, state="running")
    return run


def record(store: Store, run: str, step: int, projection: str, at: float) -> None:
    points = np.full((POINTS, 2), at, np.float32)
    store.record_frames(run, [Frame(step, projection, points, np.zeros(POINTS, np.int16))])


def panel(store: Store, run: str, projection: str) -> Panel:
    view = RunView(store.require(run), store, is_recorded=False)
    return film_panel(view, "a run", None, PlayerState(projection, "domain", None))


def test_until_umap_has_a_frame_principal_components_are_shown_and_named(store: Store, run: str) -> None:
    record(store, run, 1, "pca", at=1.0)
    record(store, run, 2, "pca", at=2.0)
    meanwhile = panel(store, run, "umap")
    assert [(frame.step, frame.projection, frame.points[0, 0]) for frame in meanwhile.frames] == [
        (1, "umap", 1.0),
        (2, "umap", 2.0),
    ]
    assert meanwhile.problem == MEANWHILE_WORDS
    assert panel(store, run, "pca").problem is None

    record(store, run, 1, "umap", at=3.0)
    own = panel(store, run, "umap")
    assert [(frame.step, frame.points[0, 0]) for frame in own.frames] == [(1, 3.0)] and own.problem is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "queued"}, "In the queue"),
        ({"step": 0}, "Reading the data and building the network."),
        ({"step": 1200}, "Training: step 1,200. The first picture is being laid out."),
        ({"step": 1, "paused": True}, "Paused before the first picture."),
    ],
)
def test_before_the_first_frame_it_is_said_what_goes_on(store: Store, run: str, changes: dict, words: str) -> None:
    store.change(run, **changes)
    shown = panel(store, run, "umap")
    assert not shown.frames and shown.problem is not None and shown.problem.startswith(words)


def test_the_browser_forgets_them_when_the_first_umap_frame_comes(store: Store, run: str) -> None:
    probe = Probe(np.zeros(POINTS, np.int16), np.zeros(POINTS, np.int8), ("a",))
    ledger = Ledger()

    def message() -> dict:
        return film_message(ledger, [panel(store, run, "umap")], probe, ("umap", "pca"), "umap")["panels"][0]

    record(store, run, 1, "pca", at=1.0)
    record(store, run, 2, "pca", at=1.0)
    before = message()
    record(store, run, 1, "umap", at=3.0)
    after = message()
    assert before["id"] != after["id"] and (after["first"], after["total"]) == (0, 1)


def test_a_film_that_will_never_come_has_no_stand_in(store: Store, run: str) -> None:
    record(store, run, 1, "pca", at=1.0)
    store.change(run, state="finished", projected=True)
    shown = panel(store, run, "umap")
    assert not shown.frames and shown.problem == "This run is finished and has no frames in this projection."
