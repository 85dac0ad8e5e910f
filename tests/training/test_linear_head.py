"""A last layer on frozen features, against scikit-learn's logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tlcore.errors import InvalidRequest
from tlcore.training.linear_head import train_head


def clusters(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.arange(150) % 3
    centres = np.random.default_rng(9).normal(size=(3, 8))
    return (3 + 5 * (centres[labels] + random.normal(size=(150, 8)))).astype(np.float32), labels


def test_the_same_minimum_as_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    features, labels = clusters()
    head = train_head(features, labels, 3, weight_decay=0.01)
    standardised = (features - features.mean(0)) / features.std(0)
    theirs = LogisticRegression(C=1 / (0.01 * len(labels)), tol=1e-8, max_iter=1000).fit(standardised, labels)
    ours = head(torch.from_numpy(features)).softmax(1).detach().numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(standardised), atol=2e-3)


def test_it_tells_apart_what_it_has_not_seen_and_repeats_itself():
    features, labels = clusters()
    others, answers = clusters(1)
    torch.manual_seed(0)
    head = train_head(features.astype(np.float16), labels, 3)
    torch.manual_seed(1)
    assert torch.equal(train_head(features.astype(np.float16), labels, 3).weight, head.weight)
    assert (head(torch.from_numpy(others)).argmax(1).numpy() == answers).mean() > 0.8


def test_a_constant_feature_is_harmless():
    features, labels = clusters()
    features[:, 2] = 4
    head = train_head(features, labels, 3)
    assert torch.isfinite(head.weight).all() and head.weight[:, 2].abs().max() < 1e-3


@pytest.mark.parametrize("features", [np.zeros((0, 3)), np.zeros(5), np.zeros((4, 3))])
def test_what_does_not_fit(features):
    with pytest.raises(InvalidRequest, match="do not fit together"):
        train_head(features, np.zeros(len(features) if features.shape == (0, 3) else 5, dtype=int), 2)


def test_features_that_are_not_finite():
    features, labels = clusters()
    features[0, 0] = np.nan
    with pytest.raises(InvalidRequest, match="not finite"):
        train_head(features, labels, 3)
