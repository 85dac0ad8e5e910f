"""ESZSL: a bilinear map from features to descriptions in closed form.

Romera-Paredes and Torr, ICML 2015, "An embarrassingly simple approach to zero-shot learning", equation 5:
V = (XᵀX + γI)⁻¹ Xᵀ Y S (SᵀS + λI)⁻¹ with examples as rows here; class k scores xᵀ V s_k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

Floats = npt.NDArray[np.floating]

BLOCK = 4096


@dataclass(frozen=True)
class EszslSums:
    """All that the closed form needs of the examples, so that many γ and λ are tried after one pass over them.

    gram: (D, D) XᵀX; cross: (D, A) Xᵀ Y S; description_gram: (A, A) SᵀS; all float64.
    """

    gram: npt.NDArray[np.float64]
    cross: npt.NDArray[np.float64]
    description_gram: npt.NDArray[np.float64]

    def solve(self, gamma: float, lam: float) -> npt.NDArray[np.float64]:
        """V (D, A). gamma: strength of γ‖V s‖², in squared feature units; lam: of λ‖Vᵀx‖². Both above 0.

        Raises ValueError for a strength that is not positive.
        """
        if not gamma > 0 or not lam > 0:
            raise ValueError("γ and λ must be above 0.")
        left = _solved(self.gram, gamma, self.cross)
        return np.asarray(_solved(self.description_gram, lam, left.T).T)


def eszsl_sums(
    features: Floats, labels: npt.NDArray[np.integer], class_vectors: Floats, absent: float = -1.0
) -> EszslSums:
    """One pass over the examples. features: (N, D); labels: (N,) rows of class_vectors (S, A), the seen classes alone.

    absent: what Y holds for the classes an example is not of, −1 in the paper, 0 in some reproductions. Products of
    float32 features are made in blocks of float32 and summed in float64; float64 features stay float64.
    Raises ValueError for malformed arrays or a label that is no row.
    """
    features, labels = np.asarray(features), np.asarray(labels)
    vectors = np.asarray(class_vectors, dtype=np.float64)
    if features.ndim != 2 or labels.shape != (len(features),) or vectors.ndim != 2 or not len(labels):
        raise ValueError(
            f"Features {features.shape}, labels {labels.shape} and descriptions {vectors.shape} do not fit together."
        )
    if labels.min() < 0 or labels.max() >= len(vectors):
        raise ValueError(f"A label lies outside of the {len(vectors)} seen classes.")
    if features.dtype != np.float64:
        features = features.astype(np.float32, copy=False)
    if not np.isfinite(vectors).all():
        raise ValueError("A description is not finite.")
    width, classes = features.shape[1], len(vectors)
    gram = np.zeros((width, width))
    of_class = np.zeros((classes, width))
    for start in range(0, len(features), BLOCK):
        block = features[start : start + BLOCK]
        gram += block.T @ block
        one_hot = (labels[start : start + BLOCK, None] == np.arange(classes)).astype(block.dtype)
        of_class += one_hot.T @ block
    if not np.isfinite(of_class).all() or not np.isfinite(gram.diagonal()).all():
        raise ValueError("The features contain NaN or infinite values.")
    cross = (1 - absent) * (of_class.T @ vectors) + absent * np.outer(of_class.sum(axis=0), vectors.sum(axis=0))
    return EszslSums(gram, cross, vectors.T @ vectors)


def eszsl(
    features: Floats,
    labels: npt.NDArray[np.integer],
    class_vectors: Floats,
    gamma: float,
    lam: float,
    absent: float = -1.0,
) -> npt.NDArray[np.float64]:
    """V (D, A) for one γ and λ; see `eszsl_sums` and `EszslSums.solve`."""
    return eszsl_sums(features, labels, class_vectors, absent).solve(gamma, lam)


def bilinear_scores(features: Floats, matrix: Floats, class_vectors: Floats) -> npt.NDArray[np.float64]:
    """(N, K) xᵀ V s. features: (N, D); matrix: (D, A); class_vectors: (K, A)."""
    features = np.asarray(features)
    directions = np.asarray(matrix) @ np.asarray(class_vectors).T
    # In the precision of the features, whose table is too large to be copied.
    kind = features.dtype if features.dtype.kind == "f" else np.float64
    return np.asarray(features @ directions.astype(kind), dtype=np.float64)


def _solved(symmetric: Floats, strength: float, right: Floats) -> npt.NDArray[np.float64]:
    regular = np.array(symmetric)
    regular[np.diag_indices_from(regular)] += strength
    return np.asarray(cho_solve(cho_factor(regular, lower=True, overwrite_a=True, check_finite=False), right))
