"""What a joint embedding of pictures and descriptions is trained by.

f(x) (E,) is the embedding of a picture, g(s) (E,) of a description, and f(x)·g(s) the score of a class.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional


def naive_loss(pictures: torch.Tensor, descriptions: torch.Tensor) -> torch.Tensor:
    """Mean of ‖f(xⁿ) − g(yⁿ)‖²: pulls every pair together and nothing apart.

    pictures, descriptions: (N, E), row n of both from one pair. Its minimum, 0, is reached where both maps send
    everything to one point: it collapses.
    """
    return (pictures - descriptions).square().sum(dim=1).mean()


def margin_loss(scores: torch.Tensor, labels: torch.Tensor, margin: float | torch.Tensor = 1.0) -> torch.Tensor:
    """Mean of max(0, k − f(xⁿ)·g(yⁿ) + max_{m≠yⁿ} f(xⁿ)·g(m)), against the strongest of all other classes.

    scores: (N, K) of each picture with each seen class, K at least 2; labels: (N,) columns; margin: k. With k = 1 this
    is also the structured loss of SJE (Akata et al., CVPR 2015).
    """
    right, others = _right_and_others(scores, labels)
    return functional.relu(margin - right + others.amax(dim=1)).mean()


def pair_margin_loss(
    pictures: torch.Tensor, descriptions: torch.Tensor, labels: torch.Tensor, margin: float | torch.Tensor = 1.0
) -> torch.Tensor:
    """The same against the other pairs of the batch: max_{m≠n} f(xⁿ)·g(yᵐ), as the lecture writes it.

    pictures, descriptions: (N, E), row n of both from one pair; labels: (N,). Pairs of the picture's own class are left
    out: their description is its own. A picture without a pair of another class in the batch adds 0.
    """
    scores = pictures @ descriptions.T
    other = labels[:, None] != labels[None, :]
    lowest = torch.finfo(scores.dtype).min
    strongest = scores.masked_fill(~other, lowest).amax(dim=1)
    losses = functional.relu(margin - scores.diagonal() + strongest)
    return torch.where(other.any(dim=1), losses, torch.zeros_like(losses)).mean()


def devise_loss(scores: torch.Tensor, labels: torch.Tensor, margin: float | torch.Tensor = 0.1) -> torch.Tensor:
    """Mean over pictures of Σ_{j≠y} max(0, margin − s_y + s_j): every class that comes too near counts.

    scores: (N, K); labels: (N,). Frome et al., NIPS 2013, "DeViSE", equation 1, margin 0.1.
    """
    right, others = _right_and_others(scores, labels)
    return functional.relu(margin - right[:, None] + others).sum(dim=1).mean()


def ale_loss(scores: torch.Tensor, labels: torch.Tensor, margin: float | torch.Tensor = 1.0) -> torch.Tensor:
    """Mean over pictures of β_r / r · Σ_{j≠y} max(0, margin − s_y + s_j), with r the number of classes too near.

    β_r = 1 + 1/2 + … + 1/r: the top of the ranking counts most. scores: (N, K); labels: (N,). Akata, Perronnin,
    Harchaoui and Schmid, TPAMI 2016, "Label-Embedding for Image Classification", equation 13, with all classes
    instead of a sampled one; the weights are Usunier's, as in WSABIE. They are constants to the gradient.
    """
    right, others = _right_and_others(scores, labels)
    losses = functional.relu(margin - right[:, None] + others)
    rank = (losses > 0).sum(dim=1)
    harmonic = (1.0 / torch.arange(1, scores.shape[1], device=scores.device, dtype=scores.dtype)).cumsum(dim=0)
    weight = torch.where(rank > 0, harmonic[(rank - 1).clamp(min=0)] / rank.clamp(min=1), torch.zeros_like(right))
    return (weight.detach() * losses.sum(dim=1)).mean()


def _right_and_others(scores: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (N,) of the right class, and (N, K) of the others with the right one out of the way."""
    own = labels[:, None]
    right = scores.gather(1, own).squeeze(1)
    return right, scores.scatter(1, own, torch.finfo(scores.dtype).min)
