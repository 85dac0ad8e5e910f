"""The calibration slider knows its places by their labels: no two may be alike."""

from __future__ import annotations

import pytest

from tlcore.gallery import recorded
from ui.zero_shot_results import place_labels


@pytest.mark.parametrize(
    ("constants", "labels"),
    [
        ([-1.0, 0.5], ["-1.00", "0.50"]),
        ([0.1211, 0.1212, 0.3], ["0.1211", "0.1212", "0.3000"]),
        ([0.5, 0.5], ["0.50 (1)", "0.50 (2)"]),
        ([], []),
    ],
)
def test_as_many_digits_as_tell_them_apart(constants: list[float], labels: list[str]) -> None:
    assert place_labels(constants) == labels


def test_the_recorded_curves_have_a_label_for_every_place() -> None:
    store = recorded("zero-shot/creatures")
    assert store is not None
    curves = [found.values for run in store.runs(limit=50)
              if (found := store.metrics(run.id).get("calibration_constant")) is not None]  # fmt: skip
    assert len(curves) > 6
    for values in curves:
        assert len(set(place_labels(values))) == len(values)
