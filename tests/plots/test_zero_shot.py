"""Figures of a zero-shot experiment."""

from __future__ import annotations

import numpy as np

from tlcore.plots.zero_shot import accuracy_curves, attribute_bars, loss_curves
from tlcore.runs import Series

TITLES = {"naive": "Joint space, naive", "margin": "Joint space, margin", "eszsl": "ESZSL", "conse": "ConSE"}


def line(name: str, *values: float) -> dict[str, Series]:
    return {name: Series(name, 100 * np.arange(len(values)), np.asarray(values))}


def test_what_is_solved_at_once_is_a_level_line_at_its_answer() -> None:
    metrics = {
        "margin": line("unseen_accuracy", 0.05, 0.4, 0.7),
        "eszsl": line("unseen_accuracy", 0.04, 0.31),
        "conse": line("unseen_accuracy", 0.02),
    }
    drawn = {trace.name: trace for trace in accuracy_curves(metrics, TITLES, 0.0).data}
    assert set(drawn) == {"Joint space, margin", "ESZSL"}, "nothing of what is not yet solved"
    assert list(drawn["ESZSL"].y) == [0.31, 0.31] and list(drawn["ESZSL"].x) == [0, 100]
    assert list(drawn["Joint space, margin"].y) == [0.05, 0.4, 0.7]


def test_losses_of_the_joint_spaces_alone_on_an_axis_where_a_collapse_is_seen() -> None:
    metrics = {arm: line("class_loss", 30.0, 0.02) for arm in ("naive", "margin", "eszsl")}
    figure = loss_curves(metrics, TITLES)
    assert [trace.name for trace in figure.data] == ["Joint space, naive", "Joint space, margin"]
    assert figure.layout.yaxis.type == "log"


def test_bars_say_whose_guesses_they_are() -> None:
    figure = attribute_bars(np.ones(1), np.zeros(1), ["furry"], "guessed by Attribute prediction", "the table's fox")
    assert [trace.name for trace in figure.data] == ["guessed by Attribute prediction", "the table's fox"]
