"""The figures of multitask learning say what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.plots import multitask as plots
from tlcore.runs import Series


def line(*values: float) -> Series:
    return Series("x", np.arange(len(values)), np.asarray(values))


def test_accuracy_against_companions_has_each_seed_and_the_mean() -> None:
    figure = plots.companions_curve({4: [0.7, 0.8], 0: [0.5, 0.6], 1: []}, main="left")
    dots, mean = figure.data
    assert list(mean.x) == ["0", "4"] and list(mean.y) == pytest.approx([0.55, 0.75])
    assert list(zip(dots.x, dots.y, strict=True)) == [("0", 0.5), ("0", 0.6), ("4", 0.7), ("4", 0.8)]
    assert figure.layout.shapes[0].y0 == pytest.approx(0.55)


def test_the_gap_has_a_line_for_each_task_over_the_width() -> None:
    figure = plots.width_gap({"left": {8: [0.02], 4: [-0.1, -0.2]}, "right": {4: [0.0]}})
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [list(trace.x) for trace in lines] == [["4", "8"], ["4"]]
    assert list(lines[0].y) == pytest.approx([-0.15, 0.02])


def test_cosines_are_rows_of_pairs_and_columns_of_layers() -> None:
    figure = plots.cosine_map({("a", "b"): {"conv1": -0.5, "all": 0.2}, ("a", "c"): {"all": 0.1}}, ["all", "conv1"])
    (heat,) = figure.data
    assert list(heat.y) == ["a · b", "a · c"] and list(heat.z[0]) == [0.2, -0.5] and np.isnan(heat.z[1][1])


def test_bars_of_old_and_new_tasks_stand_beside_what_was_before() -> None:
    figure = plots.old_and_new({"p": [0.8, 0.9], "s": [0.7]}, {"p": [0.6]}, [0.65])
    assert [list(trace.x) for trace in figure.data] == [["p", "s"], ["p"]]
    assert list(figure.data[0].y) == pytest.approx([0.85, 0.7]) and figure.layout.shapes[0].y0 == pytest.approx(0.65)


@pytest.mark.parametrize(
    "figure",
    [
        plots.companions_curve({}, main="x"), plots.width_gap({}), plots.task_changes_bars({}, {}),
        plots.accuracy_bars({}, axis="x"), plots.task_curves({}, {"a": "accuracy.a"}), plots.norm_curves({}),
        plots.cosine_map({}, []), plots.old_and_new({}, {}, []), plots.sensitivity_map({}), plots.ablation_bars({}),
        plots.parameters_against_tasks({}),
    ],
)  # fmt: skip
def test_nothing_is_drawn_of_nothing(figure: object) -> None:
    assert figure.to_json()  # type: ignore[attr-defined]


def test_changes_curves_sensitivities_and_prices_are_drawn_as_given() -> None:
    bars = plots.task_changes_bars({"shared": {"left": [0.1, 0.3], "right": []}}, {"shared": "together"}).data[0]
    assert list(bars.x) == ["left"] and list(bars.y) == pytest.approx([0.2]) and bars.name == "together"
    curves = plots.task_curves({"accuracy.a": line(0.1, 0.9)}, {"a": "accuracy.a", "b": "r2.b"})
    assert [trace.name for trace in curves.data] == ["a"]
    lost = plots.ablation_bars({"column 1 → conv 2": [0.2, 0.4]}).data[0]
    assert list(lost.x) == pytest.approx([0.3])
    shares = plots.sensitivity_map({"column 1": {"conv 2": 0.25}, "column 2": {"conv 2": 0.75}}).data[0]
    assert [list(row) for row in shares.z] == [[0.25], [0.75]]
    price = plots.parameters_against_tasks({"columns": [(1, 10.0), (2, 25.0)]}).data[0]
    assert list(price.x) == [1, 2] and list(price.y) == [10.0, 25.0]
