"""What stands on the features in zero-shot learning: heads that score a class by its description.

Every head says where a picture lies among the descriptions (`embed`), where a description lies (`describe`), and scores
each class by their product. As all scores are linear in a description, or in its direction, a head also reads off a
picture the `evidence` for each attribute: with it anybody can score a description that was not there before.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from tlcore.analysis.attribute_scores import LEAST_PROBABILITY

LOWEST = -1e30


class ZeroShotHead(nn.Module):
    """Features (N, D) to scores (N, K) of all classes, seen and unseen.

    vectors: (K, A) the descriptions. centre: (A,) what is taken from each of them first. feature_mean (D,) and
    feature_scale (): what features that do not learn are standardised by.
    evidence_of_probe: (M, A), written down when training ends.
    """

    vectors: torch.Tensor
    centre: torch.Tensor
    feature_mean: torch.Tensor
    feature_scale: torch.Tensor
    evidence_of_probe: torch.Tensor

    def __init__(
        self, vectors: torch.Tensor, centre: torch.Tensor | None, feature_width: int, probe_points: int = 0
    ) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors.clone())
        self.register_buffer("centre", torch.zeros_like(vectors[0]) if centre is None else centre.clone())
        self.register_buffer("feature_mean", torch.zeros(feature_width))
        self.register_buffer("feature_scale", torch.ones(()))
        self.register_buffer("evidence_of_probe", torch.zeros(probe_points, vectors.shape[1]))

    def standardise(self, features: torch.Tensor) -> None:
        """Take the mean of features (N, D) from each from now on, and divide by the root mean square of the rest."""
        self.feature_mean.copy_(features.mean(0))
        self.feature_scale.copy_((features - self.feature_mean).square().mean().sqrt().clamp(min=1e-12))

    def standard(self, features: torch.Tensor) -> torch.Tensor:
        """Features (N, D) as the head's own layers read them."""
        return (features - self.feature_mean) / self.feature_scale

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        """(N, E) where pictures lie among the descriptions."""
        raise NotImplementedError

    def describe(self, vectors: torch.Tensor) -> torch.Tensor:
        """(K, E) where descriptions (K, A) lie."""
        return vectors - self.centre

    def evidence(self, features: torch.Tensor) -> torch.Tensor:
        """(N, A) e so that the score of a description s is e·(s − centre)."""
        return self.embed(features)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.embed(features) @ self.describe(self.vectors).T

    def place(self, features: torch.Tensor) -> torch.Tensor:
        """(N, E) where pictures are shown."""
        return self.embed(features)

    def place_descriptions(self) -> torch.Tensor:
        """(K, E) where the descriptions are shown."""
        return self.describe(self.vectors)


class JointHead(ZeroShotHead):
    """f(x) and g(s), both linear: a joint space of pictures and descriptions."""

    def __init__(
        self, vectors: torch.Tensor, centre: torch.Tensor, feature_width: int, width: int, probe_points: int = 0
    ) -> None:
        super().__init__(vectors, centre, feature_width, probe_points)
        self.picture_map = nn.Linear(feature_width, width)
        self.description_map = nn.Linear(vectors.shape[1], width, bias=False)

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        return self.picture_map(self.standard(features))

    def describe(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.description_map(vectors - self.centre)

    def evidence(self, features: torch.Tensor) -> torch.Tensor:
        return self.embed(features) @ self.description_map.weight

    def place(self, features: torch.Tensor) -> torch.Tensor:
        """All pictures brought to the descriptions' size by one factor: which direction they lie in is what counts, and
        the longer their embeddings, the smaller the heap of descriptions would look in their middle."""
        placed = self.embed(features)
        size = self.describe(self.vectors).square().sum(1).mean().sqrt()
        return placed * size / placed.square().sum(1).mean().sqrt().clamp(min=1e-12)


class BilinearHead(ZeroShotHead):
    """xᵀ V s: pictures are brought into the space of the descriptions themselves."""

    def __init__(
        self, vectors: torch.Tensor, centre: torch.Tensor | None, feature_width: int, probe_points: int = 0,
        *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(vectors, centre, feature_width, probe_points)
        self.picture_map = nn.Linear(feature_width, vectors.shape[1], bias=bias)

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        return self.picture_map(self.standard(features))

    def place(self, features: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.embed(features), dim=1)

    def place_descriptions(self) -> torch.Tensor:
        return functional.normalize(self.describe(self.vectors), dim=1)


class AttributeHead(ZeroShotHead):
    """Each attribute's log-odds, against the prior's; vectors: (K, A) in [0, 1].

    e·s is the score of Lampert et al. (`direct_attribute_scores`) less what is the same for all classes.
    """

    prior_odds: torch.Tensor

    def __init__(
        self, vectors: torch.Tensor, feature_width: int, priors: torch.Tensor | None, probe_points: int = 0
    ) -> None:
        super().__init__(vectors, None, feature_width, probe_points)
        self.picture_map = nn.Linear(feature_width, vectors.shape[1])
        odds = torch.zeros_like(vectors[0]) if priors is None else torch.logit(priors.to(vectors))
        self.register_buffer("prior_odds", odds)

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        probabilities = self.probabilities(features).clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        return torch.logit(probabilities) - self.prior_odds

    def probabilities(self, features: torch.Tensor) -> torch.Tensor:
        """(N, A) of each attribute."""
        return self.logits(features).double().sigmoid().to(features.dtype)

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(N, A) log-odds of each attribute."""
        return self.picture_map(self.standard(features))

    def place(self, features: torch.Tensor) -> torch.Tensor:
        return self.probabilities(features)


class ConseHead(ZeroShotHead):
    """The mean of the descriptions of the likeliest seen classes, compared with every description by its direction.

    classifier: features to logits (N, S) of the seen classes; seen: (S,) int64, which classes these are.
    """

    seen: torch.Tensor

    def __init__(
        self, vectors: torch.Tensor, seen: torch.Tensor, classifier: nn.Linear, most: int, probe_points: int = 0
    ) -> None:
        super().__init__(vectors, None, classifier.in_features, probe_points)
        self.register_buffer("seen", seen.clone())
        self.classifier = classifier
        self.most = min(most, len(seen))

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        weights, order = self.classifier(features).double().softmax(1).topk(self.most, dim=1)
        weights = weights / weights.sum(1, keepdim=True)
        combined = (weights[:, :, None] * self.vectors[self.seen][order]).sum(1)
        return functional.normalize(combined, dim=1).to(features.dtype)

    def describe(self, vectors: torch.Tensor) -> torch.Tensor:
        return functional.normalize(vectors, dim=1)


class SeenClassHead(nn.Module):
    """An ordinary dense layer over the seen classes; the others, of which it knows nothing, score lowest."""

    seen: torch.Tensor

    def __init__(self, feature_width: int, seen: torch.Tensor) -> None:
        super().__init__()
        self.classes = len(seen)
        self.output = nn.Linear(feature_width, int(seen.sum()))
        self.register_buffer("seen", torch.nonzero(seen).flatten())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits = self.output(features)
        lowest = logits.new_full((len(logits), self.classes), LOWEST)
        return lowest.index_copy(1, self.seen, logits)
