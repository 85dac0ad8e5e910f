"""The figure of layer transfer says what the numbers say."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from tlcore.plots.layer_transfer import (
    co_adaptation,
    kept_curves,
    layer_contents,
    specificity,
    transfer_curves,
)
from tlcore.presets import yosinski

POINTS = {
    "BnB": {1: [0.70, 0.72], 2: [0.60, 0.64], 3: [0.70, 0.70]},
    "AnB": {1: [0.70, 0.72], 2: [0.60, 0.60], 3: [0.40, 0.50]},
    "random": {2: [0.1, 0.2], 1: [0.5, 0.5]},
}
BASE = [0.70, 0.74]


def trace(figure: go.Figure, name: str) -> go.Scatter:
    return next(found for found in figure.data if found.name and found.name.startswith(name))


def test_lines_are_means_and_every_split_is_a_dot() -> None:
    figure = transfer_curves(POINTS, BASE, layers=3)
    line = trace(figure, "BnB:")
    assert list(line.x) == [1, 2, 3]
    assert list(line.y) == pytest.approx([0.71, 0.62, 0.70])
    dots = next(found for found in figure.data if found.legendgroup == "BnB" and found.mode == "markers")
    assert list(zip(dots.x, dots.y, strict=True)) == [(1, 0.7), (1, 0.72), (2, 0.6), (2, 0.64), (3, 0.7), (3, 0.7)]
    assert list(trace(figure, "random").x) == [1, 2]


def test_the_base_is_a_band_from_its_lowest_to_its_highest_split() -> None:
    figure = transfer_curves(POINTS, BASE)
    edges = [found.y[0] for found in figure.data if found.line.width == 0]
    assert sorted(edges) == [0.70, 0.74]
    assert trace(figure, "base (2 splits)").y[0] == pytest.approx(0.72)


def test_gaps_are_found_where_they_are_largest() -> None:
    dip, gap = co_adaptation(POINTS, BASE), specificity(POINTS)
    assert dip is not None and gap is not None
    assert (dip.layers, dip.size) == (2, pytest.approx(0.10))
    assert (gap.layers, gap.size) == (3, pytest.approx(0.25))
    words = [note.text for note in transfer_curves(POINTS, BASE).layout.annotations]
    assert words[:2] == ["fragile co-adaptation<br>10.0 points", "specificity<br>25.0 points"]


def test_what_does_not_show_is_not_pointed_at() -> None:
    flat = {"BnB": {1: [0.72], 2: [0.718]}, "AnB": {1: [0.73], 2: [0.715]}}
    assert co_adaptation(flat, [0.72]) is None
    assert specificity(flat) is None
    assert specificity({"AnB": {1: [0.1]}, "BnB": {2: [0.7]}}) is None
    assert co_adaptation({}, BASE) is None
    assert not transfer_curves(flat, [0.72]).layout.annotations


def test_published_curves_hang_from_our_base_stretched_over_our_layers() -> None:
    published = {"AnB": yosinski.relative("AnB"), "BnB": yosinski.relative("BnB")}
    figure = transfer_curves(POINTS, BASE, published=published, published_source="there", layers=5)
    lines = [found for found in figure.data if found.legendgroup == "published"]
    assert [found.showlegend for found in lines] == [True, False]
    assert (lines[0].x[0], lines[0].x[-1]) == (1, 5)
    assert lines[0].y[-1] == pytest.approx(0.72 + 0.5425 - 0.6251, abs=1e-4)
    assert list(lines[0].customdata[-1]) == [7, pytest.approx(-0.0826)]
    assert "there" in lines[0].hovertemplate


def test_the_view_is_not_stretched_by_random_layers() -> None:
    figure = transfer_curves(POINTS, BASE)
    low, high = figure.layout.yaxis.range
    assert low == pytest.approx(0.35) and high == pytest.approx(0.79)
    said = [annotation.text for annotation in figure.layout.annotations if "random" in annotation.text]
    assert said == ["random, frozen: down to 15% at n = 2"]
    near = {**POINTS, "random": {1: [0.5]}}
    assert not [one for one in transfer_curves(near, BASE).layout.annotations if "random" in one.text], "in sight"


def test_a_point_is_marked_where_it_is() -> None:
    figure = transfer_curves(POINTS, BASE, marked=("AnB", 3))
    assert (figure.data[-1].x[0], figure.data[-1].y[0]) == (3, pytest.approx(0.45))
    assert len(transfer_curves(POINTS, BASE, marked=("AnB", 4)).data) == len(figure.data) - 1


def test_nothing_trained_is_an_empty_figure() -> None:
    assert len(transfer_curves({}, []).data) == 0
    assert len(kept_curves({}, {}, {}).data) == 0


def test_each_change_has_a_panel_and_the_legend_names_each_curve_once() -> None:
    points = {"labels": {"first": {1: [0.7]}, "last": {1: [0.5]}}, "input": {"first": {1: [0.4]}, "last": {1: [0.6]}}}
    figure = kept_curves(points, {"labels": [0.7], "input": [0.6]}, {"labels": "other labels"})
    assert {found.xaxis for found in figure.data} == {"x", "x2"}
    named = [found.name for found in figure.data if found.showlegend]
    assert named == ["base (1 split)", "first layers kept", "last layers kept"]
    assert figure.layout.xaxis.title.text == "other labels<br>layers kept"


def test_contents_of_layers() -> None:
    figure = layer_contents(["conv1", "dense1"], [0.9, 0.2], {"A read for B": [0.1, 0.5]})
    np.testing.assert_allclose(figure.data[0].y, [0.9, 0.2])
    np.testing.assert_allclose(figure.data[1].y, [0.1, 0.5])


def test_authors_figures_are_those_of_the_paper() -> None:
    assert all(len(yosinski.CURVES[curve]) == yosinski.DEPTH - 1 for curve in ("BnB", "BnB+", "AnB", "AnB+"))
    assert yosinski.relative("AnB+")[-1] == pytest.approx(0.0214)
    assert min(yosinski.relative("BnB")) == pytest.approx(-0.0316)
    assert yosinski.relative_dissimilar()[-1] < yosinski.relative("AnB")[-1]
