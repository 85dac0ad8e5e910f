"""Which attributes decide between two classes, wherever the score of a class is linear in its description.

The score of class k is e·s_k (+ what is the same for all classes), with the evidence e (A,) read off the picture and
the description s_k (A,). Then e_a (s_ka − s_ja) is what attribute a adds to the lead of k over j, and these add up to
the whole lead. It holds exactly for ESZSL (e = Vᵀx), for a joint embedding with a linear g (e = Wᵀf(x)) and for
attribute prediction (e = the log-odds of the attributes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class ConfusedPair:
    """Examples of class `label` that were called `prediction`.

    share: of the examples of the class. contributions: (A,) what each attribute added, on average, to the lead of the
    wrong class; attributes: their positions, the one to blame most first.
    """

    label: int
    prediction: int
    count: int
    share: float
    contributions: npt.NDArray[np.float64]
    attributes: tuple[int, ...]


def contributions(evidence: Floats, winner: Floats, other: Floats) -> npt.NDArray[np.float64]:
    """What each attribute adds to the lead of one class over another; they sum to the lead.

    evidence: (A,) or (N, A); winner, other: (A,) descriptions. Returns the shape of the evidence.
    Raises ValueError where the numbers of attributes differ.
    """
    evidence, winner, other = (np.asarray(array, dtype=np.float64) for array in (evidence, winner, other))
    if winner.ndim != 1 or winner.shape != other.shape or evidence.shape[-1:] != winner.shape:
        raise ValueError(
            f"Evidence {evidence.shape} and descriptions {winner.shape}, {other.shape} are of different attributes."
        )
    return np.asarray(evidence * (winner - other))


def confused_pairs(
    evidence: Floats,
    labels: npt.NDArray[np.integer],
    predictions: npt.NDArray[np.integer],
    class_vectors: Floats,
    most: int = 10,
) -> list[ConfusedPair]:
    """The pairs of classes that are confused most, by the share of the class that is lost, and through what.

    evidence: (N, A); labels, predictions: (N,) classes; class_vectors: (K, A). At most `most` pairs, the worst first.
    Raises ValueError for arrays that do not fit together.
    """
    evidence, vectors = np.asarray(evidence, dtype=np.float64), np.asarray(class_vectors, dtype=np.float64)
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.shape != evidence.shape[:1]:
        raise ValueError("There must be one label and one prediction for each example.")
    sizes = np.bincount(labels, minlength=len(vectors))
    wrong = labels != predictions
    pairs, counts = np.unique(np.stack([labels[wrong], predictions[wrong]], axis=1), axis=0, return_counts=True)
    shares = counts / sizes[pairs[:, 0]] if len(pairs) else counts
    found = []
    for number in np.lexsort((-counts, -shares))[:most].tolist():
        label, prediction = (int(value) for value in pairs[number])
        rows = (labels == label) & (predictions == prediction)
        mean = contributions(evidence[rows].mean(axis=0), vectors[prediction], vectors[label])
        order = tuple(int(value) for value in np.argsort(-mean, kind="stable"))
        found.append(ConfusedPair(label, prediction, int(counts[number]), float(shares[number]), mean, order))
    return found
