"""The self-taught page without a browser."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import button, open_page, store, text_of  # noqa: F401
from tlcore.analysis.sheets import sheet_of
from tlcore.presets import find_preset
from tlcore.runs import Frame, Notice, Probe, Store

CLASSES = ("0", "1")
LABELS = np.array([0, 0, 1, 1], np.int16)


@pytest.fixture(autouse=True)
def nothing_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page stands on the runs of the test alone."""
    monkeypatch.setattr("ui.library.recorded", lambda preset: None)


def html_of(test: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in test.get("html"))


def finish(
    store: Store,  # noqa: F811
    preset: str,
    arm: str,
    clusters: np.ndarray | None = None,
    **summary: float,
) -> str:
    """A run of an arm that has ended, with its points, its film of two frames, and these figures."""
    spec = find_preset(f"self-taught/{preset}").arms[arm]
    run = store.add(spec, preset=f"self-taught/{preset}", arm=arm)
    pictures = np.zeros((4, 3, 16, 16), np.uint8)
    store.record_probe(run, Probe(LABELS, np.ones(4, np.int8), CLASSES, pictures))
    predictions = np.full(4, -1) if clusters is None else clusters
    for step in (0, spec.budget.steps):
        points = np.random.default_rng(step).random((4, 2)).astype(np.float32)
        store.record_frames(run, [Frame(step, "umap", points, predictions.astype(np.int16))])
        store.record_metrics(run, [(step, summary)])
    store.change(run, state="finished", step=spec.budget.steps, seconds=1.0, summary=summary, projected=1)
    return run


def test_the_table_tells_each_way_of_using_features(store: Store) -> None:  # noqa: F811
    finish(store, "digits", "scratch@1", target_accuracy=0.35)
    finish(
        store, "digits", "contrastive@1", target_accuracy=0.5, fine_tune_accuracy=0.5, linear_probe_accuracy=0.47,
        nearest_neighbours_accuracy=0.41,
    )  # fmt: skip
    test = open_page("self_taught.py")
    assert not test.exception
    assert "+0.15" in html_of(test)
    test = open_page("self_taught.py", way="nearest_neighbours_accuracy")
    assert "+0.06" in html_of(test), "against from scratch, which has no features of before"


def test_what_collapsed_is_said_with_its_arm(store: Store) -> None:  # noqa: F811
    run = finish(store, "collapse", "collapsed", effective_rank=1.0, neighbour_agreement=0.1)
    store.record_notice(run, Notice(33, "warning", "collapse", "The features have collapsed: <b>rank</b> 1.0."))
    store.record_surface(run, sheet_of(400, [np.random.default_rng(0).random((3, 3, 16, 16)) for _ in range(2)]))
    test = open_page("self_taught.py", preset="collapse")
    assert not test.exception
    said = html_of(test)
    assert "Agreement alone: The features have collapsed: &lt;b&gt;rank" in said
    assert "data:image/png;base64," in said and "another view" in said


@pytest.mark.parametrize(("gain", "words"), [(0.2, "by 0.20 more"), (-0.1, "The source hurts"), (0.0, "no difference")])
def test_what_the_source_does_to_clusters_is_told_as_it_is(gain: float, words: str, store: Store) -> None:  # noqa: F811
    for arm, value in (("target_only", 0.3), ("with_source", 0.3 + gain)):
        names = ("adjusted_mutual_information", "adjusted_rand_index")
        figures = {f"{name}{part}": value for name in names for part in ("", ".mean", ".lowest", ".highest")}
        chance = {f"{name}.chance": 0.02 for name in names}
        finish(store, "clustering", arm, np.array([1, 1, 0, 0]), **figures, **chance)
    test = open_page("self_taught.py", preset="clustering")
    assert not test.exception
    said = html_of(test)
    assert words in said and "≤ 0.02" in said
    assert "neither is labelled" in said, "the quadrant is another one than the other presets'"
    assert "Clusters have no names" in text_of(test)


def test_every_preset_opens_and_offers_to_train(store: Store) -> None:  # noqa: F811
    for preset in ("digits", "clustering", "collapse"):
        test = open_page("self_taught.py", preset=preset)
        assert not test.exception
        assert not button(test, "Train").disabled
