"""A linear classifier on features, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.linear_probe import PENALTIES, fit_linear_probe


def clusters(count: int, width: int, classes: int, seed: int = 0, gap: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = np.random.default_rng(99).normal(size=(classes, width))
    return (gap * centres[labels] + random.normal(size=(count, width))).astype(np.float32), labels


@pytest.mark.parametrize(("count", "width", "classes"), [(60, 5, 2), (60, 5, 4), (30, 80, 3)])
def test_the_same_classifier_as_scikit_learns(count, width, classes):
    """Also where there are more features than examples, and for two classes, where one question is enough."""
    from sklearn.svm import LinearSVC

    features, labels = clusters(count, width, classes, gap=0.7)
    probe = fit_linear_probe(features, labels, classes, penalties=[0.01])
    standardised = (features.astype(np.float64) - features.mean(0)) / features.std(0)
    theirs = LinearSVC(C=0.01, intercept_scaling=1, tol=1e-9, max_iter=100_000).fit(standardised, labels)
    expected = theirs.decision_function(standardised)
    ours = probe.scores(features)
    if classes == 2:
        np.testing.assert_allclose(ours[:, 1], expected, atol=2e-3)
        np.testing.assert_allclose(ours[:, 0], -expected, atol=2e-3)
    else:
        np.testing.assert_allclose(ours, expected, atol=2e-3)


def test_it_separates_and_chooses_c_without_the_held_out_part():
    features, labels = clusters(200, 20, 5)
    others, answers = clusters(200, 20, 5, seed=1)
    probe = fit_linear_probe(features, labels, 5)
    assert probe.accuracy(others, answers) > 0.95
    assert set(probe.chosen_by) == set(PENALTIES)
    best = max(probe.chosen_by.values())
    assert probe.penalty == min(penalty for penalty, accuracy in probe.chosen_by.items() if accuracy == best)


def test_labels_without_features_are_guessed():
    features = np.random.default_rng(0).normal(size=(200, 10))
    labels = np.random.default_rng(1).integers(0, 2, 200)
    probe = fit_linear_probe(features, labels, 2)
    assert probe.accuracy(np.random.default_rng(2).normal(size=(500, 10)), labels[:1].repeat(500)) < 0.75
    assert max(probe.chosen_by.values()) < 0.7


def test_constant_features_and_half_precision():
    features, labels = clusters(50, 4, 2)
    widened = np.concatenate([features, np.full((50, 1), 7.0, np.float32)], axis=1).astype(np.float16)
    probe = fit_linear_probe(widened, labels, 2, penalties=[0.1])
    assert (probe.weights[4] == 0).all()
    moved = widened.copy()
    moved[:, 4] = 100
    np.testing.assert_array_equal(probe.scores(widened), probe.scores(moved))


def test_the_same_seed_gives_the_same_probe():
    features, labels = clusters(80, 6, 3, gap=0.5)
    one, other = (fit_linear_probe(features, labels, 3, seed=4) for _ in range(2))
    assert one.chosen_by == other.chosen_by
    np.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize(
    ("features", "labels", "said"),
    [
        (np.zeros((4, 2)), np.zeros(3, int), "do not fit together"),
        (np.zeros(4), np.zeros(4, int), "do not fit together"),
        (np.full((4, 2), np.nan), np.zeros(4, int), "NaN"),
    ],
)
def test_what_cannot_be_fitted(features, labels, said):
    with pytest.raises(ValueError, match=said):
        fit_linear_probe(features, labels, 2)
