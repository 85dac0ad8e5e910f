"""A linear classifier on features that stay as they are: how much of what is asked for they tell already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tlcore.analysis.proxy_a_distance import fit_squared_hinge

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
FOLDS = 4


@dataclass(frozen=True)
class LinearProbe:
    """One support vector machine a class, on standardised features; the largest score wins.

    mean, deviation: (D,) of the training features. weights: (D + 1, K), the last row is the bias. penalty: the C that
    won. chosen_by: accuracy of each C in cross-validation on the training features, empty where C was given.
    """

    mean: Doubles
    deviation: Doubles
    weights: Doubles
    penalty: float
    chosen_by: dict[float, float]

    def scores(self, features: Floats) -> Doubles:
        """Scores (N, K) of features (N, D)."""
        standardised = (np.asarray(features, dtype=np.float64) - self.mean) / self.deviation
        result: Doubles = standardised @ self.weights[:-1] + self.weights[-1]
        return result

    def predict(self, features: Floats) -> Labels:
        """Classes (N,) of features (N, D)."""
        return np.asarray(self.scores(features).argmax(axis=1), dtype=np.int64)

    def accuracy(self, features: Floats, labels: Labels) -> float:
        """Share of features (N, D) given their label (N,)."""
        return float(np.mean(self.predict(features) == labels))


def fit_linear_probe(
    features: Floats, labels: Labels, class_count: int, *, penalties: Sequence[float] = PENALTIES, seed: int = 0
) -> LinearProbe:
    """Fit on features (N, D) with labels (N,) from 0 to `class_count` − 1.

    The objective for each class is that of scikit-learn's LinearSVC with its default loss, here solved by Newton's
    method. Of several penalties C the one is taken that is best in four-fold cross-validation on these very features,
    the smallest of equals; nothing held out is looked at.

    Raises ValueError where shapes do not fit or features are not finite.
    """
    table = np.asarray(features, dtype=np.float64)
    if table.ndim != 2 or len(table) != len(labels) or len(table) < 2:
        raise ValueError(f"Features {table.shape} and labels {np.shape(labels)} do not fit together.")
    if not np.isfinite(table).all():
        raise ValueError("The features contain NaN or infinite values.")
    with threadpool_limits(1):  # the matrices are small: several threads would only wait for each other
        return _chosen(table, labels, class_count, penalties, seed)


def _chosen(table: Doubles, labels: Labels, class_count: int, penalties: Sequence[float], seed: int) -> LinearProbe:
    chosen_by: dict[float, float] = {}
    if len(penalties) > 1:
        folds = _folds(labels, np.random.default_rng(seed))
        right = dict.fromkeys(sorted(penalties), 0.0)
        for fold in range(FOLDS):
            held_out = folds == fold
            if not held_out.any() or held_out.all():
                continue
            fits = _fit(table[~held_out], labels[~held_out], class_count, sorted(penalties))
            for probe in fits:
                right[probe.penalty] += float((probe.predict(table[held_out]) == labels[held_out]).sum())
        chosen_by = {penalty: count / len(table) for penalty, count in right.items()}
        penalties = [max(chosen_by, key=lambda penalty: (chosen_by[penalty], -penalty))]
    (probe,) = _fit(table, labels, class_count, penalties)
    return LinearProbe(probe.mean, probe.deviation, probe.weights, probe.penalty, chosen_by)


def _folds(labels: Labels, random: np.random.Generator) -> Labels:
    """Fold (N,) of each example; every class is dealt out evenly."""
    folds = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        folds[random.permutation(members)] = np.arange(len(members)) % FOLDS
    return folds


def _fit(table: Doubles, labels: Labels, class_count: int, penalties: Sequence[float]) -> list[LinearProbe]:
    """One fit a penalty, from weak to strong, each started where the one before ended."""
    mean, deviation = table.mean(axis=0), table.std(axis=0)
    # A feature that is constant here tells nothing: it is neither enlarged nor used.
    useful = deviation > 1e-12 * np.maximum(1.0, np.abs(mean))
    deviation = np.where(useful, deviation, 1.0)
    standardised = np.where(useful, (table - mean) / deviation, 0.0)
    basis: Doubles | None = None
    if standardised.shape[1] > len(standardised):
        # The solution lies in the span of the training points: work in that smaller space, at no loss.
        basis = np.linalg.qr(standardised.T)[0]
        standardised = standardised @ basis
    inputs = np.column_stack([standardised, np.ones(len(standardised))])
    started: list[Doubles | None] = [None] * class_count
    probes = []
    for penalty in penalties:
        columns: list[Doubles] = []
        for label in range(class_count):
            signs = np.where(labels == label, 1.0, -1.0)
            if class_count == 2 and label == 1:
                columns.append(-columns[0])  # two classes are one question
                continue
            started[label] = fit_squared_hinge(inputs, signs, penalty, started[label])
            columns.append(np.asarray(started[label]))
        weights = np.stack(columns, axis=1)
        if basis is not None:
            weights = np.concatenate([basis @ weights[:-1], weights[-1:]])
        weights[:-1][~useful] = 0.0
        probes.append(LinearProbe(mean, deviation, weights, penalty, {}))
    return probes
