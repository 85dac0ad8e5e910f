"""From what was predicted of a picture, attributes or seen classes, to a score for every class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

LEAST_PROBABILITY = 1e-6
LEAST_PRIOR = 0.02


def attribute_priors(class_vectors: Floats, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(A,) how common each attribute is among the seen classes. class_vectors: (K, A) in [0, 1]; seen: (K,) bool.

    Kept away from 0 and 1: of what all or no seen class has, nothing is known.
    """
    return np.asarray(np.clip(_unit(class_vectors)[seen].mean(axis=0), LEAST_PRIOR, 1 - LEAST_PRIOR))


def direct_attribute_scores(
    probabilities: Floats, class_vectors: Floats, priors: Floats | None
) -> npt.NDArray[np.float64]:
    """(N, K) log Π p(a_m = s_km | x) / p(a_m = s_km): direct attribute prediction with a look-up in the table.

    probabilities: (N, A), of each attribute for each example; class_vectors: (K, A) in [0, 1]; priors: (A,) of the
    attributes, or None for no correction. Lampert, Nickisch and Harmeling, TPAMI 2014, equation 5. A fraction s counts
    as so much of "yes" and the rest of "no".
    Raises ValueError for other shapes or values outside of 0 to 1.
    """
    table, vectors = _unit(probabilities), _unit(class_vectors)
    if table.shape[1] != vectors.shape[1]:
        raise ValueError(f"{table.shape[1]} attributes were predicted, {vectors.shape[1]} describe a class.")
    table = np.clip(table, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    scores = np.log(table) @ vectors.T + np.log1p(-table) @ (1 - vectors).T
    if priors is not None:
        prior = _unit(np.asarray(priors)[None])
        if prior.shape[1] != vectors.shape[1] or prior.min() <= 0 or prior.max() >= 1:
            raise ValueError("There must be a prior between 0 and 1 for each attribute.")
        scores = scores - (np.log(prior) @ vectors.T + np.log1p(-prior) @ (1 - vectors).T)
    return np.asarray(scores)


def attribute_evidence(probabilities: Floats, priors: Floats | None = None) -> npt.NDArray[np.float64]:
    """(N, A) log-odds of each attribute against its prior: by these the scores above are linear in a description."""
    table = np.clip(_unit(probabilities), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    odds = np.log(table) - np.log1p(-table)
    if priors is not None:
        odds = odds - (np.log(priors) - np.log1p(-np.asarray(priors)))
    return np.asarray(odds)


def nearest_description_scores(predicted: Floats, class_vectors: Floats) -> npt.NDArray[np.float64]:
    """(N, K) minus the squared distance of predicted attributes (N, A) to each description (K, A)."""
    predicted, vectors = np.asarray(predicted, dtype=np.float64), np.asarray(class_vectors, dtype=np.float64)
    squares = (predicted**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * predicted @ vectors.T
    return np.asarray(-np.maximum(squares, 0.0))


def conse_embeddings(probabilities: Floats, seen_vectors: Floats, most: int = 10) -> npt.NDArray[np.float64]:
    """(N, A) the mean of the descriptions of the `most` likeliest seen classes, weighted by their probabilities.

    probabilities: (N, S) of a plain classifier over the seen classes; seen_vectors: (S, A). Norouzi et al., ICLR 2014,
    "Zero-Shot Learning by Convex Combination of Semantic Embeddings", equation 1, where `most` is T = 10.
    Raises ValueError for other shapes or a number of classes below 1; more than S are S.
    """
    table, vectors = _unit(probabilities), np.asarray(seen_vectors, dtype=np.float64)
    if vectors.ndim != 2 or table.shape[1] != len(vectors) or most < 1:
        raise ValueError(f"Probabilities {table.shape} of {len(vectors)} seen classes, {most} of them to combine.")
    kept = min(most, len(vectors))
    order = np.argsort(-table, axis=1, kind="stable")[:, :kept]
    weights = np.take_along_axis(table, order, axis=1)
    weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray((weights[:, :, None] * vectors[order]).sum(axis=1))


def cosine_scores(embeddings: Floats, class_vectors: Floats) -> npt.NDArray[np.float64]:
    """(N, K) cosines of embeddings (N, A) and descriptions (K, A), by which ConSE chooses; 0 for a vector of zeros."""
    return np.asarray(_directions(embeddings) @ _directions(class_vectors).T)


def _directions(table: Floats) -> npt.NDArray[np.float64]:
    array = np.asarray(table, dtype=np.float64)
    return np.asarray(array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12))


def _unit(table: Floats) -> npt.NDArray[np.float64]:
    array = np.asarray(table, dtype=np.float64)
    if array.ndim != 2 or not ((array >= 0) & (array <= 1 + 1e-6)).all():
        raise ValueError(f"A table of numbers from 0 to 1 is needed, not one of shape {array.shape} with others.")
    return array
