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

    count: how many; share: of the examples of the class. contributions: (A,) what each attribute added, on average, to
    the lead of the wrong class; attributes: their positions, the one to blame most first. Both are of those examples of
    which the evidence is known: zeros and no attributes where there are none.
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
    counts: npt.NDArray[np.integer],
    evidence: Floats,
    labels: npt.NDArray[np.integer],
    predictions: npt.NDArray[np.integer],
    class_vectors: Floats,
    most: int = 10,
) -> list[ConfusedPair]:
    """The pairs of classes that are confused most, by the share of the class that is lost, and through what.

    counts: (K, K) true against predicted classes, of all that was tested. evidence: (N, A); labels, predictions: (N,)
    classes of those examples of which the evidence is known, often few of all. class_vectors: (K, A). At most `most`
    pairs, the worst first; a pair of which no example is known has no attributes.
    Raises ValueError for arrays that do not fit together.
    """
    evidence, vectors = np.asarray(evidence, dtype=np.float64), np.asarray(class_vectors, dtype=np.float64)
    labels, predictions, counts = np.asarray(labels), np.asarray(predictions), np.asarray(counts)
    if labels.shape != predictions.shape or labels.shape != evidence.shape[:1]:
        raise ValueError("There must be one label and one prediction for each example.")
    if counts.shape != (len(vectors), len(vectors)):
        raise ValueError(f"Counts {counts.shape} are not of the {len(vectors)} classes that are described.")
    sizes = counts.sum(axis=1)
    wrong = np.argwhere((counts > 0) & ~np.eye(len(counts), dtype=bool))
    lost = counts[wrong[:, 0], wrong[:, 1]]
    found = []
    for number in np.lexsort((-lost, -lost / sizes[wrong[:, 0]]))[:most].tolist():
        label, prediction, count = int(wrong[number, 0]), int(wrong[number, 1]), int(lost[number])
        rows = (labels == label) & (predictions == prediction)
        mean = np.zeros(vectors.shape[1])
        order: tuple[int, ...] = ()
        if rows.any():
            mean = contributions(evidence[rows].mean(axis=0), vectors[prediction], vectors[label])
            order = tuple(int(value) for value in np.argsort(-mean, kind="stable"))
        found.append(ConfusedPair(label, prediction, count, count / int(sizes[label]), mean, order))
    return found
