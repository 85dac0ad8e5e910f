"""What a page computes of a zero-shot run by itself: scores of descriptions that were not there in training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tlcore.runs import Confusion
from ui.zero_shot_model import AskableModel
from ui.zero_shot_results import unseen_part

NAMES = ("ant", "bee", "cat")
VECTORS = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def model(method: str, **weights: Any) -> AskableModel:
    centre = np.array([0.5, 0.5]) if method in ("margin", "ale") else np.zeros(2)
    evidence = np.array([[2.0, -1.0], [0.5, 3.0]])
    return AskableModel(
        method=method,
        names=NAMES,
        attributes=("furry", "flies"),
        seen=np.array([True, True, False]),
        labels=np.array([0, 1]),
        weights={"vectors": VECTORS, "centre": centre, "evidence_of_probe": evidence, **weights},
        points=None,
        to_plane=None,
        drawn=False,
        thumbnails=None,
    )


def test_scores_are_linear_in_a_description() -> None:
    found = model("margin").scores(np.array([[1.0, 0.0], [0.25, 0.75]]))
    np.testing.assert_allclose(found, [[2 * 0.5 + 0.5, -0.25 * 2 - 0.25], [0.25 - 1.5, -0.125 + 0.75]])


def test_conse_scores_by_direction() -> None:
    one, twice = model("conse").scores(np.array([[0.6, 0.2], [1.2, 0.4]])).T
    np.testing.assert_allclose(one, twice)
    np.testing.assert_allclose(one, np.array([[2.0, -1.0], [0.5, 3.0]]) @ [0.6, 0.2] / np.hypot(0.6, 0.2))


def test_predicted_attributes_are_the_evidence_with_the_prior_put_back() -> None:
    odds = np.array([0.3, -2.0])
    found = model("attributes", prior_odds=odds).probabilities()
    assert found is not None
    np.testing.assert_allclose(np.log(found / (1 - found)), np.array([[2.3, -3.0], [0.8, 1.0]]))
    assert model("margin").probabilities() is None


def test_a_description_is_placed_where_the_film_would_place_it() -> None:
    mapping = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]])  # to three dimensions
    to_plane = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [10.0, 20.0]])
    placed = replace(model("margin", **{"description_map.weight": mapping}), to_plane=to_plane)
    inside = mapping @ (VECTORS[2] - 0.5)
    np.testing.assert_allclose(placed.place(VECTORS[2]), inside @ to_plane[:3] + to_plane[3])
    assert model("margin").place(VECTORS[2]) is None


def test_only_classes_that_were_tested_are_shown_as_confused() -> None:
    counts = np.zeros((5, 5), dtype=np.int64)
    counts[3, 3], counts[3, 4], counts[4, 4] = 2, 1, 3
    shown, names = unseen_part(Confusion(7, "target", counts), ["a", "b", "c", "d", "e"])
    assert names == ["d", "e"] and shown.counts.tolist() == [[2, 1], [0, 3]]


def test_the_plane_is_known_from_where_the_descriptions_lie() -> None:
    mapping = np.array([[1.0, 2.0], [0.0, 1.0]])
    plane = np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    joint = model("margin", **{"description_map.weight": mapping})
    inside = (VECTORS - 0.5) @ mapping.T
    frame = np.vstack([np.zeros((2, 2)), np.column_stack([inside, np.ones(3)]) @ plane])
    shown = joint.on(frame)
    for vector, point in zip(VECTORS, frame[2:], strict=True):
        np.testing.assert_allclose(shown.place(vector), point, atol=1e-9)
    assert joint.on(None).place(VECTORS[0]) is None


@pytest.mark.parametrize("method", ["ale", "eszsl"])
def test_rankers_show_directions(method: str) -> None:
    flat = replace(model(method), to_plane=np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    found = flat.place(np.array([2.0, 1.0]))
    assert found is not None
    assert np.hypot(*found) == pytest.approx(1.0)
