"""How zero-shot learning is judged: the two protocols, and the curve between seen and unseen classes.

Two questions that are never mixed. Zero-shot: which of the unseen classes is this? Generalised: which of all classes?
Every figure is a mean over classes, so that a class with many pictures weighs no more than one with few (Xian, Lampert,
Schiele and Akata, TPAMI 2019, "Zero-Shot Learning: A Comprehensive Evaluation of the Good, the Bad and the Ugly").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.integer]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Generalised:
    """Per-class mean accuracies where all classes may be chosen, and their harmonic mean; all from 0 to 1."""

    seen_accuracy: float
    generalised_unseen_accuracy: float
    harmonic_mean: float


@dataclass(frozen=True)
class CalibrationCurve:
    """What is right of seen and of unseen classes when a constant is taken from the score of every seen class.

    constants: (C,) ascending, one within each stretch on which nothing changes; the first below all gaps, the last
    above them. seen, unseen: (C,) per-class mean accuracies, the one falling, the other rising. area: under the curve,
    AUSUC.
    """

    constants: npt.NDArray[np.float64]
    seen: npt.NDArray[np.float64]
    unseen: npt.NDArray[np.float64]
    area: float
    gaps: npt.NDArray[np.float64]  # (C − 1,) ascending: where the accuracies change

    def at(self, constant: float) -> Generalised:
        """The generalised protocol after calibration by `constant`."""
        place = int(np.searchsorted(self.gaps, constant, side="left"))
        seen, unseen = float(self.seen[place]), float(self.unseen[place])
        return Generalised(seen, unseen, harmonic_mean(seen, unseen))

    def best(self) -> tuple[float, Generalised]:
        """The constant with the highest harmonic mean, and what it gives.

        Of a curve on test classes this is an oracle; to choose a constant, take the curve of the tuning classes.
        """
        means = [harmonic_mean(float(a), float(b)) for a, b in zip(self.seen, self.unseen, strict=True)]
        constant = float(self.constants[int(np.argmax(means))])
        return constant, self.at(constant)

    def thinned(self, points: int = 200) -> npt.NDArray[np.float64]:
        """(n, 3) constants, unseen and seen accuracies for a drawing: at most `points`, evenly along the curve.

        One of them, where the constant is exactly 0, is what is measured without calibration.
        """
        steps = np.abs(np.diff(self.seen)) + np.abs(np.diff(self.unseen))
        along = np.concatenate([[0.0], np.cumsum(steps)])
        wanted = np.linspace(0, along[-1], max(2, points - 1))
        chosen = np.unique(
            np.concatenate([[0], np.searchsorted(along, wanted), [len(along) - 1]]).clip(0, len(along) - 1)
        )
        untouched = self.at(0.0)
        zero = np.array([0.0, untouched.generalised_unseen_accuracy, untouched.seen_accuracy])
        table = np.stack([self.constants, self.unseen, self.seen], axis=1)[chosen[: max(2, points - 1)]]
        return with_constant(table, zero)


def with_constant(table: Floats, row: Floats) -> npt.NDArray[np.float64]:
    """A curve (n, 3), its constants ascending, with another row (3,), instead of one that has its constant."""
    others = table[table[:, 0] != row[0]]
    return np.insert(np.asarray(others, dtype=np.float64), int(np.searchsorted(others[:, 0], row[0])), row, axis=0)


def harmonic_mean(one: float, other: float) -> float:
    """2ab / (a + b); 0 where both are 0, as a model that fails on one side fails."""
    return 2 * one * other / (one + other) if one + other > 0 else 0.0


def per_class_mean_accuracy(labels: Integers, predictions: Integers) -> float:
    """Mean over the classes among `labels` (N,) of the share predicted right. NaN without examples.

    Raises ValueError for lists of different lengths.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise ValueError(f"Labels {labels.shape} and predictions {predictions.shape} must be lists of one length.")
    return float((_weights(labels) * (labels == predictions)).sum()) if len(labels) else float("nan")


def predict(scores: Floats, candidates: Booleans) -> npt.NDArray[np.int64]:
    """(N,) the class with the highest of `scores` (N, K) among the `candidates` (K,) bool; ties go to the lower class.

    Raises ValueError for NaN or +∞ among the scores, or without candidates.
    """
    table, allowed = _scores(scores), np.asarray(candidates)
    if allowed.shape != (table.shape[1],) or allowed.dtype != np.bool_ or not allowed.any():
        raise ValueError(f"The candidates must say yes or no for each of {table.shape[1]} classes, and yes for one.")
    members = np.flatnonzero(allowed)
    return np.asarray(members[table[:, members].argmax(axis=1)])


