"""The protocols by hand, the calibration curve against trying every constant, hubs, and attributes that decide."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.analysis.deciding_attributes import confused_pairs, contributions
from tlcore.analysis.hubness import hubness, skewness
from tlcore.analysis.zero_shot import (
    calibration_curve,
    generalised_accuracy,
    harmonic_mean,
    per_class_mean_accuracy,
    predict,
    zero_shot_accuracy,
)

SEEN = np.array([True, True, False, False])
LABELS = np.array([0, 0, 0, 1, 2, 2, 3])
SCORES = np.array([
    [3.0, 1.0, 2.0, 0.0],
    [2.0, 1.0, 2.5, 0.0],
    [0.0, 1.0, 0.5, 0.0],
    [0.0, 4.0, 1.0, 0.0],
    [5.0, 0.0, 3.0, 1.0],
    [0.0, 0.0, 1.0, 2.0],
    [1.0, 0.0, 0.0, 1.5],
])  # fmt: skip


class TestProtocols:
    def test_per_class_mean_by_hand(self) -> None:
        # Class 0: two of three; class 1: one of one. The mean over pictures would be 3/4.
        assert per_class_mean_accuracy(np.array([0, 0, 0, 1]), np.array([0, 0, 2, 1])) == pytest.approx(5 / 6)
        assert np.isnan(per_class_mean_accuracy(np.array([], dtype=int), np.array([], dtype=int)))
        with pytest.raises(ValueError, match="one length"):
            per_class_mean_accuracy(np.array([0]), np.array([0, 1]))

    def test_harmonic_mean_by_hand(self) -> None:
        assert harmonic_mean(0.5, 0.25) == pytest.approx(1 / 3)
        assert harmonic_mean(1.0, 0.0) == 0 and harmonic_mean(0.0, 0.0) == 0

    def test_only_candidates_are_chosen(self) -> None:
        assert predict(SCORES, ~SEEN).tolist() == [2, 2, 2, 2, 2, 3, 3]
        assert predict(SCORES, np.ones(4, dtype=bool)).tolist() == [0, 2, 1, 1, 0, 3, 3]
        with pytest.raises(ValueError, match="yes for one"):
            predict(SCORES, np.zeros(4, dtype=bool))
        with pytest.raises(ValueError, match="NaN"):
            predict(SCORES * np.nan, SEEN)

    def test_the_two_protocols_by_hand(self) -> None:
        assert zero_shot_accuracy(SCORES[4:], LABELS[4:], SEEN) == pytest.approx((0.5 + 1) / 2)
        result = generalised_accuracy(SCORES, LABELS, SEEN)
        assert result.seen_accuracy == pytest.approx((1 / 3 + 1) / 2)
        assert result.generalised_unseen_accuracy == pytest.approx((0 + 1) / 2)
        assert result.harmonic_mean == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))

    def test_the_protocols_are_not_mixed(self) -> None:
        with pytest.raises(ValueError, match="an example of a seen one"):
            zero_shot_accuracy(SCORES, LABELS, SEEN)
        with pytest.raises(ValueError, match="examples of seen and of unseen"):
            generalised_accuracy(SCORES[:4], LABELS[:4], SEEN)
        with pytest.raises(ValueError, match="some unseen"):
            generalised_accuracy(SCORES, LABELS, np.ones(4, dtype=bool))


class TestCurve:
    def random(self, seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        seen = np.array([True, False, True, True, False, False, True])
        labels = np.concatenate([np.arange(7), random.integers(0, 7, 60)])
        scores = random.normal(size=(67, 7)) + 1.2 * np.eye(7)[labels] + 0.8 * seen
        return np.round(scores * 2) / 2 if ties else scores, labels, seen

    @pytest.mark.parametrize("ties", [False, True])
    @pytest.mark.parametrize("seed", range(3))
    def test_it_equals_trying_every_constant(self, seed: int, ties: bool) -> None:
        scores, labels, seen = self.random(seed, ties)
        curve = calibration_curve(scores, labels, seen)
        assert (np.diff(curve.constants) > 0).all()
        for number, constant in enumerate(curve.constants.tolist()):
            tried = generalised_accuracy(scores, labels, seen, constant)
            assert curve.seen[number] == pytest.approx(tried.seen_accuracy)
            assert curve.unseen[number] == pytest.approx(tried.generalised_unseen_accuracy)
            assert curve.at(constant).harmonic_mean == pytest.approx(tried.harmonic_mean)
        for constant in np.linspace(-6, 6, 50) + 0.0123:
            tried = generalised_accuracy(scores, labels, seen, constant)
            assert curve.at(constant).seen_accuracy == pytest.approx(tried.seen_accuracy)

    def test_its_ends_are_the_two_single_protocols(self) -> None:
        scores, labels, seen = self.random(7, False)
        curve = calibration_curve(scores, labels, seen)
        unseen = ~seen[labels]
        assert curve.unseen[-1] == pytest.approx(zero_shot_accuracy(scores[unseen], labels[unseen], seen))
        assert curve.seen[-1] == 0 and curve.unseen[0] == 0
        assert curve.seen[0] == pytest.approx(per_class_mean_accuracy(labels[~unseen], predict(scores[~unseen], seen)))
        assert 0 < curve.area < curve.unseen[-1] * curve.seen[0] + 1e-12

    def test_area_of_perfect_scores_is_one_and_of_wrong_ones_zero(self) -> None:
        _, labels, seen = self.random(0, False)
        perfect = np.eye(7)[labels]
        assert calibration_curve(perfect, labels, seen).area == pytest.approx(1.0)
        assert calibration_curve(np.roll(perfect, 1, axis=1), labels, seen).area < 0.2

    def test_the_best_constant_is_the_best(self) -> None:
        scores, labels, seen = self.random(1, False)
        curve = calibration_curve(scores, labels, seen)
        constant, best = curve.best()
        tried = [generalised_accuracy(scores, labels, seen, value).harmonic_mean for value in np.linspace(-6, 6, 400)]
        assert best.harmonic_mean >= max(tried) - 1e-12
        assert generalised_accuracy(scores, labels, seen, constant).harmonic_mean == pytest.approx(best.harmonic_mean)

    def test_a_thinned_curve_keeps_its_ends_and_most_of_its_area(self) -> None:
        random = np.random.default_rng(0)
        seen = np.arange(20) < 12
        labels = random.integers(0, 20, 4000)
        scores = random.normal(size=(4000, 20)) + 2 * np.eye(20)[labels]
        curve = calibration_curve(scores, labels, seen)
        thin = curve.thinned(50)
        assert len(thin) <= 50 < len(curve.constants)
        assert thin[0].tolist() == [curve.constants[0], curve.unseen[0], curve.seen[0]]
        assert (np.diff(thin[:, 0]) > 0).all()
        assert float(np.trapezoid(thin[:, 2], thin[:, 1])) == pytest.approx(curve.area, abs=0.01)

    def test_a_thinned_curve_has_a_point_where_nothing_is_taken_from_the_scores(self) -> None:
        for seed in range(6):
            scores, labels, seen = self.random(seed, False)
            curve, plain = calibration_curve(scores, labels, seen), generalised_accuracy(scores, labels, seen)
            at = {constant: (unseen, right) for constant, unseen, right in curve.thinned(9).tolist()}
            assert at[0.0] == pytest.approx((plain.generalised_unseen_accuracy, plain.seen_accuracy))

    def test_a_class_that_may_not_be_chosen_has_a_score_of_minus_infinity(self) -> None:
        scores, labels, seen = self.random(2, False)
        scores[:, 0] = -np.inf
        curve = calibration_curve(scores, labels, seen)
        assert np.isfinite(curve.constants).all() and np.isfinite(curve.area)


class TestHubness:
    def test_one_hub(self) -> None:
        scores = np.zeros((10, 5))
        scores[:8, 2] = 1
        scores[8:, 4] = 1
        result = hubness(scores, labels=np.arange(10) % 5)
        assert result.occurrences.tolist() == [0, 0, 8, 0, 2]
        assert result.nearest.tolist() == [0, 0, 0.8, 0, 0.2]
        assert result.excess() == pytest.approx([-0.2, -0.2, 0.6, -0.2, 0.0])
        mean, deviation = 2.0, np.sqrt((3 * 4 + 36 + 0) / 5)
        assert result.skewness == pytest.approx(((3 * (-8) + 216) / 5) / deviation**3) and mean == 2.0

    def test_k_neighbours(self) -> None:
        scores = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0]])
        assert hubness(scores, k=2).occurrences.tolist() == [1, 2, 1]
        assert hubness(scores, k=3).skewness == 0
        assert hubness(scores).excess() == pytest.approx([1 / 6, 1 / 6, -1 / 3])

    def test_dimensions_make_hubs(self) -> None:
        random = np.random.default_rng(0)

        def measured(width: int) -> float:
            points, queries = random.normal(size=(100, width)), random.normal(size=(2000, width))
            distances = (queries**2).sum(1)[:, None] + (points**2).sum(1) - 2 * queries @ points.T
            return hubness(-distances, k=5).skewness

        assert measured(100) > measured(2) + 0.5

    def test_skewness_of_equals_is_zero(self) -> None:
        assert skewness(np.full(4, 3)) == 0 and skewness(np.array([0, 0, 3])) > 0 > skewness(np.array([3, 3, 0]))

    def test_refused(self) -> None:
        for k in (0, 4):
            with pytest.raises(ValueError, match="k must be from 1 to the 3 classes"):
                hubness(np.zeros((2, 3)), k=k)
        with pytest.raises(ValueError, match="as many labels"):
            hubness(np.zeros((2, 3)), labels=np.zeros(3, dtype=int))
        with pytest.raises(ValueError, match="without NaN"):
            hubness(np.full((2, 3), np.nan))


class TestDecidingAttributes:
    def test_contributions_sum_to_the_lead(self) -> None:
        random = np.random.default_rng(1)
        evidence, vectors = random.normal(size=(6, 5)), random.random((3, 5))
        scores = evidence @ vectors.T
        parts = contributions(evidence, vectors[0], vectors[2])
        assert parts.shape == (6, 5)
        assert parts.sum(axis=1) == pytest.approx(scores[:, 0] - scores[:, 2])
        assert contributions(evidence[0], vectors[0], vectors[0]) == pytest.approx(np.zeros(5))

    def test_the_worst_pair_and_what_it_is_confused_through(self) -> None:
        vectors = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
        labels = np.array([0, 0, 0, 0, 1, 1, 2])
        predictions = np.array([1, 1, 1, 0, 0, 1, 2])
        evidence = np.zeros((7, 3))
        evidence[:3] = [[5, 2, -1], [5, 4, 1], [5, 3, 0]]  # attribute 1 speaks for class 1, wrongly
        evidence[4] = [0, 0, 2]
        counts = np.array([[1, 3, 0], [1, 1, 0], [0, 0, 1]])
        first, second = confused_pairs(counts, evidence, labels, predictions, vectors)
        assert (first.label, first.prediction, first.count, first.share) == (0, 1, 3, 0.75)
        assert first.contributions == pytest.approx([0, 3, 0]) and first.attributes[0] == 1
        assert (second.label, second.prediction, second.share) == (1, 0, 0.5) and second.attributes[0] == 2
        assert len(confused_pairs(counts, evidence, labels, predictions, vectors, most=1)) == 1
        assert confused_pairs(np.eye(3, dtype=int), evidence, labels, predictions, vectors) == []

    def test_how_many_are_confused_is_of_all_that_was_tested_and_only_the_attributes_of_the_few_known(self) -> None:
        vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
        counts = np.array([[40, 0, 60], [5, 95, 0], [0, 50, 50]])
        evidence, labels = np.array([[0.0, 2.0], [0.0, 4.0]]), np.array([1, 0])
        found = confused_pairs(counts, evidence, labels, np.array([0, 2]), vectors)
        assert [(pair.label, pair.prediction, pair.count) for pair in found] == [(0, 2, 60), (2, 1, 50), (1, 0, 5)]
        assert [pair.share for pair in found] == [0.6, 0.5, 0.05]
        assert [len(pair.attributes) for pair in found] == [2, 0, 2]
        assert found[0].contributions == pytest.approx([0, 2])

    def test_refused(self) -> None:
        with pytest.raises(ValueError, match="different attributes"):
            contributions(np.zeros(3), np.zeros(4), np.zeros(4))
        with pytest.raises(ValueError, match="one label and one prediction"):
            confused_pairs(np.eye(2), np.zeros((2, 3)), np.zeros(3, int), np.zeros(3, int), np.zeros((2, 3)))
        with pytest.raises(ValueError, match="not of the 2 classes"):
            confused_pairs(np.eye(3), np.zeros((2, 3)), np.zeros(2, int), np.zeros(2, int), np.zeros((2, 3)))
