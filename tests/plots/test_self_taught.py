"""Figures of learning without labels."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.plots.self_taught import Clustered, agreement_curves, cluster_marks, rank_curves
from tlcore.runs import Series

TITLES = {"autoencoder": "Autoencoder", "contrastive": "Contrastive"}


def _line(name: str, *values: float) -> Series:
    return Series(name, np.arange(len(values)), np.asarray(values))


def test_ranks_of_features_and_of_what_the_loss_sees():
    metrics = {
        "autoencoder": {"effective_rank": _line("effective_rank", 3, 8)},
        "contrastive": {
            "effective_rank": _line("effective_rank", 3, 20),
            "embedding_rank": _line("embedding_rank", 2, 9),
        },
        "unknown": {"effective_rank": _line("effective_rank", 1, 1)},
    }
    figure = rank_curves(metrics, TITLES, 128)
    assert [trace.name for trace in figure.data] == ["Autoencoder", "Contrastive", "Contrastive, in the loss"]
    assert figure.data[1].line.color == figure.data[2].line.color != figure.data[0].line.color
    assert "128" in figure.layout.yaxis.title.text


def test_what_has_no_neighbours_yet_is_left_out():
    figure = agreement_curves({"autoencoder": {}, "contrastive": {"neighbour_agreement": _line("n", 0.6, 0.8)}}, TITLES)
    assert [trace.name for trace in figure.data] == ["Contrastive"]


def test_each_start_of_each_seed_lies_within_its_line():
    found = [
        Clustered("contrastive", 1, 0.5, 0.4, 0.45, 0.55, 0.03),
        Clustered("contrastive", 0, 0.6, 0.5, 0.55, 0.6, None),
    ]
    figure = cluster_marks(found, TITLES, "AMI")
    (trace,) = figure.data
    assert [*trace.y] == [0.6, 0.5], "by seed"
    assert [*trace.error_y.array] == pytest.approx([0.0, 0.05])
    assert [*trace.error_y.arrayminus] == pytest.approx([0.1, 0.1])
    assert figure.layout.shapes[0].y0 == 0.03, "chance"


def test_nothing_found_is_an_empty_figure():
    assert not cluster_marks([], TITLES, "AMI").data
