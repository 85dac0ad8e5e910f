"""ESZSL against a direct solution and its own objective; attribute prediction and ConSE by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis import eszsl as module
from tlcore.analysis.attribute_scores import (
    attribute_evidence,
    attribute_priors,
    conse_embeddings,
    cosine_scores,
    direct_attribute_scores,
    nearest_description_scores,
)
from tlcore.analysis.eszsl import bilinear_scores, eszsl, eszsl_sums

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(90, 8)) + 0.5
LABELS = np.concatenate([np.arange(6), RANDOM.integers(0, 6, 84)])
S = RANDOM.random((6, 4))


def targets(absent: float) -> np.ndarray:
    return np.where(LABELS[:, None] == np.arange(6), 1.0, absent)


class TestEszsl:
    @pytest.mark.parametrize("absent", [-1.0, 0.0])
    @pytest.mark.parametrize(("gamma", "lam"), [(0.5, 2.0), (1e3, 1e-3)])
    def test_it_equals_the_formula_written_out(self, gamma: float, lam: float, absent: float) -> None:
        left = np.linalg.inv(X.T @ X + gamma * np.eye(8))
        right = np.linalg.inv(S.T @ S + lam * np.eye(4))
        written = left @ X.T @ targets(absent) @ S @ right
        assert np.allclose(eszsl(X, LABELS, S, gamma, lam, absent), written, rtol=1e-9, atol=1e-12)

    def test_it_is_the_minimum_of_its_objective(self) -> None:
        gamma, lam = 0.7, 0.3
        matrix = eszsl(X, LABELS, S, gamma, lam)

        def objective(v: np.ndarray) -> float:  # equation 3 of the paper, with β = γλ
            fit = ((X @ v @ S.T - targets(-1.0)) ** 2).sum()
            return float(fit + gamma * ((v @ S.T) ** 2).sum() + lam * ((X @ v) ** 2).sum() + gamma * lam * (v**2).sum())

        for _ in range(20):
            step = 1e-4 * RANDOM.normal(size=matrix.shape)
            assert objective(matrix) < objective(matrix + step)
            assert objective(matrix + step) - objective(matrix - step) == pytest.approx(0, abs=1e-7)

    def test_blocks_and_single_precision_change_nothing_that_matters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = eszsl(X, LABELS, S, 0.5, 0.5)
        monkeypatch.setattr(module, "BLOCK", 7)
        assert np.allclose(eszsl(X, LABELS, S, 0.5, 0.5), whole, rtol=1e-10)
        assert np.allclose(eszsl(X.astype(np.float32), LABELS, S, 0.5, 0.5), whole, rtol=1e-3, atol=1e-5)

    def test_many_strengths_after_one_pass(self) -> None:
        sums = eszsl_sums(X, LABELS, S)
        before = sums.gram.copy()
        for gamma, lam in ((1.0, 1.0), (10.0, 0.1)):
            assert np.array_equal(sums.solve(gamma, lam), eszsl(X, LABELS, S, gamma, lam))
        assert np.array_equal(sums.gram, before)

    def test_it_recognises_classes_it_was_never_shown(self) -> None:
        random = np.random.default_rng(0)
        vectors = (random.random((30, 12)) < 0.5).astype(float)
        mixing = random.normal(size=(12, 40))
        labels = random.integers(0, 30, 1500)
        features = vectors[labels] @ mixing + 0.3 * random.normal(size=(1500, 40))
        seen = np.arange(30) < 22
        known = seen[labels]
        matrix = eszsl(features[known], labels[known], vectors[seen], 1.0, 1.0)
        scores = bilinear_scores(features[~known], matrix, vectors[~seen])
        assert (scores.argmax(axis=1) + 22 == labels[~known]).mean() > 0.8  # by chance 1/8

    def test_refused(self) -> None:
        with pytest.raises(ValueError, match="above 0"):
            eszsl(X, LABELS, S, 0.0, 1.0)
        with pytest.raises(ValueError, match="outside of the 5 seen classes"):
            eszsl(X, LABELS, S[:5], 1.0, 1.0)
        with pytest.raises(ValueError, match="do not fit"):
            eszsl(X, LABELS[:-1], S, 1.0, 1.0)
        with pytest.raises(ValueError, match="NaN"):
            eszsl(np.where(X > 2, np.nan, X), LABELS, S, 1.0, 1.0)


class TestAttributePrediction:
    VECTORS = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.5]])
    PREDICTED = np.array([[0.9, 0.2, 0.7], [0.5, 0.5, 0.5]])

    def test_the_product_by_hand(self) -> None:
        priors = np.array([0.6, 0.5, 0.25])
        scores = direct_attribute_scores(self.PREDICTED, self.VECTORS, priors)
        by_hand = (0.9 / 0.6) * (0.8 / 0.5) * (0.7 / 0.25), (0.9 / 0.6) * (0.2 / 0.5) * (0.3 / 0.75)
        assert np.exp(scores[0, :2]) == pytest.approx(by_hand)
        half = (0.1 / 0.4) * (0.8 / 0.5) * np.sqrt((0.7 / 0.25) * (0.3 / 0.75))
        assert np.exp(scores[0, 2]) == pytest.approx(half)
        assert np.exp(direct_attribute_scores(self.PREDICTED, self.VECTORS, None)[0, 0]) == pytest.approx(
            0.9 * 0.8 * 0.7
        )

    def test_priors_are_of_seen_classes_alone_and_never_certain(self) -> None:
        vectors = np.array([[1.0, 0.0, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
        priors = attribute_priors(vectors, np.array([True, True, False]))
        assert priors == pytest.approx([0.98, 0.02, 0.25])

    def test_the_score_is_linear_in_the_description_with_its_evidence(self) -> None:
        priors = np.array([0.6, 0.5, 0.25])
        scores = direct_attribute_scores(self.PREDICTED, self.VECTORS, priors)
        linear = attribute_evidence(self.PREDICTED, priors) @ self.VECTORS.T
        assert scores - scores[:, :1] == pytest.approx(linear - linear[:, :1])

    def test_certainty_stays_finite(self) -> None:
        scores = direct_attribute_scores(np.array([[1.0, 0.0, 1.0]]), self.VECTORS, None)
        assert np.isfinite(scores).all() and scores.argmax() == 0

    def test_nearest_description(self) -> None:
        scores = nearest_description_scores(self.PREDICTED, self.VECTORS)
        for n in range(2):
            for k in range(3):
                assert scores[n, k] == pytest.approx(-((self.PREDICTED[n] - self.VECTORS[k]) ** 2).sum())

    def test_refused(self) -> None:
        with pytest.raises(ValueError, match="from 0 to 1"):
            direct_attribute_scores(np.array([[2.0, 0, 0]]), self.VECTORS, None)
        with pytest.raises(ValueError, match="2 attributes were predicted, 3"):
            direct_attribute_scores(np.array([[1.0, 0]]), self.VECTORS, None)
        with pytest.raises(ValueError, match="a prior between 0 and 1"):
            direct_attribute_scores(self.PREDICTED, self.VECTORS, np.array([0.5, 0.5, 1.0]))


class TestConse:
    def test_by_hand(self) -> None:
        seen = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
        two = conse_embeddings(probabilities, seen, most=2)
        assert two[0] == pytest.approx([0.5 / 0.8, 0.3 / 0.8])
        assert two[1] == pytest.approx([(0.8 + 0.1) / 0.9, 0.8 / 0.9])
        assert conse_embeddings(probabilities, seen, most=99)[0] == pytest.approx([0.7, 0.5])
        assert conse_embeddings(probabilities, seen, most=1) == pytest.approx(seen[[0, 2]])

    def test_it_chooses_by_the_angle(self) -> None:
        scores = cosine_scores(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([[5.0, 0.0], [1.0, 1.0]]))
        assert scores[0] == pytest.approx([1.0, np.sqrt(0.5)]) and scores[1].tolist() == [0, 0]

    def test_refused(self) -> None:
        with pytest.raises(ValueError, match="of 3 seen classes"):
            conse_embeddings(np.array([[0.5, 0.5]]), np.zeros((3, 2)))
        with pytest.raises(ValueError, match="0 of them"):
            conse_embeddings(np.array([[0.5, 0.5]]), np.zeros((2, 2)), most=0)