def zero_shot_accuracy(scores: Floats, labels: Integers, seen: Booleans) -> float:
    """`unseen_accuracy`: examples of unseen classes, chosen among unseen classes alone, mean over classes.

    scores: (N, K); labels: (N,), all of unseen classes; seen: (K,) bool. Raises ValueError for a seen label.
    """
    seen = np.asarray(seen)
    if seen[np.asarray(labels)].any():
        raise ValueError("The zero-shot protocol reports on unseen classes; an example of a seen one was given.")
    return per_class_mean_accuracy(labels, predict(scores, ~seen))


def generalised_accuracy(scores: Floats, labels: Integers, seen: Booleans, constant: float = 0.0) -> Generalised:
    """All classes may be chosen. scores: (N, K) for examples of seen and unseen classes; labels: (N,); seen: (K,) bool.

    constant: taken from the scores of seen classes first (calibrated stacking, Chao et al., ECCV 2016).
    Raises ValueError for malformed scores or where one of the two sides has no example.
    """
    seen, labels = np.asarray(seen), np.asarray(labels)
    _require_both(labels, seen)
    chosen = predict(_scores(scores) - constant * seen, np.ones(len(seen), dtype=bool))
    sides = [per_class_mean_accuracy(labels[side], chosen[side]) for side in (seen[labels], ~seen[labels])]
    return Generalised(sides[0], sides[1], harmonic_mean(*sides))


def calibration_curve(scores: Floats, labels: Integers, seen: Booleans) -> CalibrationCurve:
    """The generalised protocol for every calibration constant at once, exactly, and the area under the curve.

    scores: (N, K) for examples of seen and unseen classes; labels: (N,); seen: (K,) bool. Per-class means of the seen
    classes against those of the unseen ones, from "all seen" to "all unseen"; the area (AUSUC) is by the trapezoid rule
    (Chao, Changpinyo, Gong and Sha, ECCV 2016, "An Empirical Study and Analysis of Generalized Zero-Shot Learning").
    Raises ValueError for malformed scores or where one of the two sides has no example.
    """
    table, seen, labels = _scores(scores), np.asarray(seen), np.asarray(labels)
    _require_both(labels, seen)
    best_seen, best_unseen = predict(table, seen), predict(table, ~seen)
    rows = np.arange(len(table))
    # With the constant below this gap the example is called seen, above it unseen.
    gap = table[rows, best_seen] - table[rows, best_unseen]
    is_seen = seen[labels]
    weights = np.zeros(len(labels))
    for side in (is_seen, ~is_seen):
        weights[side] = _weights(labels[side])
    changes, place = np.unique(gap, return_inverse=True)
    right_seen = np.bincount(place, weights * (is_seen & (best_seen == labels)), len(changes))
    right_unseen = np.bincount(place, weights * (~is_seen & (best_unseen == labels)), len(changes))
    seen_accuracy = np.append(np.cumsum(right_seen[::-1])[::-1], 0.0)
    unseen_accuracy = np.append(0.0, np.cumsum(right_unseen))
    finite = changes[np.isfinite(changes)]
    span = max(float(np.ptp(finite)), 1.0) if len(finite) else 1.0
    edges = np.clip(changes, finite.min() - span, finite.max() + span) if len(finite) else np.zeros_like(changes)
    constants = np.concatenate([[edges[0] - 0.05 * span], 0.5 * (edges[1:] + edges[:-1]), [edges[-1] + 0.05 * span]])
    area = float(np.trapezoid(seen_accuracy, unseen_accuracy))
    return CalibrationCurve(constants, seen_accuracy, unseen_accuracy, area, changes)


def _scores(scores: Floats) -> npt.NDArray[np.float64]:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError(f"Scores must be a table of examples by classes, not of shape {table.shape}.")
    if np.isnan(table).any() or (table == np.inf).any():
        raise ValueError("The scores contain NaN or infinite values.")
    return table


def _weights(labels: Integers) -> npt.NDArray[np.float64]:
    """(N,) so that each class among the labels weighs the same and all together weigh 1."""
    classes, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (len(classes) * counts[place]))


def _require_both(labels: Integers, seen: Booleans) -> None:
    if seen.all() or not seen.any():
        raise ValueError("Some classes must be seen and some unseen.")
    if not seen[labels].any() or seen[labels].all():
        raise ValueError("The generalised protocol needs examples of seen and of unseen classes.")
