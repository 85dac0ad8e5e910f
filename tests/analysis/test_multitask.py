"""The mean relative change, by hand."""

from __future__ import annotations

import pytest

from tlcore.analysis.multitask import mean_change, task_changes
from tlcore.errors import InvalidRequest


def test_the_mean_change_by_hand() -> None:
    together, alone = {"left": 0.9, "right": 0.6}, {"left": 0.8, "right": 0.75}
    assert task_changes(together, alone) == pytest.approx({"left": 0.125, "right": -0.2})
    assert mean_change(together, alone) == pytest.approx(-0.0375)


def test_a_task_without_its_baseline_cannot_be_compared() -> None:
    with pytest.raises(InvalidRequest, match="right"):
        mean_change({"right": 0.5}, {"left": 0.5})
