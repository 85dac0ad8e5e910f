"""What the cards below the film say: the curve with its point at 0, and confusions that agree with their matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.ui.test_zero_shot_model import model
from tlcore.gallery import recorded
from tlcore.runs import Confusion, Series
from ui.zero_shot_model import number
from ui.zero_shot_results import calibration_points, confusion_words, place_labels


@pytest.mark.parametrize(
    ("constants", "labels"),
    [
        ([-1.0, 0.0, 0.5], ["−1.00", "0.00", "0.50"]),
        ([0.1211, 0.1212, 0.3], ["0.1211", "0.1212", "0.3000"]),
        ([0.5, 0.5], ["0.50 (1)", "0.50 (2)"]),
        ([], []),
    ],
)
def test_as_many_digits_as_tell_them_apart(constants: list[float], labels: list[str]) -> None:
    assert place_labels(constants) == labels


def test_numbers_have_a_true_minus_sign() -> None:
    assert [number(value) for value in (-1.234, -0.001, 0.5)] == ["−1.23", "0.00", "0.50"]
    assert [number(value, signed=True) for value in (-1.234, 0.5)] == ["−1.23", "+0.50"]


def test_every_recorded_curve_has_its_point_at_zero_as_the_table_has_it_and_a_label_for_every_place() -> None:
    store = recorded("zero-shot/creatures")
    assert store is not None
    curves = 0
    for run in store.runs(limit=50):
        metrics = store.metrics(run.id)
        points = calibration_points(metrics)
        if points is None:
            continue
        curves += 1
        constants, unseen, seen = points.T
        at = int(np.argmin(np.abs(constants)))
        assert constants[at] == 0
        assert unseen[at] == metrics["generalised_unseen_accuracy"].values[-1]
        assert seen[at] == metrics["seen_accuracy"].values[-1]
        assert (np.diff(constants) > 0).all() and (np.diff(seen) <= 1e-6).all() and (np.diff(unseen) >= -1e-6).all()
        assert len(set(place_labels(constants))) == len(constants)
    assert curves > 6


def test_a_curve_without_the_table_stays_as_it_is_and_one_of_a_point_is_none() -> None:
    series = {name: Series(name, np.arange(2), np.array([0.0, 1.0])) for name in ("constant", "unseen", "seen")}
    metrics = {f"calibration_{name}": found for name, found in series.items()}
    points = calibration_points(metrics)
    assert points is not None and points.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert calibration_points({}) is None


def test_confusions_are_told_as_the_matrix_shows_them() -> None:
    """Two pictures of the film are known, of seven that were tested."""
    asked = replace(model("margin"), seen=np.array([False, False, True]), labels=np.array([1, 0]))
    counts = np.zeros((3, 3), dtype=np.int64)
    counts[0, 0], counts[0, 1], counts[1, 0], counts[1, 1] = 1, 3, 1, 2
    told = confusion_words(Confusion(7, "target", counts), asked).split("<br>")
    assert told == [
        "75% of <b>ant</b> taken for <b>bee</b> (3 of 4), through flies",
        "33% of <b>bee</b> taken for <b>ant</b> (1 of 3), through furry, flies",
    ]
    alone = replace(asked, labels=np.array([2, 2]))
    assert confusion_words(Confusion(7, "target", counts), alone).split("<br>")[0].endswith("(3 of 4)")
