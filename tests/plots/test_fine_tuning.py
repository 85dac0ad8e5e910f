"""The data-efficiency curve and the figures beside it say what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.plots.fine_tuning import (
    LOOKS,
    Measured,
    Reference,
    efficiency_curve,
    filter_mosaic,
    forgetting_curves,
    layer_bars,
    layer_lines,
    looks_of,
    overfitting_curves,
)
from tlcore.runs import Series

TITLES = {"scratch": "From scratch", "fine_tune": "Fine-tuned"}
SHOTS = (1, 5, 0)


def series(*values: float) -> Series:
    return Series("x", np.arange(len(values)) * 10, np.asarray(values, float))


def finished(method: str, shots: int, *values: float) -> list[Measured]:
    return [
        Measured(method, shots, seed, "finished", value, f"{method}@{shots or 'all'}|{seed}")
        for seed, value in enumerate(values)
    ]


def trace_of(figure, name: str):
    return next(trace for trace in figure.data if trace.name == name)


def test_a_point_is_the_mean_over_seeds_with_the_sample_standard_deviation() -> None:
    points = finished("fine_tune", 1, 0.4, 0.6) + finished("fine_tune", 0, 0.9)
    line = trace_of(efficiency_curve(points, TITLES, SHOTS), "Fine-tuned")
    assert list(line.y) == pytest.approx([0.5, 0.9])
    assert list(line.error_y.array) == pytest.approx([np.std([0.4, 0.6], ddof=1), 0.0])
    assert list(line.customdata) == ["fine_tune@1|0", "fine_tune@all|0"]


def test_all_labels_stand_last_on_the_axis_and_a_gap_keeps_its_place() -> None:
    figure = efficiency_curve(finished("scratch", 1, 0.2) + finished("scratch", 0, 0.9), TITLES, SHOTS)
    assert list(figure.layout.xaxis.ticktext) == ["1", "5", "all"]
    assert list(trace_of(figure, "From scratch").x) == [0.0, 2.0]


def test_every_seed_is_a_faint_dot_that_opens_its_own_run() -> None:
    dots = trace_of(efficiency_curve(finished("scratch", 5, 0.2, 0.3), TITLES, SHOTS), "From scratch, seeds")
    assert list(dots.y) == [0.2, 0.3]
    assert list(dots.customdata) == ["scratch@5|0", "scratch@5|1"]
    assert dots.opacity < 0.5


def test_runs_under_way_are_hollow_and_count_for_no_mean() -> None:
    points = [
        *finished("scratch", 1, 0.3),
        Measured("scratch", 5, 0, "running", 0.45, "scratch@5|0"),
        Measured("scratch", 0, 0, "queued", None, "scratch@all|0"),
    ]
    figure = efficiency_curve(points, TITLES, SHOTS)
    assert list(trace_of(figure, "From scratch").y) == [0.3]
    hollow = trace_of(figure, "From scratch, under way")
    assert hollow.marker.symbol == "circle-open"
    assert list(hollow.y) == [0.45, 0.0]
    assert "so far" in hollow.text[0] and "waits" in hollow.text[1]


def test_shown_points_are_ringed_and_references_are_lines() -> None:
    points = finished("scratch", 1, 0.3) + finished("fine_tune", 1, 0.5)
    figure = efficiency_curve(
        points, TITLES, SHOTS, references=[Reference(0.1, "guessing", "soft")], chosen=[("fine_tune", 1)]
    )
    assert list(trace_of(figure, "shown below").y) == [0.5]
    assert [shape.y0 for shape in figure.layout.shapes] == [0.1]


def test_with_one_number_of_labels_methods_stand_side_by_side() -> None:
    figure = efficiency_curve(finished("scratch", 0, 0.3) + finished("fine_tune", 0, 0.5), TITLES, (0,))
    assert list(figure.layout.xaxis.ticktext) == ["From scratch", "Fine-tuned"]
    assert [trace.x[0] for trace in figure.data] == [0, 1]


def test_no_two_methods_differ_in_colour_alone() -> None:
    looks = looks_of([*LOOKS, "last_1", "last_2", "gradual", "random_features"])
    for part in ("colour", "symbol"):
        assert len({getattr(look, part) for look in looks.values()}) == len(looks)
    assert looks["fine_tune"] == LOOKS["fine_tune"]
    assert len({look.dash for look in LOOKS.values()}) == len(LOOKS)


def test_methods_from_two_sources_share_colours_and_differ_otherwise() -> None:
    names = ["scratch", "near:fine_tune", "near:early", "far:fine_tune", "far:early"]
    looks = looks_of(names)
    assert len(set(looks.values())) == len(names)
    for method in ("fine_tune", "early"):
        near, far = looks[f"near:{method}"], looks[f"far:{method}"]
        assert near.colour == far.colour and near.dash != far.dash and near.symbol != far.symbol and far.pattern
    assert looks["near:fine_tune"] == LOOKS["fine_tune"]
    titles = {name: name for name in names}
    under_way = [Measured(name, 1, 0, "running", 0.5, name) for name in names]
    assert len(efficiency_curve(under_way, titles, (1, 2)).data) == 2 * len(names), "each has a hollow symbol"
    assert {look.hollow.count("open") for look in looks.values()} == {1}


def test_layers_keep_the_order_of_the_network() -> None:
    figure = layer_bars({"fine_tune": {"conv2": 0.2, "conv1": 0.1}}, TITLES, ("conv1", "conv2"), metric="moved")
    assert list(figure.data[0].x) == ["conv1", "conv2"]
    assert list(figure.data[0].y) == [0.1, 0.2]
    lines = layer_lines({"conv2": series(0, 0.2), "conv1": series(0, 0.1)}, ("conv1", "conv2"), metric="moved")
    assert [trace.name for trace in lines.data] == ["conv1", "conv2"]


def test_forgetting_starts_from_what_the_source_network_could() -> None:
    figure = forgetting_curves({"fine_tune": {"source_accuracy": series(0.8, 0.5)}, "scratch": {}}, TITLES, 0.8)
    assert [trace.name for trace in figure.data] == ["Fine-tuned"]
    assert figure.layout.shapes[0].y0 == 0.8


def test_held_out_is_drawn_through_and_learned_from_is_dotted() -> None:
    metrics = {"fine_tune": {"target_cross_entropy": series(2, 1), "target_train_cross_entropy": series(2, 0)}}
    figure = overfitting_curves(metrics, TITLES)
    assert [(trace.name, trace.line.dash, trace.showlegend) for trace in figure.data] == [
        ("Fine-tuned", "solid", True), ("Fine-tuned, learned from", "dot", False),
    ]  # fmt: skip


def test_filters_lie_in_a_mosaic_each_stretched_to_its_own_range() -> None:
    filters = np.stack([np.zeros((3, 2, 2)), np.arange(12).reshape(3, 2, 2), np.full((3, 2, 2), 7.0)])
    mosaic = filter_mosaic(filters)
    assert mosaic.shape == (5, 5, 4)
    assert mosaic[0, 3].tolist() == [0, round(255 * 4 / 11), round(255 * 8 / 11), 255]
    assert not mosaic[:, 2].any(), "transparent between the filters"
    grey = filter_mosaic(np.asarray([[[[-1.0, 0.0, 0.5]]]]), around_zero=True)
    assert grey[0, :, 0].tolist() == [0, 128, 191]
    with pytest.raises(ValueError, match="2 channels"):
        filter_mosaic(np.zeros((1, 2, 3, 3)))
