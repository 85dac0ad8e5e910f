"""How well features, or the answers, of a trained network suit new labels, told without training: LogME and LEEP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer]

# Smallest variance of the noise, in units of a label of 0 or 1. Features that tell the labels exactly would otherwise
# have unbounded evidence, and a difference in the last digit would decide between two such networks.
NOISE_FLOOR = 1e-6

_STEPS_PER_DECADE = 4  # the evidence changes over a decade or more, so its maximum is not missed between two steps
_SUM_TOLERANCE = 1e-2  # rows of probabilities may come from 16-bit numbers


def logme(features: Floats, labels: Integers) -> float:
    """LogME: the logarithm of the maximum evidence of a Bayesian linear model of the labels, per example, in nats.

    features: (N, D). labels: (N,) integers; classes are those that occur. Larger is better. Only values for the same
    labels can be compared with each other.

    For each class, its indicator y (1 for members, 0 for others) is modelled as Fw + noise, with w from a normal
    distribution of precision α and noise of precision β. The evidence p(y | F, α, β) is maximised over α and β, and
    the mean over the classes of its logarithm divided by N is returned (You, Liu, Wang and Long, ICML 2021, "LogME:
    Practical Assessment of Pre-trained Models for Transfer Learning", equation 2 and algorithm 1). As there, features
    are neither centred nor given a bias.

    The maximum is the fixed point of the paper's iteration, α = γ / m·m and β = (N − γ) / ||Fm − y||², with m the mean
    of w given y and γ the effective number of features. It is searched along α/β alone, for which the best β is known:
    the iteration itself crawls where features tell little, and runs away where they tell nothing (α = ∞, w = 0). The
    noise's variance 1/β is at least `NOISE_FLOOR`.

    Unchanged when features are rotated, reflected, or all scaled by one number. Costs one singular value decomposition
    of the features.

    Raises ValueError for shapes that do not fit, non-finite features, labels that are no integers, or fewer than two
    classes.
    """
    table = np.asarray(features, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError(f"LogME needs a table of examples by features, not one of shape {table.shape}.")
    if not np.isfinite(table).all():
        raise ValueError("The features contain NaN or infinite values.")
    classes, sizes = _classes(labels, len(table), "LogME")
    largest = float(np.abs(table).max())
    # Scale does not matter, and squares of what is huge or tiny would not be numbers any more.
    left, singular, _ = np.linalg.svd(table / largest if largest > 0 else table, full_matrices=False)
    kept = singular > max(table.shape) * np.finfo(np.float64).eps * singular[0]
    along = _sums_by_class(left[:, kept], classes, len(sizes)) ** 2  # the square of Uᵀy, (K, rank)
    return float(np.mean(_Evidence((singular[kept] / singular[0]) ** 2, along, sizes, len(table)).maxima()))


@dataclass(frozen=True)
class _Evidence:
    """The evidence of K indicators as a function of t = α/β, with the β that is best for this t.

    spectrum: (rank,) squared singular values of the features, the largest 1. along: (K, rank) squares of the
    indicators' coordinates along the left singular vectors. sizes: (K,) members of each class. count: N.
    """

    spectrum: Doubles
    along: Doubles
    sizes: npt.NDArray[np.int64]
    count: int

    def at(self, ratios: Doubles) -> Doubles:
        """Logarithm of the evidence over N, (K, T), for ratios t (T,).

        β only scales the covariance (I + FFᵀ/t)/β of y, so with q = yᵀ(I + FFᵀ/t)⁻¹y the best β is N/q.
        """
        shrunk = self.spectrum[:, None] / ratios  # (rank, T)
        # Coordinates outside the features' span count in full. Rounding may leave a tiny negative number of them.
        outside = np.maximum(self.sizes - self.along.sum(axis=1), 0.0)
        quadratic = outside[:, None] + self.along @ (1.0 / (1.0 + shrunk))
        precision = self.count / np.maximum(quadratic, NOISE_FLOOR * self.count)
        per_example = np.log(precision) - precision * quadratic / self.count - np.log(2.0 * np.pi)
        result: Doubles = 0.5 * (per_example - np.log1p(shrunk).sum(axis=0) / self.count)
        return result

    def maxima(self) -> Doubles:
        """The largest value for each class, (K,)."""
        if not len(self.spectrum):
            return self.at(np.ones(1))[:, 0]  # features that are all 0: t does not matter
        # Below, the prior is no constraint even for the weakest direction and the least noise; above, w is 0.
        decades = np.log10(self.spectrum[-1]) - 12.0, 8.0
        grid = np.linspace(*decades, int(np.ceil((decades[1] - decades[0]) * _STEPS_PER_DECADE)) + 1)
        values = self.at(10.0**grid)
        best = values.max(axis=1)
        for row, place in enumerate(values.argmax(axis=1)):
            one = _Evidence(self.spectrum, self.along[row : row + 1], self.sizes[row : row + 1], self.count)
            found = minimize_scalar(
                lambda decade, one=one: -one.at(np.array([10.0**decade]))[0, 0],
                bounds=(grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]),
                method="bounded",
                options={"xatol": 1e-7},
            )
            best[row] = max(best[row], -found.fun)
        return best


def leep(source_probabilities: Floats, labels: Integers) -> float:
    """LEEP: how well the source network's own classes, as it sees the target's examples, tell the target's labels.

    source_probabilities: (N, Z), row i the source network's probabilities of its Z classes for target example i (after
    the softmax). labels: (N,) integers; classes are those that occur. Returns a number of nats, at most 0, where 0
    means that every source class goes with one target class. Larger is better. Only values for the same labels can be
    compared with each other.

    The mean over examples of log Σ_z p(yᵢ | z) θ(xᵢ)_z, with p(y | z) estimated on the same examples: the logarithm of
    what a classifier that draws a source class z and then a label y from p(y | z) expects of the truth (Nguyen,
    Hassner, Seeger and Archambeau, ICML 2020, "LEEP: A New Measure to Evaluate Transferability of Learned
    Representations", equations 1 and 2).

    Raises ValueError for shapes that do not fit, rows that are no probabilities, labels that are no integers, or fewer
    than two classes.
    """
    table = np.asarray(source_probabilities, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError(f"LEEP needs a table of examples by source classes, not one of shape {table.shape}.")
    classes, sizes = _classes(labels, len(table), "LEEP")
    sums = table.sum(axis=1, keepdims=True)
    if not (np.isfinite(table).all() and (table >= 0).all() and (np.abs(sums - 1.0) <= _SUM_TOLERANCE).all()):
        raise ValueError("The source network's answers must be probabilities: none negative, and 1 together in a row.")
    table = table / sums
    joint = _sums_by_class(table, classes, len(sizes))
    of_source = joint.sum(axis=0)
    # A source class that is never given any probability says nothing, and is not asked.
    conditional = np.divide(joint, of_source, out=np.zeros_like(joint), where=of_source > 0)
    expected = np.einsum("nz,nz->n", conditional[classes], table)
    return float(np.mean(np.log(expected)))


def _classes(labels: Integers, count: int, measure: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Class (N,) of each example, numbered from 0 among those that occur, and the number of examples (K,) of each."""
    array = np.asarray(labels)
    if array.shape != (count,):
        raise ValueError(f"{measure} needs one label for each of the {count} examples, not labels of {array.shape}.")
    if array.dtype.kind not in "iub":
        raise ValueError(f"{measure} needs labels that are whole numbers, one a class.")
    _, positions, sizes = np.unique(array, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise ValueError(f"{measure} needs examples of at least two classes.")
    return positions.astype(np.int64), sizes.astype(np.int64)


def _sums_by_class(table: Doubles, classes: npt.NDArray[np.int64], count: int) -> Doubles:
    """Sum (K, D) of the rows (N, D) of each class; every class has one row at least."""
    order = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[order], np.arange(count))
    result: Doubles = np.add.reduceat(table[order], starts, axis=0)
    return result
