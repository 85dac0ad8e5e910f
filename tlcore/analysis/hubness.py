"""Hubs: descriptions that attract far more than their share, a habit of nearest neighbours in many dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Hubness:
    """How K descriptions share the examples among them.

    occurrences: (K,) how many examples have the class among their k nearest. nearest: (K,) share of the examples of
    which it is the nearest. expected: (K,) share that would be right, where labels were given. skewness:
    of the occurrences.
    """

    occurrences: npt.NDArray[np.int64]
    nearest: npt.NDArray[np.float64]
    expected: npt.NDArray[np.float64] | None
    skewness: float

    def excess(self) -> npt.NDArray[np.float64]:
        """(K,) share attracted minus the share that belongs there; against even shares where labels are not known."""
        even = np.full(len(self.nearest), 1.0 / len(self.nearest))
        return np.asarray(self.nearest - (even if self.expected is None else self.expected))


def hubness(scores: Floats, k: int = 1, labels: npt.NDArray[np.integer] | None = None) -> Hubness:
    """Which of K descriptions are hubs for N examples, by `scores` (N, K), higher meaning nearer.

    The skewness of the k-occurrences, E(n − μ)³/σ³, is 0 where all are chosen alike and grows with hubs (Radovanović,
    Nanopoulos and Ivanović, JMLR 2010; for zero-shot learning Dinu, Lazaridou and Baroni, ICLR workshop 2015).
    k: from 1 to K. labels: (N,) columns that would be right. Raises ValueError for another k or malformed scores.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or not table.size or np.isnan(table).any():
        raise ValueError(f"Scores must be a table of examples by classes without NaN, not of shape {table.shape}.")
    count, classes = table.shape
    if not 1 <= k <= classes:
        raise ValueError(f"k must be from 1 to the {classes} classes, not {k}.")
    order = np.argsort(-table, axis=1, kind="stable")[:, :k]
    occurrences = np.bincount(order.ravel(), minlength=classes)
    nearest = np.bincount(order[:, 0], minlength=classes) / count
    expected = None
    if labels is not None:
        if np.shape(labels) != (count,):
            raise ValueError(f"{count} examples need as many labels, not an array of {np.shape(labels)}.")
        expected = np.bincount(labels, minlength=classes) / count
    return Hubness(occurrences, nearest, expected, skewness(occurrences))


def skewness(values: npt.NDArray[np.integer] | Floats) -> float:
    """E(v − μ)³/σ³ of `values` (n,), over the whole population; 0 where all are equal."""
    array = np.asarray(values, dtype=np.float64)
    centred = array - array.mean()
    deviation = float(np.sqrt((centred**2).mean()))
    return float((centred**3).mean() / deviation**3) if deviation > 0 else 0.0
