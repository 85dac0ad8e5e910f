"""Which class is taken for which, and what a method gave or took from each class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]


def confusion_counts(labels: Integers, predictions: Integers, classes: int) -> npt.NDArray[np.int64]:
    """Count examples of true class (rows) predicted as class (columns).

    labels, predictions: (N,) integers in [0, classes). Returns (classes, classes) int64, which sums to N.

    Raises ValueError for arrays of different lengths or a value outside the classes.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise ValueError(f"Labels {labels.shape} and predictions {predictions.shape} must be lists of one length.")
    for name, values in (("label", labels), ("prediction", predictions)):
        if values.size and (values.min() < 0 or values.max() >= classes):
            raise ValueError(f"A {name} lies outside the {classes} classes 0 to {classes - 1}.")
    cells = labels.astype(np.int64) * classes + predictions.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def accuracy(counts: npt.NDArray[np.int64]) -> float:
    """The share of all examples that lie on the diagonal of (K, K) confusion counts; NaN without examples."""
    total = int(counts.sum())
    return float(np.trace(counts) / total) if total else float("nan")


def per_class_accuracy(counts: npt.NDArray[np.int64]) -> Floats:
    """The recall of each class, (K,) in [0, 1], from (K, K) confusion counts; NaN for a class without examples."""
    totals = counts.sum(axis=1)
    # NaN, not 0: a class that was never shown was not got wrong.
    return np.divide(np.diag(counts), totals, out=np.full(len(counts), np.nan), where=totals > 0)


def class_averaged_accuracy(counts: npt.NDArray[np.int64]) -> float:
    """The mean of the per-class accuracies over the classes that have examples: every class weighs the same.

    This is the "mean class accuracy" of VisDA-2017. NaN when no class has examples.
    """
    recalls = per_class_accuracy(counts)
    seen = recalls[~np.isnan(recalls)]
    return float(seen.mean()) if seen.size else float("nan")


def per_class_gain(before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> Floats:
    """Per-class accuracy after minus before, (K,) in [−1, 1], from two (K, K) confusion counts.

    Positive where the class gained. NaN for a class without examples in either.

    Raises ValueError when the two do not have the same classes.
    """
    if before.shape != after.shape:
        raise ValueError(f"Confusion counts of {before.shape} and {after.shape} classes cannot be compared.")
    return per_class_accuracy(after) - per_class_accuracy(before)
