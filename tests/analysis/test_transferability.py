"""LogME and LEEP against versions written out, what they must not depend on, and what they must rank."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tlcore.analysis.transferability import NOISE_FLOOR, leep, logme


def clusters(count: int, width: int, classes: int, gap: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = np.random.default_rng(99).normal(size=(classes, width))
    return gap * centres[labels] + random.normal(size=(count, width)), labels


def naive_evidence(features: np.ndarray, indicator: np.ndarray, alpha: float, beta: float) -> float:
    """log p(y | F, α, β): y is normal with mean 0 and covariance I/β + FFᵀ/α."""
    covariance = np.eye(len(features)) / beta + features @ features.T / alpha
    _, log_determinant = np.linalg.slogdet(2 * np.pi * covariance)
    return -0.5 * (log_determinant + indicator @ np.linalg.solve(covariance, indicator))


def brute_force_logme(features: np.ndarray, labels: np.ndarray) -> float:
    """The best of a fine grid over log α and log β, improved by a search without derivatives."""
    total = []
    for label in np.unique(labels):
        indicator = (labels == label).astype(float)

        def lost(logarithms: np.ndarray, indicator: np.ndarray = indicator) -> float:
            beta = min(np.exp(logarithms[1]), 1 / NOISE_FLOOR)
            return -naive_evidence(features, indicator, np.exp(logarithms[0]), beta)

        starts = [(a, b) for a in np.linspace(-14, 14, 29) for b in np.linspace(-2, 13.5, 12)]
        start = min(starts, key=lambda start: lost(np.array(start)))
        options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 2000}
        found = minimize(lost, np.array(start), method="Nelder-Mead", options=options)
        total.append(-found.fun / len(features))
    return float(np.mean(total))


def iterated_logme(features: np.ndarray, labels: np.ndarray) -> float:
    """Algorithm 1 of the paper with its matrices as they stand, iterated until nothing changes."""
    count, width = features.shape
    total = []
    for label in np.unique(labels):
        indicator = (labels == label).astype(float)
        alpha, beta = 1.0, 1.0
        for _ in range(500):
            precision = alpha * np.eye(width) + beta * features.T @ features
            mean = beta * np.linalg.solve(precision, features.T @ indicator)
            effective = width - alpha * np.trace(np.linalg.inv(precision))
            alpha = effective / (mean @ mean)
            beta = (count - effective) / ((features @ mean - indicator) ** 2).sum()
        precision = alpha * np.eye(width) + beta * features.T @ features
        mean = beta * np.linalg.solve(precision, features.T @ indicator)
        evidence = count / 2 * np.log(beta) + width / 2 * np.log(alpha) - count / 2 * np.log(2 * np.pi)
        evidence -= beta / 2 * ((features @ mean - indicator) ** 2).sum() + alpha / 2 * (mean @ mean)
        total.append((evidence - 0.5 * np.linalg.slogdet(precision)[1]) / count)
    return float(np.mean(total))


@pytest.mark.parametrize(
    ("count", "width", "classes", "gap"),
    [(24, 3, 2, 1.5), (24, 3, 3, 0.5), (12, 30, 3, 1.0), (12, 12, 2, 1.0), (6, 20, 6, 2.0)],
)
def test_logme_is_the_evidence_maximised_by_brute_force(count: int, width: int, classes: int, gap: float) -> None:
    """Also where there are more features than examples, and for one example a class."""
    features, labels = clusters(count, width, classes, gap)
    expected = brute_force_logme(features, labels)
    assert logme(features, labels) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(("count", "width", "classes"), [(60, 4, 2), (60, 10, 3), (30, 40, 3)])
def test_logme_is_the_fixed_point_of_the_papers_iteration(count: int, width: int, classes: int) -> None:
    features, labels = clusters(count, width, classes, gap=1.0)
    assert logme(features, labels) == pytest.approx(iterated_logme(features, labels), abs=1e-8)


def test_logme_of_features_that_tell_nothing_is_that_of_noise_alone() -> None:
    """The evidence then grows with α without end, towards that of w = 0."""
    labels = np.array([0, 0, 1, 1] * 5)
    alternating = np.array([1.0, -1.0] * 10)[:, None]  # at right angles to both classes
    noise_alone = 0.5 * (np.log(20 / 10) - np.log(2 * np.pi) - 1)
    assert logme(alternating, labels) == pytest.approx(noise_alone, abs=1e-6)
    assert logme(np.zeros((20, 3)), labels) == pytest.approx(noise_alone, abs=1e-12)


def test_logme_ignores_rotation_scale_padding_and_names_of_classes() -> None:
    random = np.random.default_rng(1)
    for count, width in ((50, 8), (10, 30)):
        features, labels = clusters(count, width, 3, gap=1.0)
        value = logme(features, labels)
        rotation = np.linalg.qr(random.normal(size=(width, width)))[0]
        order = random.permutation(count)
        assert logme(features @ rotation, labels) == pytest.approx(value, abs=1e-9)
        for scale in (1e-200, 1e-3, 1e5, 1e200):
            assert logme(features * scale, labels) == pytest.approx(value, abs=1e-9)
        assert logme(np.pad(features, ((0, 0), (0, 5))), labels) == pytest.approx(value, abs=1e-9)
        assert logme(features[order], labels[order]) == pytest.approx(value, abs=1e-9)
        assert logme(features, np.array([40, -7, 3])[labels]) == pytest.approx(value, abs=1e-9)
        stretched = features * np.array([100.0] + [1.0] * (width - 1))
        assert abs(logme(stretched, labels) - value) > 1e-3  # it is a measure of these features, after all


def test_logme_rises_with_the_gap_between_classes() -> None:
    for count, width in ((90, 6), (30, 60)):
        values = [logme(*clusters(count, width, 3, gap)) for gap in (0.0, 0.3, 1.0, 3.0, 10.0)]
        assert values == sorted(values)
    features, labels = clusters(90, 6, 3, gap=1.0)
    shuffled = np.random.default_rng(0).permutation(labels)
    assert logme(features, labels) > logme(features, shuffled) + 0.1


def test_logme_is_not_taken_in_by_features_that_only_add_width() -> None:
    """What a least-squares fit would gain from noise, the evidence does not."""
    features, labels = clusters(60, 5, 3, gap=1.0)
    noise = np.random.default_rng(3).normal(size=(60, 100))
    assert logme(np.hstack([features, noise]), labels) < logme(features, labels)


def test_logme_of_features_that_tell_everything_is_finite() -> None:
    labels = np.arange(40) % 4
    exact = np.eye(4)[labels]
    repeated = np.hstack([exact] * 30)  # more features than examples, of rank 4
    highest = 0.5 * (np.log(1 / NOISE_FLOOR) - np.log(2 * np.pi))
    for features in (exact, repeated):
        value = logme(features, labels)
        assert 5.0 < value < highest
    nearly = exact + 0.01 * np.random.default_rng(0).normal(size=exact.shape)
    assert logme(exact, labels) > logme(nearly, labels) > logme(*clusters(40, 4, 4, gap=1.0))


def test_logme_in_single_precision_differs_by_rounding_alone() -> None:
    features, labels = clusters(200, 20, 5, gap=1.0)
    assert logme(features.astype(np.float32), labels) == pytest.approx(logme(features, labels), abs=1e-5)


@given(
    count=st.integers(2, 12),
    width=st.integers(1, 12),
    exponent=st.integers(-8, 8),
    rank=st.integers(0, 4),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=60, deadline=None)
def test_logme_is_always_a_number_and_no_less_than_that_of_noise_alone(
    count: int, width: int, exponent: int, rank: int, seed: int
) -> None:
    """w = 0 is one of the models, so it bounds the maximum from below."""
    random = np.random.default_rng(seed)
    features = 10.0**exponent * random.normal(size=(count, rank)) @ random.normal(size=(rank, width))
    labels = np.append(random.integers(0, 3, count - 2), [0, 1])
    shares = np.unique(labels, return_counts=True)[1] / count
    noise_alone = float(np.mean(0.5 * (-np.log(shares) - np.log(2 * np.pi) - 1)))
    value = logme(features, labels)
    assert np.isfinite(value) and value >= noise_alone - 1e-6


def probabilities(count: int, classes: int, seed: int = 0, sharpness: float = 2.0) -> np.ndarray:
    scores = np.exp(sharpness * np.random.default_rng(seed).normal(size=(count, classes)))
    return scores / scores.sum(axis=1, keepdims=True)


def naive_leep(theta: np.ndarray, labels: np.ndarray) -> float:
    """Equations 1 and 2 of the paper, sum by sum."""
    count, source_classes = theta.shape

    def joint(y: int, z: int) -> float:
        return sum(theta[i, z] for i in range(count) if labels[i] == y) / count

    def marginal(z: int) -> float:
        return sum(joint(int(y), z) for y in np.unique(labels))

    total = 0.0
    for i in range(count):
        total += np.log(sum(joint(labels[i], z) / marginal(z) * theta[i, z] for z in range(source_classes)))
    return total / count


@pytest.mark.parametrize(("count", "source_classes", "classes"), [(15, 4, 3), (12, 2, 6), (9, 20, 2)])
def test_leep_equals_the_double_sums(count: int, source_classes: int, classes: int) -> None:
    theta, labels = probabilities(count, source_classes), np.arange(count) % classes
    assert leep(theta, labels) == pytest.approx(naive_leep(theta, labels), abs=1e-12)


def test_leep_ignores_the_order_of_classes_and_what_is_never_said() -> None:
    random = np.random.default_rng(2)
    theta, labels = probabilities(40, 6), np.arange(40) % 3
    value = leep(theta, labels)
    order = random.permutation(40)
    assert leep(theta[:, random.permutation(6)], labels) == pytest.approx(value, abs=1e-12)
    assert leep(theta[order], labels[order]) == pytest.approx(value, abs=1e-12)
    assert leep(theta, np.array([9, -2, 4])[labels]) == pytest.approx(value, abs=1e-12)
    assert leep(np.pad(theta, ((0, 0), (0, 3))), labels) == pytest.approx(value, abs=1e-12)
    halved = np.hstack([theta[:, :1] / 2, theta[:, :1] / 2, theta[:, 1:]])  # one source class in two equal parts
    assert leep(halved, labels) == pytest.approx(value, abs=1e-12)
    assert leep(theta.astype(np.float16), labels) == pytest.approx(value, abs=1e-2)


def test_leep_is_highest_where_source_classes_tell_the_labels_and_lowest_where_they_say_nothing() -> None:
    labels = np.arange(60) % 3
    certain = np.eye(5)[np.array([4, 0, 2])[labels]]
    silent = np.full((60, 5), 0.2)
    mixed = [leep((1 - share) * certain + share * silent, labels) for share in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert mixed == sorted(mixed, reverse=True)
    assert mixed[0] == pytest.approx(0.0, abs=1e-12)
    assert mixed[-1] == pytest.approx(-np.log(3), abs=1e-12)  # what the shares of the classes alone tell
    merged = np.eye(2)[np.array([0, 0, 1])[labels]]  # the source cannot tell the first two apart
    assert leep(merged, labels) == pytest.approx(-np.log(2) * 2 / 3, abs=1e-12)


@given(count=st.integers(2, 20), source_classes=st.integers(1, 6), seed=st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_leep_is_at_most_zero(count: int, source_classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.append(random.integers(0, 4, count - 2), [0, 1])
    value = leep(probabilities(count, source_classes, seed, sharpness=8.0), labels)
    assert np.isfinite(value) and value <= 1e-12


@pytest.mark.parametrize("measure", [logme, leep])
def test_malformed_input_is_refused_in_one_sentence(measure) -> None:
    table, labels = probabilities(6, 3), np.arange(6) % 2
    for features, given_labels, sentence in (
        (table[0], labels, "table of examples"),
        (table[:, :0], labels, "table of examples"),
        (table[:5], labels, "one label for each of the 5"),
        (table, labels[:, None], "one label for each of the 6"),
        (table, labels.astype(float), "whole numbers"),
        (table, np.zeros(6, dtype=int), "at least two classes"),
        (table[:0], labels[:0], "at least two classes"),
        (np.where(table == table.max(), np.nan, table), labels, "NaN|probabilities"),
        (np.where(table == table.max(), np.inf, table), labels, "NaN|probabilities"),
    ):
        with pytest.raises(ValueError, match=sentence) as refused:
            measure(features, given_labels)
        assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


def test_leep_refuses_scores_that_are_no_probabilities() -> None:
    table, labels = probabilities(6, 3), np.arange(6) % 2
    for scores in (np.log(table), 2 * table, table - 0.5):
        with pytest.raises(ValueError, match="must be probabilities"):
            leep(scores, labels)
