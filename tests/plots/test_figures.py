"""Figures say what the numbers say."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.plots.comparison import class_gain, comparison, confusion_matrix
from tlcore.plots.domain_adversarial import accuracy_curves, adversary_curves, gradient_curves, loss_curves
from tlcore.plots.style import LIGHT
from tlcore.runs import Confusion, Series


def series(name: str, *values: float) -> Series:
    return Series(name, np.arange(len(values)), np.asarray(values, float))


def test_bars_stand_at_the_mean_with_the_sample_standard_deviation() -> None:
    figure = comparison({"a": [0.5, 0.7], "b": [0.9]}, {"a": "A", "b": "B"}, {"b": 0.95, "c": 0.1})
    bar = figure.data[0]
    assert list(bar.x) == ["A", "B"]
    assert list(bar.y) == pytest.approx([0.6, 0.9])
    assert list(bar.error_y.array) == pytest.approx([np.std([0.5, 0.7], ddof=1), 0.0])
    published = next(trace for trace in figure.data if trace.name == "published")
    assert (list(published.x), list(published.y)) == (["B"], [0.95])


def test_figures_without_curves_say_so() -> None:
    for figure in (accuracy_curves({}, {}), adversary_curves({}), loss_curves({}), gradient_curves({})):
        assert "press Train" in figure.layout.annotations[0].text
    figure = loss_curves({"class_loss": series("class_loss", 1.0, 0.5)})
    assert len(figure.data) == 1 and not figure.layout.annotations


def test_an_arm_without_values_is_left_out() -> None:
    figure = comparison({"a": [], "b": [0.9]}, {"a": "A", "b": "B"})
    assert list(figure.data[0].x) == ["B"]


def test_confusion_shows_shares_of_each_true_class() -> None:
    figure = confusion_matrix(Confusion(3, "target", np.asarray([[3, 1], [0, 0]])), ["x", "y"])
    np.testing.assert_allclose(figure.data[0].z, [[0.75, 0.25], [0.0, 0.0]])
    np.testing.assert_array_equal(figure.data[0].customdata, [[3, 1], [0, 0]])


def test_gain_is_after_less_before_and_losses_are_marked() -> None:
    before = Confusion(0, "target", np.asarray([[2, 2], [0, 4]]))
    after = Confusion(9, "target", np.asarray([[3, 1], [2, 2]]))
    bars = class_gain(before, after, ["x", "y"]).data[0]
    assert list(bars.x) == pytest.approx([0.25, -0.5])
    assert list(bars.marker.color) == [LIGHT.extractor, LIGHT.wrong]


def test_domains_keep_their_colours_and_arms_their_dashes() -> None:
    curves = {"dann": {"source_accuracy": series("s", 0.1, 0.9), "target_accuracy": series("t", 0.1, 0.8)}}
    figure = accuracy_curves(curves, {"dann": "DANN"})
    assert [trace.line.color for trace in figure.data[:2]] == [LIGHT.source, LIGHT.target]
    assert [trace.name for trace in figure.data if trace.showlegend is False] == ["DANN: source", "DANN: target"]
    assert [trace.name for trace in figure.data[2:]] == ["source", "target", "DANN"]
    assert {trace.legendgroup for trace in figure.data[:2]} == {figure.data[-1].legendgroup}, "hidden together"
    assert list(figure.data[1].y) == [0.1, 0.8]


def test_lambda_has_an_axis_of_its_own() -> None:
    figure = adversary_curves({"domain_accuracy": series("d", 0.9, 0.5), "grl_lambda": series("l", 0.0, 6.0)})
    axes = {trace.name: trace.yaxis for trace in figure.data}
    assert axes["λ"] == "y2"
    assert axes["domain classifier"] != "y2"


@pytest.mark.parametrize("draw", [adversary_curves, gradient_curves, loss_curves])
def test_nothing_measured_is_an_empty_figure(draw) -> None:
    assert len(draw({}).data) == 0
