"""What the home page shows: small films of recorded runs, and what the machine is doing."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from tlcore.gallery import recorded
from tlcore.presets import all_presets
from tlcore.runs import Frame, Probe, Store
from ui.home_map import CORNERS, film_of, miniature
from ui.home_now import machine, summary
from ui.page import QUADRANTS

PAGES = Path(__file__).parents[2] / "pages"
METHODS = [method for corner in CORNERS for method in corner.methods]


def test_the_map_has_the_four_quadrants_and_leads_to_presets_of_its_pages() -> None:
    assert [corner.quadrant for corner in CORNERS] == list(QUADRANTS)
    assert all((PAGES / f"{method.page}.py").is_file() for method in METHODS)
    assert all(method.preset in all_presets() for method in METHODS)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.preset)
def test_each_recorded_method_has_a_small_film_that_moves(method) -> None:
    film = film_of(method.preset, method.colour_by)
    if recorded(method.preset) is None:
        assert film is None
        return
    places = np.frombuffer(base64.b64decode(film["places"]), np.uint8).reshape(film["frames"], film["count"], 2)
    assert film["frames"] > 3 and film["count"] > 50
    assert places.std(axis=(1, 2)).min() > 1, "no frame is one spot"
    assert np.abs(np.diff(places.astype(int), axis=0)).mean() > 1
    assert len(film["places"]) < 8_000


def test_a_miniature_keeps_first_and_last_frame_and_the_share_of_both_sides() -> None:
    points = np.stack([np.linspace(0, 10, 400), np.linspace(0, 5, 400)], axis=1).astype(np.float32)
    labels = np.zeros(400, np.int16)
    frames = [Frame(step, "pca", points * (1 + step / 100), labels) for step in range(0, 101, 2)]
    probe = Probe(np.full(400, 300, np.int16), np.repeat([0, 1], 200).astype(np.int8), ("a",))
    film = miniature(frames, probe, "domain")
    places = np.frombuffer(base64.b64decode(film["places"]), np.uint8).reshape(film["frames"], film["count"], 2)
    spans = np.ptp(places.astype(int), axis=1)
    assert film["frames"] == 14 and film["count"] == 170
    assert spans[0, 0] < spans[-1, 0] == 255, "it grows, and fills the picture at last"
    np.testing.assert_allclose(spans[:8, 0], 2 * spans[:8, 1], atol=4)
    assert set(base64.b64decode(film["colours"])) == {0, 1}


def test_a_point_without_a_place_is_no_trouble() -> None:
    points = np.full((5, 2), np.nan, np.float32)
    points[:4] = [[0, 0], [1, 0], [0, 1], [1, 1]]
    zeros = np.zeros(5, np.int16)
    film = miniature([Frame(0, "pca", points, zeros)], Probe(zeros, zeros.astype(np.int8), ("a",)), "class")
    assert len(base64.b64decode(film["places"])) == 10


@pytest.mark.parametrize(
    ("running", "waiting", "words"),
    [
        (0, 0, "Nothing is training."),
        (1, 0, "1 run trains, none waits."),
        (2, 1, "2 runs train, 1 waits."),
        (0, 1200, "Nothing trains yet, 1,200 wait."),
    ],
)
def test_what_runs_now_is_said_in_a_sentence(running: int, waiting: int, words: str) -> None:
    assert summary(running, waiting).startswith(words)


def test_the_machine_is_named_by_its_gpu_once_a_run_has_trained_on_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert "CPU core" in machine(store)
    run = store.add(all_presets()["domain-adversarial/moons"].arms["dann"])
    store.change(run, state="finished", provenance={"device": "cuda", "device_name": "Some GPU"})
    assert machine(store) == "Some GPU"
    run = store.add(all_presets()["domain-adversarial/moons"].arms["source_only"])
    store.change(run, state="finished", provenance={"device": "cuda", "device_name": "Theirs", "imported": 1.0})
    assert machine(store) == "Some GPU", "what was imported was trained elsewhere"
