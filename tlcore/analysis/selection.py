"""Which of the recorded models to keep, when no target label may be looked at.

Every score is oriented so that higher is better, is a function of what an evaluation recorded, and never sees
target labels. How well such rules agree with the best model on the target is an open question; the lab shows
the oracle beside them, named as the oracle (Musgrave, Belongie and Lim, 2021, "Unsupervised Domain Adaptation:
A Reality Check").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, logsumexp

Floats = npt.NDArray[np.floating]


def _log_probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    array = np.asarray(logits, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] < 2:
        raise ValueError(f"Logits must be a table of points by at least two classes, not of shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError("The logits contain NaN or infinite values.")
    return np.asarray(log_softmax(array, axis=1))


def validation_accuracy(logits: Floats, labels: npt.NDArray[np.integer]) -> float:
    """Share of source validation points whose largest logit is their label. logits: (N, K), labels: (N,).

    The classical honest rule; blind to the target. Ties between logits count for the lower class, as in argmax.
    Raises ValueError for malformed logits or another number of labels.
    """
    probabilities = _log_probabilities(logits)
    if np.shape(labels) != (len(probabilities),):
        raise ValueError(f"{len(probabilities)} points need as many labels, not an array of {np.shape(labels)}.")
    return float((probabilities.argmax(axis=1) == labels).mean())


def mean_entropy(logits: Floats) -> float:
    """Mean entropy of the predictions for each point, in nats, between 0 and ln K. logits: (N, K).

    Lower means more certain; see `negative_entropy` for the score. Raises ValueError for malformed logits.
    """
    log_probabilities = _log_probabilities(logits)
    return float(-(np.exp(log_probabilities) * log_probabilities).sum(axis=1).mean())


def negative_entropy(logits: Floats) -> float:
    """Minus the mean entropy of the target predictions, in nats, in [−ln K, 0]. logits: (N, K).

    Rewards certainty only: a model that calls everything one class is perfect (Morerio et al., ICLR 2018).
    Raises ValueError for malformed logits.
    """
    return -mean_entropy(logits)


def information_maximisation(logits: Floats) -> float:
    """Entropy of the mean target prediction minus the mean entropy of each, in nats, in [0, ln K]. logits: (N, K).

    The mutual information between input and predicted class (Bridle, Heading and MacKay 1991; Shi and Sha,
    ICML 2012): high when each prediction is certain and all classes are used. Assumes the target's classes are
    about balanced. Raises ValueError for malformed logits.
    """
    log_probabilities = _log_probabilities(logits)
    log_mean = logsumexp(log_probabilities, axis=0) - np.log(len(log_probabilities))
    return float(-(np.exp(log_mean) * log_mean).sum()) - mean_entropy(logits)


def soft_neighbourhood_density(logits: Floats, temperature: float = 0.05) -> float:
    """Soft neighbourhood density of the target predictions, in nats, in [0, ln(N − 1)]. logits: (N, K), N ≥ 2.

    Softmax outputs are scaled to unit length; the similarities of each point to all others, divided by the
    temperature, become a distribution; its entropy is averaged over the points. High when every point has many
    close neighbours. (Saito et al., ICCV 2021, "Tune It the Right Way", equations 1 to 3, temperature 0.05.)

    Raises ValueError for malformed logits, a single point, or a temperature that is not positive.
    """
    probabilities = np.exp(_log_probabilities(logits))
    if len(probabilities) < 2:
        raise ValueError("A neighbourhood needs at least two points.")
    if temperature <= 0:
        raise ValueError("The temperature must be positive.")
    unit = probabilities / np.linalg.norm(probabilities, axis=1, keepdims=True)
    similarities = unit @ unit.T / temperature
    np.fill_diagonal(similarities, -np.inf)  # a point is no neighbour of its own
    log_shares = log_softmax(similarities, axis=1)
    shares = np.exp(log_shares)
    np.fill_diagonal(log_shares, 0.0)  # 0 · ln 0 counts as 0
    return float(-(shares * log_shares).sum(axis=1).mean())


def select(steps: Sequence[int], scores: Sequence[float]) -> int:
    """The step with the highest score; among equal scores the later step, which has trained longer.

    An evaluation whose score is NaN (the model had diverged) is passed over.
    Raises ValueError for lists of different lengths, or when no score is a number.
    """
    if len(steps) != len(scores):
        raise ValueError(f"{len(steps)} steps and {len(scores)} scores do not belong together.")
    candidates = [(score, step) for step, score in zip(steps, scores, strict=True) if not np.isnan(score)]
    if not candidates:
        raise ValueError("No evaluation has a score to select by.")
    return max(candidates)[1]
