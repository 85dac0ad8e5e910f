"""Classes by the nearest labelled examples: what features are worth before anything is trained on them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def _unit_rows(features: Floats) -> npt.NDArray[np.float64]:
    table = np.asarray(features, dtype=np.float64)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.where(lengths > 0, lengths, 1.0), dtype=np.float64)


def neighbour_scores(
    features: Floats, known: Floats, labels: npt.NDArray[np.integer], class_count: int, neighbours: int
) -> npt.NDArray[np.float64]:
    """Votes (N, K) for each of `features` (N, D): of the nearest `known` (M, D), by cosine, each for its label (M,),
    its cosine the weight. At most as many vote as there are of the smallest class that has any.
    """
    counts = np.bincount(labels, minlength=class_count)
    most = int(min(neighbours, counts[counts > 0].min()))
    cosines = _unit_rows(features) @ _unit_rows(known).T
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :most]
    votes = np.zeros((len(cosines), class_count))
    rows = np.arange(len(cosines))
    for column in nearest.T:
        np.add.at(votes, (rows, labels[column]), cosines[rows, column])
    return votes


def neighbour_agreement(features: Floats, labels: npt.NDArray[np.integer], neighbours: int = 5) -> float:
    """Share of points (N, D) whose label the nearest others vote for; nobody votes for itself."""
    units = _unit_rows(features)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :neighbours]
    votes = np.zeros((len(units), int(labels.max()) + 1))
    rows = np.arange(len(units))
    for column in nearest.T:
        np.add.at(votes, (rows, labels[column]), cosines[rows, column])
    return float((votes.argmax(axis=1) == labels).mean())
